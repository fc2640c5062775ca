"""moto's server and the repairs: what vanilla does wrong, what the repaired one does."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.dynamodb.responses import DynamoHandler
from moto.sns.models import sns_backends

from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.moto_server import ACCOUNT_ID, MotoServer, UnverifiedMoto
from sandbox.aws.repairs import dynamodb_lock
from sandbox.aws.repairs.patching import replaced
from tests.sandbox.aws_support import Bench, machine


def client(server: MotoServer, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs know literal names only
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"max_attempts": 0}),
    )


@pytest.fixture
def server() -> Iterator[MotoServer]:
    running = MotoServer()
    yield running
    running.close()


def test_a_new_server_is_an_empty_account() -> None:
    for _ in range(2):
        with closing(MotoServer()) as server, closing(client(server, "sns")) as sns:
            assert sns.list_topics()["Topics"] == []
            sns.create_topic(Name="left-behind")


def test_what_others_left_in_moto_is_forgotten() -> None:
    sns_backends[ACCOUNT_ID]["us-east-1"].create_topic("stray")
    with closing(MotoServer()) as server, closing(client(server, "sns")) as sns:
        assert sns.list_topics()["Topics"] == []


def test_closing_leaves_no_thread_even_with_a_client_connected_and_the_environment_as_it_was() -> None:
    threads, environment = set(threading.enumerate()), dict(os.environ)
    server = MotoServer()
    sns = client(server, "sns")
    sns.list_topics()
    server.close()
    assert set(threading.enumerate()) <= threads
    assert dict(os.environ) == environment
    sns.close()


@pytest.mark.verifies("guards.moto")
def test_another_version_of_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto, "__version__", "6.0.0")
    with pytest.raises(UnverifiedMoto, match="install moto=="):
        MotoServer()


@pytest.mark.verifies("guards.repairs")
def test_a_repair_whose_place_has_gone_is_noticed() -> None:
    with pytest.raises(AttributeError), replaced(DynamoHandler, "call_action_of_another_version", None):
        pass


def _overlaps(server: MotoServer, *, repaired: bool) -> bool:
    """Tell whether two DynamoDB actions were at work at the same time."""
    together: list[int] = []
    at_work = 0
    guard = threading.Lock()
    original = DynamoHandler.list_tables

    def slow(self: DynamoHandler) -> Any:
        nonlocal at_work
        with guard:
            at_work += 1
            together.append(at_work)
        time.sleep(0.05)
        with guard:
            at_work -= 1
        return original(self)

    dynamodb = client(server, "dynamodb")
    with replaced(DynamoHandler, "list_tables", slow), ThreadPoolExecutor(4) as pool:
        if repaired:
            with dynamodb_lock.installed():
                list(pool.map(lambda _: dynamodb.list_tables(), range(4)))
        else:
            list(pool.map(lambda _: dynamodb.list_tables(), range(4)))
    dynamodb.close()
    return max(together) > 1


@pytest.mark.verifies("guards.repairs")
def test_vanilla_dynamodb_runs_actions_into_each_other(server: MotoServer) -> None:
    assert _overlaps(server, repaired=False)


@pytest.mark.verifies("dynamodb.one-at-a-time", "dynamodb.no-lost-updates")
def test_repaired_dynamodb_runs_one_action_at_a_time(server: MotoServer) -> None:
    assert not _overlaps(server, repaired=True)


@pytest.mark.verifies("dynamodb.no-lost-updates")
def test_repaired_dynamodb_loses_no_update(server: MotoServer) -> None:
    dynamodb = client(server, "dynamodb")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def add(_: int) -> None:
        dynamodb.update_item(
            TableName="t",
            Key={"id": {"S": "a"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with dynamodb_lock.installed(), ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(80)))
    assert dynamodb.get_item(TableName="t", Key={"id": {"S": "a"}})["Item"]["n"] == {"N": "80"}
    dynamodb.close()


def test_a_transaction_still_works_under_the_lock(server: MotoServer) -> None:
    dynamodb = client(server, "dynamodb")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with dynamodb_lock.installed():
        put = {"Put": {"TableName": "t", "Item": {"id": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(id)"}}
        dynamodb.transact_write_items(TransactItems=[put])
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
            dynamodb.transact_write_items(TransactItems=[put])
    dynamodb.close()


@pytest.mark.verifies("guards.repairs")
def test_vanilla_step_functions_never_ends_an_execution(server: MotoServer) -> None:
    sfn = client(server, "stepfunctions")
    made = sfn.create_state_machine(
        name="m",
        definition=json.dumps(machine(Done={"Type": "Succeed"})),
        roleArn="arn:aws:iam::123456789012:role/r",
    )
    arn = sfn.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    assert sfn.describe_execution(executionArn=arn)["status"] == "RUNNING"
    history = sfn.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in history][-1] == "ExecutionSucceeded"
    sfn.close()


@pytest.mark.verifies("functions.invoke")
def test_an_invocation_through_the_api_reaches_the_function_host(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        lambda_, iam = bench.client("lambda"), bench.client("iam")
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        _register(lambda_, role)
        answer = lambda_.invoke(FunctionName="worker", Payload=b'{"n": 1}')
        assert json.loads(answer["Payload"].read()) == {"n": 1}
        assert "FunctionError" not in answer
        failed = lambda_.invoke(FunctionName="worker", Payload=b'{"action": "raise"}')
        assert failed["FunctionError"] == "Unhandled"
        assert json.loads(failed["Payload"].read())["errorType"] == "CustomError"
        with pytest.raises(ClientError, match="synchronously only"):
            lambda_.invoke(FunctionName="worker", InvocationType="Event", Payload=b"{}")
        for each in (lambda_, iam):
            each.close()


@pytest.mark.verifies("functions.invoke")
def test_a_throttled_invocation_through_the_api_says_so(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench:
        lambda_, iam = bench.client("lambda"), bench.client("iam")
        _register(lambda_, iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"])
        FunctionHost.close(bench.host)
        with pytest.raises(lambda_.exceptions.TooManyRequestsException):
            lambda_.invoke(FunctionName="worker", Payload=b"{}")
        for each in (lambda_, iam):
            each.close()


def _register(lambda_: Any, role: str) -> None:
    lambda_.create_function(
        FunctionName="worker", Role=role, Runtime="python3.13", Handler="handler.handler", Code={"ZipFile": b"x"}
    )


def test_map_runs_are_not_pretended(tmp_path: Path) -> None:
    with Bench(tmp_path) as bench, pytest.raises(ClientError):
        bench.sfn.list_map_runs(executionArn="arn:aws:states:us-east-1:123456789012:execution:m:r")
