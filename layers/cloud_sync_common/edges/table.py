"""One DynamoDB table in plain Python values: the calls, their errors, and the expressions they need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from cloud_sync_common.edges.aws_errors import AWS_ERRORS, Meaning, code_of, meaning_of
from cloud_sync_common.errors import AccessDenied, LeaseLost, TrackerUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Row = dict[str, Any]

BATCH_GET_MOST = 100
"""Keys in one BatchGetItem (DynamoDB's limit)."""
BATCH_GET_ATTEMPTS = 8
"""How often the keys that a throttled table left unread are asked for again, with waits that double up to 6 s."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class Change:
    """One UpdateItem: what is set, set only if absent, removed; and under which condition.

    In ``condition`` an attribute is written ``#name`` and a value ``:name``; values that only the condition needs are
    in ``values``.
    """

    media_id: str
    record: str
    sets: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self, table: str) -> dict[str, Any]:
        """The call's arguments, the same for UpdateItem and for TransactWriteItems' Update."""
        named = {*self.sets, *self.defaults, *self.removes, *_mentioned(self.condition or "")}
        values = {**self.sets, **self.defaults, **self.values}
        arguments: dict[str, Any] = {
            "TableName": table,
            "Key": key_of(self.media_id, self.record),
            "UpdateExpression": self._expression(),
            "ExpressionAttributeNames": {f"#{name}": name for name in sorted(named)},
            "ExpressionAttributeValues": serialized({f":{name}": value for name, value in values.items()}),
        }
        if self.condition:
            arguments["ConditionExpression"] = self.condition
        return arguments

    def _expression(self) -> str:
        sets = [f"#{name} = :{name}" for name in self.sets]
        sets += [f"#{name} = if_not_exists(#{name}, :{name})" for name in self.defaults]
        removed = ", ".join(f"#{name}" for name in self.removes)
        return "SET " + ", ".join(sets) + (f" REMOVE {removed}" if removed else "")


class Table:
    """The table's calls. Whole numbers come back as ``int``; reads are strongly consistent but for an index.

    Raises ``AccessDenied`` when the role may not, ``TrackerUnavailable`` when DynamoDB throttles or does not answer
    after botocore's own retries, ``LeaseLost`` when a condition does not hold.
    """

    def __init__(self, client: DynamoDBClient, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def get(self, media_id: str, record: str) -> Row | None:
        """One row or ``None``."""
        with translated():
            answer = self._client.get_item(TableName=self._name, Key=key_of(media_id, record), ConsistentRead=True)
        item = answer.get("Item")
        return row_of(item) if item else None

    def batch_get(self, keys: Iterable[tuple[str, str]], names: tuple[str, ...] = ()) -> Iterator[Row]:
        """The rows that exist among ``keys``; everything unprocessed is asked for again, or it raises.

        ``names`` are the attributes wanted, all if empty.
        """
        wanted = [key_of(media_id, record) for media_id, record in dict.fromkeys(keys)]
        for start in range(0, len(wanted), BATCH_GET_MOST):
            yield from self._one_batch(wanted[start : start + BATCH_GET_MOST], projection(names) if names else {})

    def query(self, **arguments: Any) -> Iterator[Row]:
        """Every row of a query, page after page."""
        start: dict[str, Any] = {}
        while True:
            with translated():
                answer = self._client.query(TableName=self._name, **arguments, **start)
            yield from (row_of(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def update(self, change: Change) -> None:
        """Carry out one change."""
        with translated():
            self._client.update_item(**change.arguments(self._name))

    def update_checked(self, check: tuple[str, str, str, Mapping[str, Any]], change: Change) -> None:
        """Carry out a change if, in the same transaction, another row meets a condition.

        ``check`` is the other row's ``media_id`` and ``record``, the condition and its values.
        """
        media_id, record, condition, values = check
        with translated():
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "ConditionCheck": {
                            "TableName": self._name,
                            "Key": key_of(media_id, record),
                            "ConditionExpression": condition,
                            "ExpressionAttributeValues": serialized(values),
                        }
                    },
                    {"Update": change.arguments(self._name)},  # type: ignore[typeddict-item]  # built as a plain dict
                ]
            )

    def add_to_set(self, media_id: str, record: str, name: str, value: str) -> int:
        """Add to a set of strings; how many it then has."""
        with translated():
            answer = self._client.update_item(
                TableName=self._name,
                Key=key_of(media_id, record),
                UpdateExpression="ADD #set :value",
                ExpressionAttributeNames={"#set": name},
                ExpressionAttributeValues={":value": {"SS": [value]}},
                ReturnValues="ALL_NEW",
            )
        return len(answer["Attributes"][name]["SS"])

    def put(self, row: Row, condition: str, values: Mapping[str, Any]) -> None:
        """Write a whole row if the condition holds."""
        with translated():
            self._client.put_item(
                TableName=self._name,
                Item=serialized(row),
                ConditionExpression=condition,
                ExpressionAttributeValues=serialized(values),
            )

    def delete(self, media_id: str, record: str, condition: str, values: Mapping[str, Any]) -> None:
        """Delete a row if the condition holds."""
        with translated():
            self._client.delete_item(
                TableName=self._name,
                Key=key_of(media_id, record),
                ConditionExpression=condition,
                ExpressionAttributeValues=serialized(values),
            )

    def _one_batch(self, keys: list[dict[str, Any]], wanted: dict[str, Any]) -> Iterator[Row]:
        left: Any = keys
        for attempt in range(BATCH_GET_ATTEMPTS):
            request: Any = {"Keys": left, "ConsistentRead": True, **wanted}
            with translated():
                answer = self._client.batch_get_item(RequestItems={self._name: request})
            yield from (row_of(item) for item in answer["Responses"].get(self._name, []))
            unprocessed: Any = answer.get("UnprocessedKeys", {})
            left = unprocessed.get(self._name, {}).get("Keys", [])
            if not left:
                return
            self._sleep(0.05 * 2**attempt)
        raise TrackerUnavailable("DynamoDB keeps leaving keys of a batch unread")


@contextmanager
def translated() -> Iterator[None]:
    """Turn boto3's exceptions into this project's."""
    try:
        yield
    except AWS_ERRORS as error:
        if _condition_failed(error):
            raise LeaseLost("another worker has written this row meanwhile") from error
        if meaning_of(error) in (Meaning.DENIED, Meaning.REFUSED):
            raise AccessDenied(f"DynamoDB refuses a call on the tracker ({code_of(error)})") from error
        raise TrackerUnavailable(f"DynamoDB does not answer properly ({code_of(error)})") from error


def projection(names: tuple[str, ...]) -> dict[str, Any]:
    """The arguments that ask for some attributes only; every name goes through a placeholder, as some are reserved."""
    return {
        "ProjectionExpression": ", ".join(f"#{name}" for name in names),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
    }


def key_of(media_id: str, record: str) -> dict[str, Any]:
    """A row's primary key."""
    return {"media_id": {"S": media_id}, "record": {"S": record}}


def serialized(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values in DynamoDB's wire form."""
    return {name: _serialize(value) for name, value in values.items()}


def row_of(item: Mapping[str, Any]) -> Row:
    """A wire item in plain values."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | set):
        return [_plain(inner) for inner in (sorted(value) if isinstance(value, set) else value)]
    return value


def _mentioned(condition: str) -> set[str]:
    words = condition.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return {word[1:] for word in words if word.startswith("#")}


def _condition_failed(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    if code_of(error) == "ConditionalCheckFailedException":
        return True
    reasons: Any = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
