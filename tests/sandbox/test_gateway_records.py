"""What the gateway writes down of calls to moto, and whom it lets in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.gateway.log import MEMBERS
from sandbox.aws.keys import AccessKey
from tests.sandbox.gateway_support import Bench, row

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:m:e"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as running:
        yield running


@pytest.fixture(scope="module")
def table(bench: Bench) -> Any:
    return bench.table()


CALLS: list[tuple[str, str, str, str, Callable[[Any], Any]]] = [
    ("dynamodb", "dynamodb", "DescribeTable", "gone", lambda c: c.describe_table(TableName="gone")),
    ("secretsmanager", "secretsmanager", "GetSecretValue", "s", lambda c: c.get_secret_value(SecretId="s")),
    ("kms", "kms", "DescribeKey", "k", lambda c: c.describe_key(KeyId="k")),
    ("sns", "sns", "Publish", TOPIC, lambda c: c.publish(TopicArn=TOPIC, Message="m")),
    ("stepfunctions", "states", "DescribeExecution", EXECUTION, lambda c: c.describe_execution(executionArn=EXECUTION)),
    ("lambda", "lambda", "GetFunction", "f", lambda c: c.get_function(FunctionName="f")),
    ("sts", "sts", "GetCallerIdentity", "", lambda c: c.get_caller_identity()),
    ("logs", "logs", "DeleteLogGroup", "g", lambda c: c.delete_log_group(logGroupName="g")),
    ("scheduler", "scheduler", "GetSchedule", "s", lambda c: c.get_schedule(Name="s")),
    ("sqs", "sqs", "CreateQueue", "q", lambda c: c.create_queue(QueueName="q")),
    ("iam", "iam", "GetRole", "r", lambda c: c.get_role(RoleName="r")),
]


@pytest.mark.parametrize(("client", "service", "operation", "resource", "ask"), CALLS, ids=[each[0] for each in CALLS])
@pytest.mark.verifies("account.calls-recorded")
def test_a_call_is_recorded_by_service_operation_and_resource(
    bench: Bench, client: str, service: str, operation: str, resource: str, ask: Callable[[Any], Any]
) -> None:
    code, status = None, 200
    try:
        ask(bench.client(client))
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    found = bench.last()
    assert (found.service, found.operation, found.resource) == (service, operation, resource)
    assert (found.access_key_id, found.owner, found.status) == (bench.key.id, "worker", status)
    assert found.error == code
    assert [call.service for call in bench.planned[-1:]] == [service]


def test_numbers_count_from_one_in_the_order_of_arrival() -> None:
    with Bench() as fresh:
        topics = fresh.client("sns")
        for _ in range(3):
            topics.list_topics()
        assert [call.number for call in fresh.server.calls()] == [1, 2, 3]


@pytest.mark.verifies("account.calls-recorded")
def test_no_secret_and_no_rows_data_is_kept(bench: Bench, table: Any) -> None:
    secrets = bench.client("secretsmanager")
    secrets.create_secret(Name="canary", SecretString="c00kie-1")
    secrets.put_secret_value(SecretId="canary", SecretString="c00kie-2")
    table.put_item(TableName="t", Item=row("m1", note="c00kie-3"))
    table.update_item(
        TableName="t",
        Key=row("m1"),
        UpdateExpression="SET note = :n",
        ExpressionAttributeValues={":n": {"S": "c00kie-4"}},
    )
    topics = bench.client("sns")
    topics.create_topic(Name="t")
    topics.publish(TopicArn=TOPIC, Message="c00kie-5", Subject="c00kie-6")
    kept = json.dumps([dict(call.parameters) for call in bench.server.calls()])
    assert "c00kie" not in kept
    assert "canary" in kept


def members(bench: Bench) -> list[tuple[str, str, str | None, list[str]]]:
    found = bench.last().parameters[MEMBERS]
    return [(each["Action"], each["TableName"], each["IndexName"], each["LeadingKeys"]) for each in found]


@pytest.mark.verifies("account.calls-recorded")
def test_rows_are_named_by_their_partition_key(bench: Bench, table: Any) -> None:
    table.get_item(TableName="t", Key=row("m1"))
    assert members(bench) == [("GetItem", "t", None, ["m1"])]
    table.put_item(TableName="t", Item=row("m2", run_id="r"))
    assert members(bench) == [("PutItem", "t", None, ["m2"])]
    table.scan(TableName="t")
    assert members(bench) == [("Scan", "t", None, [])]


@pytest.mark.verifies("account.calls-recorded")
def test_a_query_names_the_partition_of_what_it_queries(bench: Bench, table: Any) -> None:
    table.query(
        TableName="t",
        KeyConditionExpression="#id = :id AND begins_with(#record, :start)",
        ExpressionAttributeNames={"#id": "media_id", "#record": "record"},
        ExpressionAttributeValues={":id": {"S": "m1"}, ":start": {"S": "PIECE"}},
    )
    assert members(bench) == [("Query", "t", None, ["m1"])]
    table.query(
        TableName="t",
        KeyConditionExpression="media_id = :id AND record = :record",
        ExpressionAttributeValues={":id": {"S": "m1"}, ":record": {"S": "MEDIUM"}},
    )
    assert members(bench) == [("Query", "t", None, ["m1"])]
    table.query(
        TableName="t",
        IndexName="by-run",
        KeyConditionExpression="run_id = :run",
        ExpressionAttributeValues={":run": {"S": "r7"}},
    )
    assert members(bench) == [("Query", "t", "by-run", ["r7"])]


@pytest.mark.verifies("account.calls-recorded")
def test_members_of_transactions_and_batches_are_named_one_by_one(bench: Bench, table: Any) -> None:
    check = {"TableName": "t", "Key": row("m3"), "ConditionExpression": "attribute_not_exists(media_id)"}
    put = {"TableName": "t", "Item": row("m4")}
    table.transact_write_items(TransactItems=[{"ConditionCheck": check}, {"Put": put}])
    assert members(bench) == [("ConditionCheckItem", "t", None, ["m3"]), ("PutItem", "t", None, ["m4"])]
    table.batch_get_item(RequestItems={"t": {"Keys": [row("m3"), row("m4")]}})
    assert members(bench) == [("BatchGetItem", "t", None, ["m3", "m4"])]
    table.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": row("m5")}}]})
    assert members(bench) == [("BatchWriteItem", "t", None, ["m5"])]
    assert bench.planned[-1].resource == "t"


@pytest.mark.parametrize(
    ("service", "ask", "code", "status"),
    [
        ("dynamodb", lambda c: c.list_tables(), "UnrecognizedClientException", 400),
        ("sns", lambda c: c.list_topics(), "InvalidClientTokenId", 403),
        ("lambda", lambda c: c.list_functions(), "UnrecognizedClientException", 403),
    ],
)
@pytest.mark.verifies("account.unknown-keys")
def test_a_key_that_was_not_issued_here_is_refused_and_seen(
    bench: Bench, service: str, ask: Callable[[Any], Any], code: str, status: int
) -> None:
    with pytest.raises(ClientError) as refused:
        ask(bench.client(service, AccessKey("AKIAFORGED", "x")))
    assert refused.value.response["Error"]["Code"] == code
    found = bench.last()
    assert (found.owner, found.access_key_id, found.status, found.error) == (None, "AKIAFORGED", status, code)
