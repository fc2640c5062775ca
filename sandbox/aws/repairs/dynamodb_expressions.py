"""Expressions that DynamoDB refuses are taken.

Wrong: values that no expression uses are ignored by PutItem, DeleteItem, Query and in transactions; a reserved word may
stand in a KeyConditionExpression; a placeholder that is not defined is answered with 500 and a web page; empty
ExpressionAttributeNames are fine. UpdateItem does some of it right.
Repaired: ValidationException. Every placeholder used must be given, every one given must be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords
from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.patching import preceded

_EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
_PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")
_BARE_NAME = re.compile(r"(?<![#:\w])[A-Za-z_]\w*")
_SYNTAX = frozenset({"AND", "BETWEEN", "BEGINS_WITH"})
"""Words that a key condition consists of."""


@contextmanager
def installed() -> Iterator[None]:
    """Refuse such expressions within the block."""
    names = ("put_item", "get_item", "delete_item", "update_item", "query", "scan")
    with preceded(DynamoHandler, {**dict.fromkeys(names, _check_one), "transact_write_items": _check_transaction}):
        yield


def _check_one(handler: DynamoHandler) -> None:
    _check(handler.body)


def _check_transaction(handler: DynamoHandler) -> None:
    for member in handler.body["TransactItems"]:
        for operation in member.values():
            _check(operation)


def _check(request: Mapping[str, Any]) -> None:
    used: dict[str, str] = {}
    for kind in _EXPRESSIONS:
        used.update(dict.fromkeys(_PLACEHOLDER.findall(request.get(kind) or ""), kind))
    _check_placeholders("name", request, {name: kind for name, kind in used.items() if name.startswith("#")})
    _check_placeholders("value", request, {name: kind for name, kind in used.items() if name.startswith(":")})
    _check_reserved(request.get("KeyConditionExpression") or "")


def _check_placeholders(what: str, request: Mapping[str, Any], used: Mapping[str, str]) -> None:
    """``what`` is ``name`` or ``value``; ``used`` says of each placeholder which expression it stands in."""
    parameter = f"ExpressionAttribute{what.capitalize()}s"
    given = request.get(parameter)
    if given is not None and not given:
        raise MockValidationException(f"{parameter} must not be empty")
    for name, kind in used.items():
        if name not in (given or {}):
            raise MockValidationException(
                f"Invalid {kind}: An expression attribute {what} used in expression is not defined; "
                f"attribute {what}: {name}"
            )
    unused = ", ".join(sorted((given or {}).keys() - used.keys()))
    if unused:
        raise MockValidationException(f"Value provided in {parameter} unused in expressions: keys: {{{unused}}}")


def _check_reserved(condition: str) -> None:
    reserved = ReservedKeywords.get_reserved_keywords()
    for word in _BARE_NAME.findall(condition):
        if word.upper() not in _SYNTAX and word.upper() in reserved:
            raise MockValidationException(
                f"Invalid KeyConditionExpression: Attribute name is a reserved keyword; reserved keyword: {word}"
            )
