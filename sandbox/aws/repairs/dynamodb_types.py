"""Keys of a wrong type are taken.

Wrong: an item whose attribute is the key of an index, but of another type, is stored (and is in no index); GetItem,
BatchGetItem and DeleteItem look for a key of another type or without a value, and answer that there is none.
Seen: ``run_id`` as a number is stored by PutItem and BatchWriteItem; UpdateItem does refuse it.
Repaired: ValidationException, as DynamoDB answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.patching import preceded

_EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
    "string value. Key: "
)


@contextmanager
def installed() -> Iterator[None]:
    """Refuse keys of a wrong type within the block."""
    checks = {
        "put_item": _check_put,
        "get_item": _check_one,
        "delete_item": _check_one,
        "update_item": _check_one,
        "batch_get_item": _check_batch_get,
        "batch_write_item": _check_batch_write,
        "transact_write_items": _check_transaction,
    }
    with preceded(DynamoHandler, checks):
        yield


def _check_put(handler: DynamoHandler) -> None:
    _check_item(_table(handler, handler.body), handler.body["Item"])


def _check_one(handler: DynamoHandler) -> None:
    _check_key(_table(handler, handler.body), handler.body["Key"])


def _check_batch_get(handler: DynamoHandler) -> None:
    for name, request in handler.body["RequestItems"].items():
        table = handler.dynamodb_backend.get_table(name)
        for key in request["Keys"]:
            _check_key(table, key)


def _check_batch_write(handler: DynamoHandler) -> None:
    for name, requests in handler.body["RequestItems"].items():
        table = handler.dynamodb_backend.get_table(name)
        for request in requests:
            _check_operation(table, next(iter(request.values())))


def _check_transaction(handler: DynamoHandler) -> None:
    for member in handler.body["TransactItems"]:
        for operation in member.values():
            _check_operation(_table(handler, operation), operation)


def _check_operation(table: Table, operation: Mapping[str, Any]) -> None:
    if "Item" in operation:
        _check_item(table, operation["Item"])
    else:
        _check_key(table, operation["Key"])


def _table(handler: DynamoHandler, request: Mapping[str, Any]) -> Table:
    return handler.dynamodb_backend.get_table(request["TableName"])


def _check_key(table: Table, key: Mapping[str, Any]) -> None:
    types = _types(table)
    if set(key) != set(table.table_key_attrs) or any(types[name] not in value for name, value in key.items()):
        raise MockValidationException("The provided key element does not match the schema")
    for name, value in key.items():
        if value[types[name]] in ("", b""):
            raise MockValidationException(_EMPTY + name)


def _check_item(table: Table, item: Mapping[str, Any]) -> None:
    types = _types(table)
    for index in table.all_indexes():
        for name in index.schema_key_attrs:
            if name in item and types[name] not in item[name]:
                raise MockValidationException(
                    f"One or more parameter values were invalid: Type mismatch for Index Key {name} "
                    f"Expected: {types[name]} Actual: {next(iter(item[name]))} IndexName: {index.name}"
                )


def _types(table: Table) -> dict[str, str]:
    return {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table.attr}
