"""The comparisons of a Choice state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.stepfunctions import paths
from sandbox.aws.stepfunctions.errors import NO_CHOICE_MATCHED, StatesError


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, wanted: isinstance(value, str) and value == wanted,
    "BooleanEquals": lambda value, wanted: isinstance(value, bool) and value is wanted,
    "NumericEquals": lambda value, wanted: _number(value) and bool(value == wanted),
}
"""A value of another type is simply not equal; a missing value is ``States.Runtime``."""

IS_PRESENT = "IsPresent"


def choose(state: Mapping[str, Any], data: Any, context: Any) -> str:
    """Return the name of the next state; ``States.NoChoiceMatched`` without a match and a Default."""
    for rule in state["Choices"]:
        if _holds(rule, data, context):
            return str(rule["Next"])
    if "Default" in state:
        return str(state["Default"])
    raise StatesError(NO_CHOICE_MATCHED, "No choice rule matched and the state has no Default")


def _holds(rule: Mapping[str, Any], data: Any, context: Any) -> bool:
    variable = rule["Variable"]
    if IS_PRESENT in rule:
        return paths.exists(variable, data, context) is rule[IS_PRESENT]
    value = paths.read(variable, data, context)
    return all(operator(value, rule[name]) for name, operator in OPERATORS.items() if name in rule)
