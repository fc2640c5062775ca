"""The items of DynamoDB's tables: written down with every write, put back at the next start."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.dynamodb_items import find, insert, key_of
from sandbox.aws.state.store import StateError, Store

_ONE = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_UNSEEN = frozenset({"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction", "ImportTable", "DeleteTable"})
"""They change items, and nobody could tell which."""


class ItemJournal:
    """Writes down what an action has left of the items that it names. Call it under the lock that the action held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, handler: DynamoHandler) -> None:
        """Note an action that has succeeded; ``StateError`` for one whose effects are not known."""
        action = handler._get_action()
        if action in _UNSEEN:
            raise StateError(f"{action} is not emulated while the account is kept")
        written = list(_written(action, handler))
        if len(written) == 1:
            self._note(*written[0])
        elif written:
            with self._store.transaction():
                for table, key in written:
                    self._note(table, key)

    def _note(self, table: Table, key: Mapping[str, Any]) -> None:
        item = find(table, key)
        name, place = table.name, dynamo_json_dump(key)
        if item is None:
            self._store.write("DELETE FROM items WHERE table_name = ? AND key = ?", (name, place))
        else:
            text = dynamo_json_dump(item.attrs)
            self._store.write("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (name, place, text))


def _written(action: str, handler: DynamoHandler) -> Iterator[tuple[Table, dict[str, Any]]]:
    """Give table and key of every item that the action may have changed."""
    backend, body = handler.dynamodb_backend, handler.body
    if action in _ONE:
        operations = [(body["TableName"], body)]
    elif action == "BatchWriteItem":
        operations = [
            (name, operation)
            for name, requests in body["RequestItems"].items()
            for request in requests
            for operation in request.values()
        ]
    elif action == "TransactWriteItems":
        members = [next(iter(member.items())) for member in body["TransactItems"]]
        operations = [(each["TableName"], each) for kind, each in members if kind != "ConditionCheck"]
    else:
        return
    for name, operation in operations:
        table = backend.get_table(name)
        yield table, key_of(table, operation.get("Key") or operation["Item"])


def restore(store: Store, account_id: str, region: str) -> int:
    """Put all items into moto's tables, which exist; return how many. ``StateError`` for items of an unknown table."""
    tables = dynamodb_backends[account_id][region].tables
    found = store.read("SELECT table_name, item FROM items")
    with _uncollected():
        for name, text in found:
            if name not in tables:
                raise StateError(f"the kept account has items of the table {name}, which the stack does not have")
            insert(tables[name], json.loads(text))
    return len(found)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking again and again over millions of objects that all stay."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
