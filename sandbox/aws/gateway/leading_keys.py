"""The partition keys that a DynamoDB request names: what the condition key ``dynamodb:LeadingKeys`` is about.

Source: DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schemas = Callable[[str, str | None], str | None]
"""Table and index (or ``None``) to the name of its partition key; ``None`` for a table that is not there."""

_BATCHES = frozenset({"BatchGetItem", "BatchWriteItem"})
_TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems"})
_KINDS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
"""A transaction's member to the action that it needs (DynamoDB developer guide, "IAM with transactions")."""

_EQUALITY = re.compile(r"(#?[\w.-]+)\s*=\s*(:\w+)")


def members(operation: str, payload: Mapping[str, Any], schemas: Schemas) -> list[dict[str, Any]]:
    """Return what a request touches: ``Action``, ``TableName``, ``IndexName`` and ``LeadingKeys`` of each member."""
    if operation in _TRANSACTIONS:
        return [_member(_KINDS.get(kind, kind), each, schemas) for kind, each in _transaction(payload)]
    if operation in _BATCHES:
        return [_batch(operation, table, asked, schemas) for table, asked in payload.get("RequestItems", {}).items()]
    return [_member(operation, payload, schemas)] if isinstance(payload.get("TableName"), str) else []


def _transaction(payload: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [pair for item in payload.get("TransactItems", []) for pair in item.items()]


def _member(action: str, request: Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    table, index = str(request["TableName"]).rpartition("/")[2], request.get("IndexName")
    key = schemas(table, index)
    row = request.get("Key") or request.get("Item") or {}
    values = [_text(row[key])] if key is not None and key in row else _queried(request, key)
    return {"Action": action, "TableName": table, "IndexName": index, "LeadingKeys": values}


def _batch(action: str, table: str, asked: Any, schemas: Schemas) -> dict[str, Any]:
    table = table.rpartition("/")[2]
    key = schemas(table, None)
    rows = asked["Keys"] if isinstance(asked, Mapping) else [_written(entry) for entry in asked]
    values = dict.fromkeys(_text(row[key]) for row in rows if key is not None and key in row)
    return {"Action": action, "TableName": table, "IndexName": None, "LeadingKeys": list(values)}


def _written(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    request = next(iter(entry.values()))
    row: Mapping[str, Any] = request.get("Item") or request.get("Key") or {}
    return row


def _queried(request: Mapping[str, Any], key: str | None) -> list[str]:
    """Return the partition that a Query names; a Scan names none."""
    names: Mapping[str, str] = request.get("ExpressionAttributeNames", {})
    values: Mapping[str, Any] = request.get("ExpressionAttributeValues", {})
    pairs: Sequence[tuple[str, str]] = _EQUALITY.findall(request.get("KeyConditionExpression", ""))
    return [_text(values[value]) for name, value in pairs if names.get(name, name) == key and value in values]


def _text(value: Mapping[str, Any]) -> str:
    """Return the value of a typed attribute; partition keys are text, numbers or bytes."""
    return str(next(iter(value.values())))
