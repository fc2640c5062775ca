"""Numbers of a Map state, given as ``Field`` or read through ``FieldPath``.

That a text or a negative number ends the execution with ``States.Runtime`` is in histories that LocalStack's tests
recorded against AWS; the range of a percentage is in the developer guide's page on failure thresholds.
"""

from __future__ import annotations

from typing import Any

from sandbox.aws.stepfunctions import paths
from sandbox.aws.stepfunctions.branch import Visit
from sandbox.aws.stepfunctions.errors import runtime_error


def concurrency(visit: Visit, data: Any) -> int:
    """Return MaxConcurrency; 0 means no limit."""
    return integer(visit, data, "MaxConcurrency") or 0


def integer(visit: Visit, data: Any, field: str) -> int | None:
    """Return a whole number >= 0, ``None`` if the state has no such field; ``States.Runtime`` for anything else."""
    value = number(visit, data, field)
    if value is not None and not isinstance(value, int):
        raise runtime_error(f"{field} of state '{visit.name}' must be an integer, not {value!r}")
    return value


def number(visit: Visit, data: Any, field: str, *, highest: float | None = None) -> int | float | None:
    """Return a number from 0 to ``highest``, ``None`` if the state has no such field; else ``States.Runtime``."""
    if f"{field}Path" in visit.state:
        value = paths.read(visit.state[f"{field}Path"], data, visit.context())
    elif field in visit.state:
        value = visit.state[field]
    else:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise runtime_error(f"{field} of state '{visit.name}' must be a number, not {value!r}")
    if value < 0 or (highest is not None and value > highest):
        allowed = "not be negative" if highest is None else f"be between 0 and {highest:g}"
        raise runtime_error(f"{field} of state '{visit.name}' must {allowed}; it is {value!r}")
    return value
