"""How moto keeps the items of a table: found, put back and taken away by key, past all of its checks."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Attributes = Mapping[str, Any]
"""Attribute name to DynamoDB's typed form, such as ``{"S": "text"}``."""


def key_of(table: Table, attributes: Attributes) -> dict[str, Any]:
    """Return the key attributes of an item, or of a key that has more than it should; missing ones are left out."""
    return {name: attributes[name] for name in table.table_key_attrs if name in attributes}


def find(table: Table, key: Attributes) -> Item | None:
    """Return the item itself, not a copy; ``None`` if there is none, or if the key is none of this table's."""
    if any(name not in key for name in table.table_key_attrs):
        return None
    row = table.items.get(_typed(key, table.hash_key_attr))
    if row is None or table.range_key_attr is None:
        return row  # type: ignore[return-value]  # without a sort key moto keeps the item itself there
    return row.get(_typed(key, table.range_key_attr))


def items_of(table: Table) -> Iterator[Item]:
    """Give every item of a table, in no order."""
    for row in list(table.items.values()):
        if table.range_key_attr is None:
            yield row  # type: ignore[misc]  # without a sort key moto keeps the item itself there
        else:
            yield from list(row.values())


def put_back(table: Table, key: Attributes, item: Item | None) -> None:
    """Make ``item`` what the table has under ``key``; ``None`` takes away what is there."""
    row: dict[Any, Any] = table.items
    place = _typed(key, table.hash_key_attr)
    if table.range_key_attr is not None:
        row, place = row[place], _typed(key, table.range_key_attr)
    if item is None:
        row.pop(place, None)
    else:
        row[place] = item


def insert(table: Table, attributes: Attributes) -> None:
    """Put an item that DynamoDB has accepted before; moto's checks, which cost more than all the rest, are left out."""
    key = key_of(table, attributes)
    partition = _typed(key, table.hash_key_attr)
    sort = _typed(key, table.range_key_attr) if table.range_key_attr else None
    item = Item(partition, sort, {})
    dict.update(item.attrs, {name: DynamoType(value) for name, value in attributes.items()})
    put_back(table, key, item)


class Snapshot:
    """Copies of some items as they are now, to be put back when what follows fails."""

    def __init__(self) -> None:
        self._before: list[tuple[Table, Attributes, Item | None]] = []

    def add(self, table: Table, attributes: Attributes) -> None:
        """Remember the item whose key is among ``attributes``; an incomplete key is nobody's."""
        key = key_of(table, attributes)
        if len(key) == len(table.table_key_attrs):
            self._before.append((table, key, copy.deepcopy(find(table, key))))

    def restore(self) -> None:
        """Put everything back as it was."""
        for table, key, item in self._before:
            put_back(table, key, item)


def _typed(key: Attributes, name: str) -> DynamoType:
    return DynamoType(key[name])
