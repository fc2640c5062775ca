"""The repairs that are not DynamoDB's: each is still needed, and a journal hears of what it has to."""

from __future__ import annotations

import inspect

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction
from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs import dynamodb, dynamodb_lock
from sandbox.aws.state.store import StateError
from tests.sandbox.dynamodb_support import TABLE, get, key, tracker


@pytest.mark.verifies("guards.repairs")
def test_vanilla_invocations_still_need_docker() -> None:
    # Not tried out: where there is Docker, moto would fetch an image.
    assert "docker_client.containers.run" in inspect.getsource(LambdaFunction._invoke_lambda)


@pytest.mark.verifies("state.items")
def test_a_journal_hears_of_what_has_succeeded_and_of_nothing_else() -> None:
    heard: list[str] = []
    with tracker() as client, dynamodb_lock.installed(lambda handler: heard.append(handler._get_action())):
        client.put_item(TableName=TABLE, Item=key("a"))
        with pytest.raises(ClientError):
            client.put_item(TableName=TABLE, Item=key("a"), ConditionExpression="attribute_not_exists(media_id)")
        get(client, "a")
    assert heard == ["PutItem", "GetItem"]


@pytest.mark.verifies("state.items")
def test_a_write_that_cannot_be_kept_is_not_acknowledged() -> None:
    def full(_handler: DynamoHandler) -> None:
        raise StateError("no space left")

    with tracker() as client, dynamodb_lock.installed(full), pytest.raises(ClientError) as refusal:
        client.put_item(TableName=TABLE, Item=key("a"))
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_all_repairs_of_dynamodb_together_take_what_the_tracker_does() -> None:
    with tracker() as client, dynamodb.installed():
        check = {
            "ConditionExpression": "generation = :held",
            "ExpressionAttributeValues": {":held": {"N": "1"}},
        }
        change = {
            "UpdateExpression": "SET #status = :status REMOVE #upload_id",
            "ExpressionAttributeNames": {"#status": "status", "#upload_id": "upload_id"},
            "ExpressionAttributeValues": {":status": {"S": "IN_PROGRESS"}},
        }
        client.put_item(TableName=TABLE, Item={**key("m"), "generation": {"N": "1"}})
        members = [
            {"ConditionCheck": {"TableName": TABLE, "Key": key("m"), **check}},
            {"Update": {"TableName": TABLE, "Key": key("m", "PIECE#1"), **change}},
        ]
        client.transact_write_items(TransactItems=members)
        assert get(client, "m", "PIECE#1") == {**key("m", "PIECE#1"), "status": {"S": "IN_PROGRESS"}}


def test_moto_is_as_it_was_after_the_repairs() -> None:
    names = [name for name, _ in inspect.getmembers(DynamoHandler, inspect.isfunction)]
    before = {name: getattr(DynamoHandler, name) for name in names}
    with dynamodb.installed():
        assert any(getattr(DynamoHandler, name) is not before[name] for name in names)
    assert {name: getattr(DynamoHandler, name) for name in names} == before
