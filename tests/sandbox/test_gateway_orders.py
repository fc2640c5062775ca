"""What can be made to go wrong with a call to moto, seen through real clients."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from moto.sns.models import sns_backends

from sandbox.aws.gateway.gateway import Gateway
from sandbox.aws.gateway.log import CallLog
from sandbox.aws.moto_server import ACCOUNT_ID
from sandbox.wire.callers import NOBODY, Callers
from sandbox.wire.orders import Cut, Ending, Kill, Orders, Refusal, undisturbed
from sandbox.wire.outlet import line_to
from tests.sandbox.gateway_support import REGION, Bench, row, signed

LOST = Orders(lost=True)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as running:
        yield running


def refused(ask: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        ask(**parameters)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "operation", "status", "code"),
    [
        ("dynamodb", "list_tables", 400, "ProvisionedThroughputExceededException"),
        ("dynamodb", "list_tables", 500, "InternalServerError"),
        ("dynamodb", "list_tables", 503, "ServiceUnavailable"),
        ("secretsmanager", "list_secrets", 400, "ThrottlingException"),
        ("kms", "list_keys", 403, "AccessDeniedException"),
        ("kms", "list_keys", 500, "KMSInternalException"),
        ("sns", "list_topics", 429, "Throttled"),
        ("sns", "list_topics", 403, "AuthorizationError"),
        ("stepfunctions", "list_state_machines", 400, "ThrottlingException"),
        ("lambda", "list_functions", 429, "TooManyRequestsException"),
    ],
)
@pytest.mark.verifies("faults.api")
def test_a_refusal_has_the_services_own_shape_and_code(
    bench: Bench, service: str, operation: str, status: int, code: str
) -> None:
    bench.orders = Orders(carried_out=0, refusal=Refusal(status))
    assert refused(getattr(bench.client(service), operation)) == (code, status)
    assert (bench.last().status, bench.last().error) == (status, code)


def test_a_refusals_own_code_headers_and_body_are_used(bench: Bench) -> None:
    dynamodb = bench.client("dynamodb")
    bench.orders = Orders(carried_out=0, refusal=Refusal(400, "KMS.DisabledException", {"Retry-After": "7"}))
    with pytest.raises(ClientError) as error:
        dynamodb.list_tables()
    assert error.value.response["Error"]["Code"] == "KMS.DisabledException"
    assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    bench.orders = Orders(carried_out=0, refusal=Refusal(503, body=b"<html>"))
    assert refused(dynamodb.list_tables)[1] == 503


@pytest.mark.parametrize("times", [0, 1, 2])
@pytest.mark.verifies("faults.api")
def test_a_call_is_carried_out_as_often_as_ordered(bench: Bench, times: int) -> None:
    topics = bench.client("sns")
    arn = topics.create_topic(Name="t")["TopicArn"]
    bench.orders = Orders(carried_out=times, refusal=Refusal(500))
    assert refused(topics.publish, TopicArn=arn, Message="m") == ("InternalError", 500)
    assert len(sns_backends[ACCOUNT_ID][REGION].topics[arn].sent_notifications) == times


def test_a_duplicated_call_gets_the_answer_of_the_second(bench: Bench) -> None:
    dynamodb = bench.table()
    bench.orders = Orders(carried_out=2)
    condition = "attribute_not_exists(media_id)"
    code, _ = refused(dynamodb.put_item, TableName="t", Item=row("m"), ConditionExpression=condition)
    assert code == "ConditionalCheckFailedException"


@pytest.mark.verifies("faults.api")
def test_an_answer_that_is_lost_leaves_the_work_done(bench: Bench) -> None:
    dynamodb = bench.table()
    bench.orders = LOST
    with pytest.raises(HTTPClientError):
        dynamodb.put_item(TableName="t", Item=row("m"))
    assert bench.last().status == 200
    bench.orders = Orders()
    assert dynamodb.get_item(TableName="t", Key=row("m"))["Item"] == row("m")


@pytest.mark.verifies("faults.api")
def test_an_answer_that_is_reset_breaks_the_call(bench: Bench) -> None:
    bench.orders = Orders(cut=Cut(Ending.RESET, after=5))
    with pytest.raises(HTTPClientError):
        bench.client("dynamodb").list_tables()


@pytest.mark.parametrize("after", [0, 5])
@pytest.mark.verifies("faults.api")
def test_an_answer_that_is_closed_early_is_shorter_than_it_says(bench: Bench, after: int) -> None:
    bench.orders = Orders(cut=Cut(Ending.CLOSE, after=after))
    connection = HTTPConnection(bench.server.url.removeprefix("http://"), timeout=10)
    with closing(connection):
        connection.request("POST", "/", b"{}", signed("dynamodb", "DynamoDB_20120810.ListTables", bench.key.id))
        with pytest.raises(IncompleteRead) as short:
            connection.getresponse().read()
    assert len(short.value.partial) == after
    assert short.value.expected


@pytest.mark.parametrize("orders", [LOST, Orders(carried_out=0, cut=Cut(Ending.RESET)), Orders(upload_cut=10)])
def test_a_torn_connection_is_seen_as_such_and_the_next_call_works(bench: Bench, orders: Orders) -> None:
    dynamodb = bench.client("dynamodb")
    bench.orders = orders
    with pytest.raises(HTTPClientError) as error:
        dynamodb.create_table(
            TableName="u",
            KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    assert isinstance(error.value, ConnectionClosedError)
    bench.orders = Orders()
    assert dynamodb.list_tables()["TableNames"] == (["u"] if orders == LOST else [])


def test_a_cut_upload_leaves_nothing_done_and_a_record_without_status(bench: Bench) -> None:
    bench.orders = Orders(upload_cut=10)
    with pytest.raises(HTTPClientError):
        bench.client("dynamodb").put_item(TableName="t", Item=row("m"))
    assert (bench.last().operation, bench.last().status) == ("PutItem", 0)


def test_headers_can_be_edited_and_taken_away(bench: Bench) -> None:
    bench.orders = Orders(headers={"x-amz-crc32": None, "X-Odd": "1", "content-type": "text/html"})
    headers = bench.client("dynamodb").list_tables()["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-odd"], headers["content-type"], "x-amz-crc32" in headers) == ("1", "text/html", False)


def test_an_answer_is_late_by_the_delay_that_is_ordered(bench: Bench) -> None:
    topics = bench.client("sns")
    bench.orders = Orders(delay=0.2)
    began = time.monotonic()
    topics.list_topics()
    assert time.monotonic() - began >= 0.2


def test_closing_the_server_ends_a_stall() -> None:
    with Bench() as bench:
        bench.orders = Orders(cut=Cut(Ending.STALL, after=1, seconds=600))
        address = bench.server.url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as client:
            client.sendall(b"GET /moto-api/ HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1)


PROGRAM = """
import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1], data=b"{}", headers=json.loads(sys.argv[2]))
print("asking", flush=True)
sys.stdin.readline()
urllib.request.urlopen(request).read()
sys.stdin.readline()
"""


@pytest.mark.parametrize(("moment", "status"), [(Kill.REQUEST, 0), (Kill.BEFORE_ANSWER, 200), (Kill.AFTER_ANSWER, 200)])
@pytest.mark.verifies("faults.kill")
def test_the_calling_process_is_killed_at_the_ordered_moment(moment: Kill, status: int) -> None:
    pids: dict[str, list[int]] = {}
    with Bench(Callers(lambda: pids)) as bench:
        bench.orders = Orders(kill=moment)
        headers = json.dumps(signed("dynamodb", "DynamoDB_20120810.ListTables", bench.key.id))
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, bench.server.url, headers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            pids["worker"] = [process.pid]
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.wait(20) == -9
        assert [call.caller.function for call in bench.planned if call.caller] == ["worker"]
        assert (bench.last().operation, bench.last().status) == ("ListTables", status)


def test_a_failure_of_moto_is_answered_recorded_and_raised() -> None:
    def broken(_environ: dict[str, Any], _start_response: Any) -> Any:
        raise NotImplementedError("list_map_runs is not emulated")

    log = CallLog()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": None, "HTTP_X_AMZ_TARGET": "A.ListMapRuns"}
        gateway = Gateway(broken, undisturbed, None, float, log)
        with pytest.raises(NotImplementedError):
            gateway.serve({**environ, "wsgi.input": ours.makefile("rb")}, line_to(theirs, float), NOBODY.peer(theirs))
        answer = ours.recv(65536)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"moto failed: list_map_runs is not emulated" in answer
    assert [(call.operation, call.status, call.error) for call in log.calls()] == [
        ("ListMapRuns", 500, "NotImplementedError")
    ]
