"""Reference paths (``$.a.b[0]``, ``$$.Execution.Id``): the part of JSONPath that names exactly one place."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from sandbox.aws.stepfunctions.errors import RESULT_PATH_MATCH_FAILURE, StatesError, runtime_error

_STEP = re.compile(r"\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\['(?P<quoted>[^'\\]+)'\]|\[(?P<index>\d+)\]")

Steps = tuple[str | int, ...]


class NotAReferencePath(ValueError):
    """The text is not a reference path: wildcards, filters, slices and intrinsics are not supported."""


def parse(path: str) -> Steps:
    """Split ``$...`` or ``$$...`` into its steps; ``NotAReferencePath`` for anything else."""
    if not path.startswith("$"):
        raise NotAReferencePath(f"{path!r} does not start with '$'")
    rest = path[2:] if path.startswith("$$") else path[1:]
    steps: list[str | int] = []
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise NotAReferencePath(f"{path!r} is not a plain reference path at {rest!r}")
        index = match["index"]
        steps.append(int(index) if index is not None else match["name"] or match["quoted"])
        rest = rest[match.end() :]
    return tuple(steps)


def read(path: str, data: Any, context: Any) -> Any:
    """Return a copy of what ``path`` names in ``data`` (``$``) or in the context object (``$$``).

    A place that does not exist is ``States.Runtime``, which no Catch sees.
    """
    value = context if path.startswith("$$") else data
    for step in parse(path):
        value = _step_into(value, step, path, data)
    return copy.deepcopy(value)


def _step_into(value: Any, step: str | int, path: str, data: Any) -> Any:
    if isinstance(step, str) and isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(step, int) and isinstance(value, list) and step < len(value):
        return value[step]
    shown = json.dumps(data)[:1000]
    raise runtime_error(f"The JSONPath '{path}' could not be found in the input '{shown}'")


def exists(path: str, data: Any, context: Any) -> bool:
    """Tell whether ``path`` names something; ``null`` counts as something."""
    try:
        read(path, data, context)
    except StatesError:
        return False
    return True


def write(path: str | None, data: Any, result: Any) -> Any:
    """Return ``data`` with ``result`` placed at ``path``: the rule of ResultPath (``None`` discards the result)."""
    if path is None:
        return data
    steps = parse(path)
    if not steps:
        return result
    root = copy.deepcopy(data)
    place = root
    for step in steps[:-1]:
        place = _descend(place, step, path)
    _put(place, steps[-1], result, path)
    return root


def _descend(place: Any, step: str | int, path: str) -> Any:
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, {})
    raise _no_place(path)


def _put(place: Any, step: str | int, result: Any, path: str) -> None:
    if not (isinstance(place, dict) and isinstance(step, str)):
        raise _no_place(path)
    place[step] = result


def _no_place(path: str) -> StatesError:
    return StatesError(RESULT_PATH_MATCH_FAILURE, f"Unable to apply ReferencePath {path} to the input of the state")
