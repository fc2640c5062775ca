"""Partition keys of moto's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from moto.dynamodb.models import dynamodb_backends

ACCOUNT_ID = "123456789012"
"""moto's account for any access key that it has not issued itself."""


def partition_key(region: str, table: str, index: str | None) -> str | None:
    """Return the name of a table's or an index's partition key; ``None`` if there is no such table or index."""
    found = dynamodb_backends[ACCOUNT_ID][region].tables.get(table)
    if found is None:
        return None
    if index is None:
        return _hash_key(found.schema)
    indexes = (*found.indexes, *found.global_indexes)
    return next((_hash_key(each.schema) for each in indexes if each.name == index), None)


def _hash_key(schema: Iterable[Mapping[str, str]]) -> str | None:
    return next((key["AttributeName"] for key in schema if key["KeyType"] == "HASH"), None)
