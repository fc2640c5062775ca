"""DynamoDB's typed attributes as plain JSON data."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer

_DESERIALIZER = TypeDeserializer()


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON data: numbers as int or float, sets sorted, bytes in base64."""
    return {name: _plain(_DESERIALIZER.deserialize(value)) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return _base64(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(member) for member in value)
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value


def _base64(binary: Any) -> str:
    """Return boto3's Binary as text; its ``value`` is missing from the type stubs."""
    return base64.b64encode(binary.value).decode("ascii")
