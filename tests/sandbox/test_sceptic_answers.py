"""Answers that are not what they seem: cut short by the network, or no JSON although a function has given them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError

from cloud_sync_common.edges.whole_answers import refuse_cut_answer
from cloud_sync_common.wiring.clients import retrying_client
from sandbox.wire.orders import UNDISTURBED, Cut, Ending, Orders
from tests.sandbox.aws_support import Bench as StatesBench
from tests.sandbox.aws_support import machine, spec, task, write_handler
from tests.sandbox.gateway_support import Bench, row

ODD = """
def handler(event, context):
    return {"odd": "\\ud800" if event["odd"] == "half" else float(event["odd"])}
"""


@pytest.fixture(name="bench", scope="module")
def _bench() -> Iterator[Bench]:
    with Bench() as bench:
        yield bench


@pytest.mark.parametrize("after", [0, 10])
def test_an_answer_that_ends_early_is_no_answer(bench: Bench, after: int) -> None:
    secrets = bench.client("secretsmanager")
    secrets.meta.events.register("before-parse", refuse_cut_answer)
    bench.orders = UNDISTURBED
    name = f"cookies-{after}"
    secrets.create_secret(Name=name, SecretString="value")
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == "value"
    bench.orders = Orders(cut=Cut(Ending.CLOSE, after))
    with pytest.raises(IncompleteReadError):
        secrets.describe_secret(SecretId=name)
    with pytest.raises(IncompleteReadError):
        secrets.get_secret_value(SecretId=name)


def test_a_row_whose_answer_was_cut_is_not_taken_for_absent(bench: Bench) -> None:
    bench.orders = UNDISTURBED
    dynamodb = bench.table()
    dynamodb.meta.events.register("before-parse", refuse_cut_answer)
    [table] = dynamodb.list_tables()["TableNames"]
    dynamodb.put_item(TableName=table, Item=row("m1"))
    bench.orders = Orders(cut=Cut(Ending.CLOSE, 3))
    with pytest.raises(IncompleteReadError):
        dynamodb.get_item(TableName=table, Key=row("m1"))


@pytest.mark.parametrize("odd", ["nan", "inf", "-inf", "half"])
def test_what_json_does_not_have_fails_the_execution(tmp_path: Path, odd: str) -> None:
    with StatesBench(tmp_path) as states:
        states.host.register(spec(write_handler(tmp_path / "odd", ODD)))
        shown: dict[str, Any] = states.run(machine(Work=task()), {"odd": odd})
    assert (shown["status"], shown["error"]) == ("FAILED", "States.Runtime")
    assert "not JSON" in shown["cause"]


def test_every_client_of_the_functions_refuses_cut_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = retrying_client("secretsmanager")
    operation = client.meta.service_model.operation_model("DescribeSecret")
    cut = {"status_code": 200, "headers": {"content-length": "2"}, "body": b"{"}
    with pytest.raises(IncompleteReadError):
        client.meta.events.emit("before-parse.x.y", operation_model=operation, response_dict=cut)
