"""DynamoDB's repairs: each is still needed, and each does what DynamoDB does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from sandbox.aws.repairs import (
    dynamodb_atomic,
    dynamodb_batches,
    dynamodb_expressions,
    dynamodb_queries,
    dynamodb_transactions,
    dynamodb_types,
)
from sandbox.aws.repairs.patching import replaced
from tests.sandbox.dynamodb_support import TABLE, get, key, put, refusal, tracker

VALIDATION = "ValidationException"
TOKEN = "t" * 32


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with tracker() as client:
        yield client


def both(repair: Callable[[], AbstractContextManager[None]], look: Callable[[], Any]) -> tuple[Any, Any]:
    """What is seen without the repair and with it."""
    vanilla = look()
    with repair():
        return vanilla, look()


# Keys and index keys


WRONG_INDEX_KEY = {"run_id": {"N": "1"}}


@pytest.mark.verifies("dynamodb.index-key-types")
def test_an_index_key_of_a_wrong_type_is_refused(dynamodb: Any) -> None:
    item = {**key("a"), **WRONG_INDEX_KEY}

    def answers() -> list[str]:
        return [
            refusal(dynamodb.put_item, TableName=TABLE, Item=item),
            refusal(dynamodb.batch_write_item, RequestItems={TABLE: [{"PutRequest": {"Item": item}}]}),
            refusal(dynamodb.transact_write_items, TransactItems=[{"Put": {"TableName": TABLE, "Item": item}}]),
        ]

    vanilla, repaired = both(dynamodb_types.installed, answers)
    assert (vanilla, repaired) == ([""] * 3, [VALIDATION] * 3)


def test_an_item_without_the_index_key_is_taken(dynamodb: Any) -> None:
    with dynamodb_types.installed():
        put(dynamodb, "a", run_id={"S": "r"})
        put(dynamodb, "b")
        assert (get(dynamodb, "a"), get(dynamodb, "b")) == ({**key("a"), "run_id": {"S": "r"}}, key("b"))


@pytest.mark.verifies("dynamodb.key-types")
@pytest.mark.parametrize(
    "wrong", [{"media_id": {"N": "1"}, "record": {"S": "MEDIUM"}}, {"media_id": {"S": ""}, "record": {"S": "MEDIUM"}}]
)
def test_a_key_of_a_wrong_type_or_without_a_value_is_refused(dynamodb: Any, wrong: dict[str, Any]) -> None:
    def answers() -> set[str]:
        return {
            refusal(dynamodb.batch_get_item, RequestItems={TABLE: {"Keys": [wrong]}}),
            refusal(dynamodb.delete_item, TableName=TABLE, Key=wrong),
        }

    vanilla, repaired = both(dynamodb_types.installed, answers)
    assert (vanilla, repaired) == ({""}, {VALIDATION})


# Batches


@pytest.mark.verifies("dynamodb.batch-limits")
def test_a_batch_of_26_writes_is_refused(dynamodb: Any) -> None:
    def answers() -> list[str]:
        return [
            refusal(
                dynamodb.batch_write_item,
                RequestItems={TABLE: [{"PutRequest": {"Item": key(f"m{number}")}} for number in range(count)]},
            )
            for count in (25, 26)
        ]

    assert both(dynamodb_batches.installed, answers) == (["", ""], ["", VALIDATION])


@pytest.mark.verifies("dynamodb.batch-limits")
def test_two_writes_of_one_key_in_a_batch_are_refused(dynamodb: Any) -> None:
    requests = [{"PutRequest": {"Item": {**key("m"), "n": {"N": "1"}}}}, {"DeleteRequest": {"Key": key("m")}}]

    def answer() -> str:
        return refusal(dynamodb.batch_write_item, RequestItems={TABLE: requests})

    assert both(dynamodb_batches.installed, answer) == ("", VALIDATION)


@pytest.mark.verifies("dynamodb.batch-limits")
def test_a_batch_of_101_reads_is_refused_by_moto_itself(dynamodb: Any) -> None:
    keys = [key(f"m{number}") for number in range(101)]
    assert refusal(dynamodb.batch_get_item, RequestItems={TABLE: {"Keys": keys}}) == VALIDATION


# Expressions


def _condition(text: str, **values: dict[str, str]) -> dict[str, Any]:
    given = {f":{name}": value for name, value in values.items()}
    return {"ConditionExpression": text, **({"ExpressionAttributeValues": given} if given else {})}


@pytest.mark.verifies("dynamodb.expressions-checked")
def test_a_value_that_no_expression_uses_is_refused(dynamodb: Any) -> None:
    unused = _condition("attribute_not_exists(x)", owner={"S": "me"})

    def answers() -> list[str]:
        return [
            refusal(dynamodb.put_item, TableName=TABLE, Item=key("a"), **unused),
            refusal(dynamodb.delete_item, TableName=TABLE, Key=key("a"), **unused),
            refusal(
                dynamodb.query,
                TableName=TABLE,
                KeyConditionExpression="media_id = :id",
                ExpressionAttributeValues={":id": {"S": "a"}, ":more": {"S": "b"}},
            ),
            refusal(
                dynamodb.transact_write_items,
                TransactItems=[{"ConditionCheck": {"TableName": TABLE, "Key": key("a"), **unused}}],
            ),
        ]

    assert both(dynamodb_expressions.installed, answers) == ([""] * 4, [VALIDATION] * 4)


@pytest.mark.verifies("dynamodb.expressions-checked")
@pytest.mark.parametrize("text", ["generation = :missing", "attribute_exists(#missing)"])
def test_a_placeholder_that_is_not_given_is_a_validation_error(dynamodb: Any, text: str) -> None:
    with dynamodb_expressions.installed():
        assert refusal(dynamodb.put_item, TableName=TABLE, Item=key("a"), **_condition(text)) == VALIDATION


@pytest.mark.verifies("dynamodb.expressions-checked")
def test_a_reserved_word_in_a_key_condition_is_refused(dynamodb: Any) -> None:
    def answer() -> str:
        return refusal(
            dynamodb.query,
            TableName=TABLE,
            IndexName="by-run",
            KeyConditionExpression="run_id = :run AND status = :status",
            ExpressionAttributeValues={":run": {"S": "r"}, ":status": {"S": "s"}},
        )

    assert both(dynamodb_expressions.installed, answer) == ("", VALIDATION)


@pytest.mark.verifies("dynamodb.expressions-checked")
def test_empty_names_are_refused(dynamodb: Any) -> None:
    def answer() -> str:
        return refusal(
            dynamodb.update_item,
            TableName=TABLE,
            Key=key("a"),
            UpdateExpression="SET n = :n",
            ExpressionAttributeNames={},
            ExpressionAttributeValues={":n": {"N": "1"}},
        )

    assert both(dynamodb_expressions.installed, answer) == ("", VALIDATION)


def test_a_key_condition_with_functions_and_placeholders_is_right(dynamodb: Any) -> None:
    with dynamodb_expressions.installed():
        found = dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="media_id = :id AND #record BETWEEN :a AND :b",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":id": {"S": "a"}, ":a": {"S": "a"}, ":b": {"S": "b"}},
        )
    assert found["Items"] == []


# Updates that fail


@pytest.mark.verifies("dynamodb.atomic-updates")
def test_an_update_that_is_refused_half_way_changes_nothing(dynamodb: Any) -> None:
    def left() -> dict[str, Any] | None:
        code = refusal(
            dynamodb.update_item,
            TableName=TABLE,
            Key=key("big"),
            UpdateExpression="SET a = :a, b = :b",
            ExpressionAttributeValues={":a": {"S": "1"}, ":b": {"S": "x" * 500_000}},
        )
        assert code == VALIDATION
        return get(dynamodb, "big")

    assert left() == {**key("big"), "a": {"S": "1"}}
    dynamodb.delete_item(TableName=TABLE, Key=key("big"))
    with dynamodb_atomic.installed():
        assert left() is None
        put(dynamodb, "big", c={"S": "as it was"})
        assert left() == {**key("big"), "c": {"S": "as it was"}}


# Transactions


def _count(dynamodb: Any, *, generation: str = "1", **more: Any) -> None:
    """What a piece's write looks like: a check of the medium, and an update."""
    check = _condition("generation = :generation", generation={"N": generation})
    update = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    dynamodb.transact_write_items(
        TransactItems=[
            {"ConditionCheck": {"TableName": TABLE, "Key": key("m"), **check}},
            {"Update": {"TableName": TABLE, "Key": key("m", "PIECE#1"), **update}},
        ],
        **more,
    )


def _counted(dynamodb: Any) -> str:
    return str((get(dynamodb, "m", "PIECE#1") or {"n": {"N": "0"}})["n"]["N"])


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def medium(dynamodb: Any) -> Any:
    put(dynamodb, "m", generation={"N": "1"})
    return dynamodb


def test_vanilla_carries_out_a_repeated_transaction_twice(medium: Any) -> None:
    for _ in range(2):
        _count(medium, ClientRequestToken=TOKEN)
    assert _counted(medium) == "2"


@pytest.mark.verifies("dynamodb.client-tokens")
def test_a_repeated_transaction_is_carried_out_once_and_answered_alike(medium: Any) -> None:
    with dynamodb_transactions.installed(Clock()):
        for _ in range(2):
            _count(medium, ClientRequestToken=TOKEN)
        assert _counted(medium) == "1"
        _count(medium, ClientRequestToken="another")
        assert _counted(medium) == "2"


@pytest.mark.verifies("dynamodb.client-tokens")
def test_a_repeated_transaction_succeeds_though_its_condition_no_longer_holds(medium: Any) -> None:
    with dynamodb_transactions.installed(Clock()):
        _count(medium, ClientRequestToken=TOKEN)
        put(medium, "m", generation={"N": "2"})
        _count(medium, ClientRequestToken=TOKEN)
    assert _counted(medium) == "1"


@pytest.mark.verifies("dynamodb.client-tokens")
def test_a_token_used_for_another_transaction_is_refused(medium: Any) -> None:
    with dynamodb_transactions.installed(Clock()):
        _count(medium, ClientRequestToken=TOKEN)
        with pytest.raises(medium.exceptions.IdempotentParameterMismatchException):
            _count(medium, generation="7", ClientRequestToken=TOKEN)


@pytest.mark.verifies("dynamodb.client-tokens")
def test_a_token_is_forgotten_after_ten_minutes(medium: Any) -> None:
    clock = Clock()
    with dynamodb_transactions.installed(clock):
        _count(medium, ClientRequestToken=TOKEN)
        clock.now += 599
        _count(medium, ClientRequestToken=TOKEN)
        assert _counted(medium) == "1"
        clock.now += 1
        _count(medium, ClientRequestToken=TOKEN)
        assert _counted(medium) == "2"


@pytest.mark.verifies("dynamodb.client-tokens")
def test_the_token_of_a_refused_transaction_can_be_used_again(medium: Any) -> None:
    with dynamodb_transactions.installed(Clock()):
        with pytest.raises(medium.exceptions.TransactionCanceledException):
            _count(medium, generation="7", ClientRequestToken=TOKEN)
        _count(medium, ClientRequestToken=TOKEN)
    assert _counted(medium) == "1"


@pytest.mark.verifies("dynamodb.transactions")
def test_a_cancelled_transaction_leaves_nothing_of_what_it_did_before_it_failed(medium: Any) -> None:
    put(medium, "m", "PIECE#1", n={"N": "5"})
    changed = {
        "Key": key("m", "PIECE#1"),
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"N": "9"}},
    }
    failing = {"Key": key("m"), **_condition("generation = :g", g={"N": "7"})}
    members = [
        {"Put": {"TableName": TABLE, "Item": key("new")}},
        {"Update": {"TableName": TABLE, **changed}},
        {"ConditionCheck": {"TableName": TABLE, **failing}},
    ]
    with dynamodb_transactions.installed(Clock()):
        with pytest.raises(medium.exceptions.TransactionCanceledException) as cancelled:
            medium.transact_write_items(TransactItems=members)
        reasons = [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]]
        assert reasons == ["None", "None", "ConditionalCheckFailed"]
        assert (get(medium, "new"), _counted(medium)) == (None, "5")


def test_only_what_a_transaction_names_is_copied(medium: Any) -> None:
    put(medium, "bystander")

    def copied() -> set[str]:
        seen: set[str] = set()
        original = Item.__deepcopy__

        def watched(self: Item, memo: dict[int, Any]) -> Item:
            seen.add(self.hash_key.value)
            return original(self, memo)

        with replaced(Item, "__deepcopy__", watched):
            _count(medium)
        return seen

    assert both(dynamodb_transactions.installed, copied) == ({"m", "bystander"}, {"m"})


# Queries


def _fill(dynamodb: Any) -> None:
    for medium in ("a", "b"):
        for number in range(5):
            put(dynamodb, medium, f"PIECE#{number}", run_id={"S": medium}, status={"S": f"S{4 - number}"})
    put(dynamodb, "a", run_id={"S": "a"})


def _walked(dynamodb: Any, **query: Any) -> tuple[int, list[str]]:
    """How many items a query makes moto walk through, and what it finds, over pages of two."""
    walked: list[int] = []
    original = Table.all_items

    def counted(self: Table) -> Any:
        found = original(self)
        walked.append(len(found))
        return found

    with replaced(Table, "all_items", counted):
        pages = dynamodb.get_paginator("query").paginate(TableName=TABLE, PaginationConfig={"PageSize": 2}, **query)
        found = [item["record"]["S"] for page in pages for item in page["Items"]]
    return max(walked), found


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("query", "least"),
    [
        ({"KeyConditionExpression": "media_id = :v"}, 6),
        ({"KeyConditionExpression": "run_id = :v", "IndexName": "by-run"}, 6),
    ],
)
def test_a_query_walks_its_partition_only_and_finds_the_same(
    dynamodb: Any, query: dict[str, Any], least: int, forward: bool
) -> None:
    _fill(dynamodb)
    arguments = {**query, "ExpressionAttributeValues": {":v": {"S": "a"}}, "ScanIndexForward": forward}
    (all_walked, vanilla), (walked, repaired) = both(dynamodb_queries.installed, lambda: _walked(dynamodb, **arguments))
    assert (all_walked, walked) == (11, least)
    assert vanilla == repaired
    assert len(repaired) in (5, 6)


def test_a_query_of_a_partition_that_is_not_there_finds_nothing(dynamodb: Any) -> None:
    with dynamodb_queries.installed():
        found = dynamodb.query(
            TableName=TABLE,
            KeyConditionExpression="media_id = :v",
            ExpressionAttributeValues={":v": {"S": "nobody"}},
        )
    assert found["Items"] == []
