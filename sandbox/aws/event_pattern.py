"""EventBridge's event patterns: exact values and prefixes; every other operator is refused, never ignored.

Source: EventBridge user guide, "Creating Amazon EventBridge event patterns": all fields that a pattern names must
match, one of a field's values is enough, and a field that the event has not got never does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Event = Mapping[str, Any]

_PREFIX = "prefix"
_SCALARS = (str, int, float, bool, type(None))


def problem_of(pattern: Any) -> str | None:
    """Say what of a pattern cannot be matched here; ``None`` if nothing."""
    if not isinstance(pattern, Mapping) or not pattern:
        return "an event pattern must be an object with at least one field"
    return next(_problems(pattern, ""), None)


def matches(pattern: Mapping[str, Any], event: Event) -> bool:
    """Tell whether an event matches a pattern in which ``problem_of`` finds nothing."""
    return all(name in event and _fits(wanted, event[name]) for name, wanted in pattern.items())


def _problems(pattern: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, wanted in pattern.items():
        field = f"{place}{name}"
        if name.startswith("$"):
            yield f"pattern operator {name} is not known to the sandbox"
        elif isinstance(wanted, Mapping):
            yield from _problems(wanted, f"{field}.")
        elif not isinstance(wanted, list) or not wanted:
            yield f"the pattern's {field} must be a list of values"
        else:
            yield from (_refusal(value, field) for value in wanted if not _known(value))


def _known(value: Any) -> bool:
    if isinstance(value, Mapping):
        return list(value) == [_PREFIX] and isinstance(value[_PREFIX], str)
    return isinstance(value, _SCALARS)


def _refusal(value: Any, field: str) -> str:
    what = ", ".join(value) if isinstance(value, Mapping) else "a list in a list"
    return f"the pattern's {field}: {what} is not known to the sandbox"


def _fits(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(wanted, value)
    values = value if isinstance(value, list) else [value]
    return any(_is(each, one) for each in wanted for one in values)


def _is(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, str) and value.startswith(wanted[_PREFIX])
    return type(wanted) is type(value) and bool(wanted == value)
