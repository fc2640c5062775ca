"""What the values of a definition's fields may be; each refusal is one line that names the state.

Ranges and exclusions as CreateStateMachine has them (Amazon States Language, sections on errors and on states).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.aws.asl_fields import CATCHER, CONTEXT, RETRIER
from sandbox.aws.stepfunctions.errors import ALL, TERMINAL
from sandbox.aws.stepfunctions.paths import NotAReferencePath, parse

MAX_SECONDS = 99_999_999
"""Largest TimeoutSeconds, IntervalSeconds and MaxAttempts that AWS takes."""

_ALSO_BY_PATH = frozenset({"Error", "Cause", "MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"})
_UNRESOLVED = re.compile(r"\$\{[^}]*\}")
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class UnsupportedDefinition(ValueError):
    """The definition is broken or uses something that the engine is not verified for; one line, names the state."""


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return ``value`` if it is a JSON object."""
    if not isinstance(value, dict):
        raise UnsupportedDefinition(f"{where}: must be an object")
    return value


def mappings(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """Return ``value`` if it is a list of JSON objects; nothing at all is an empty list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnsupportedDefinition(f"{where}: must be a list")
    return [mapping(member, where) for member in value]


def fields(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Refuse a field that is not ``known``, and a value given both as itself and by its path."""
    for field in sorted(given.keys() - known):
        raise UnsupportedDefinition(f"{where}: field {field} is not among the verified features")
    for field in sorted(given):
        if f"{field}.$" in given or (field in _ALSO_BY_PATH and f"{field}Path" in given):
            raise UnsupportedDefinition(f"{where}: {field} is given twice, as a value and as a path")


def texts(value: Any, where: str, field: str = "") -> None:
    """Refuse unresolved substitutions, intrinsics and path expressions, wherever they are in a state."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key.endswith(".$") and not isinstance(member, str):
                raise UnsupportedDefinition(f"{where}: field {key} must be a path")
            if key not in ("ItemProcessor", "Comment"):
                texts(member, where, key)
    elif isinstance(value, list):
        for member in value:
            texts(member, where, field)
    elif isinstance(value, str):
        _text(value, where, field)


def _text(value: str, where: str, field: str) -> None:
    if _UNRESOLVED.search(value):
        raise UnsupportedDefinition(f"{where}: {value} was not substituted")
    if not (field.endswith((".$", "Path")) or field == "Variable"):
        return
    try:
        steps = parse(value)
    except NotAReferencePath as error:
        raise UnsupportedDefinition(f"{where}: field {field}: {error}") from None
    if value.startswith("$$"):
        _context(value, steps, where, field)


def _context(path: str, steps: Sequence[str | int], where: str, field: str) -> None:
    """Refuse what the context object does not have; a typo here would end the execution past every Catch."""
    known = not steps or (steps[0] in CONTEXT and (len(steps) == 1 or steps[1] in CONTEXT[str(steps[0])]))
    if not known:
        raise UnsupportedDefinition(f"{where}: field {field}: {path} is not in the context object")


def _whole(low: int, high: int | None = None) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= low and (high is None or value <= high)


def _number(low: float, high: float | None = None) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and value >= low and (high is None or value <= high)


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and bool(_LABEL.fullmatch(value))


_VALUES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "TimeoutSeconds": (_whole(1, MAX_SECONDS), f"a whole number from 1 to {MAX_SECONDS}"),
    "IntervalSeconds": (_whole(1, MAX_SECONDS), f"a whole number from 1 to {MAX_SECONDS}"),
    "MaxAttempts": (_whole(0, MAX_SECONDS), f"a whole number from 0 to {MAX_SECONDS}"),
    "MaxDelaySeconds": (_whole(1, 31_622_400), "a whole number from 1 to 31622400"),
    "BackoffRate": (_number(1.0), "a number of at least 1.0"),
    "JitterStrategy": (lambda value: value in ("FULL", "NONE"), "FULL or NONE"),
    "MaxConcurrency": (_whole(0), "a whole number that is not negative"),
    "ToleratedFailureCount": (_whole(0), "a whole number that is not negative"),
    "ToleratedFailurePercentage": (_number(0, 100), "a number from 0 to 100"),
    "Label": (_is_label, "1 to 40 letters, digits, _, . or -"),
    "StringEquals": (lambda value: isinstance(value, str), "a text"),
    "BooleanEquals": (lambda value: isinstance(value, bool), "true or false"),
    "IsPresent": (lambda value: isinstance(value, bool), "true or false"),
    "NumericEquals": (_number(float("-inf")), "a number"),
    "Error": (lambda value: isinstance(value, str), "a text"),
    "Cause": (lambda value: isinstance(value, str), "a text"),
    "ItemSelector": (lambda value: isinstance(value, dict), "an object"),
    "ResultSelector": (lambda value: isinstance(value, dict), "an object"),
}  # fmt: skip


def check_values(given: Mapping[str, Any], where: str) -> None:
    """Refuse a value of a wrong type or out of its range."""
    for field, value in given.items():
        if field in _VALUES and not _VALUES[field][0](value):
            raise UnsupportedDefinition(f"{where}: {field} must be {_VALUES[field][1]}, not {value!r}")


def handlers(state: Mapping[str, Any], kind: str, where: str) -> None:
    """Check the retriers (``kind`` Retry) or the catchers (Catch) of a state."""
    found = mappings(state.get(kind), f"{where}: {kind}")
    for position, handler in enumerate(found):
        fields(handler, RETRIER if kind == "Retry" else CATCHER, where)
        check_values(handler, where)
        if kind == "Catch" and "Next" not in handler:
            raise UnsupportedDefinition(f"{where}: a catcher needs Next")
        _errors(handler, where, last=position == len(found) - 1)
        if handler.get("MaxDelaySeconds", MAX_SECONDS) <= handler.get("IntervalSeconds", 0):
            raise UnsupportedDefinition(f"{where}: MaxDelaySeconds must be larger than IntervalSeconds")


def _errors(handler: Mapping[str, Any], where: str, *, last: bool) -> None:
    errors = handler.get("ErrorEquals")
    if not isinstance(errors, list) or not errors:
        raise UnsupportedDefinition(f"{where}: ErrorEquals is missing or empty")
    for error in errors:
        if error in TERMINAL:
            raise UnsupportedDefinition(f"{where}: ErrorEquals {error} is not among the verified features")
    if ALL in errors and (len(errors) > 1 or not last):
        raise UnsupportedDefinition(f"{where}: {ALL} must be alone in its ErrorEquals and in the last handler")
