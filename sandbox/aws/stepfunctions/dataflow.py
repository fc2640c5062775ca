"""From a state's raw input to its effective input, and from its result to its output."""

from __future__ import annotations

from typing import Any

from sandbox.aws.stepfunctions import paths, templates
from sandbox.aws.stepfunctions.branch import Visit


def selected(visit: Visit) -> Any:
    """Apply InputPath."""
    return _through(visit.state.get("InputPath", "$"), visit.data, visit)


def effective(visit: Visit) -> Any:
    """Apply InputPath and Parameters; refuses what is too large to pass on."""
    data = selected(visit)
    if "Parameters" in visit.state:
        data = templates.fill(visit.state["Parameters"], data, visit.context())
    return templates.check_size(data, f"The input of state '{visit.name}' after Parameters")


def output(visit: Visit, result: Any) -> Any:
    """Apply ResultSelector, ResultPath and OutputPath to a state's result.

    The result is measured before anything is taken from it: a function that answers too much fails its state even if
    ResultPath would have dropped the answer.
    """
    templates.check_size(result, f"The result of state '{visit.name}'")
    if "ResultSelector" in visit.state:
        result = templates.fill(visit.state["ResultSelector"], result, visit.context())
    placed = paths.write(visit.state.get("ResultPath", "$"), visit.data, result)
    return passed_on(visit, placed)


def passed_on(visit: Visit, data: Any) -> Any:
    """Apply OutputPath and measure what leaves the state."""
    chosen = _through(visit.state.get("OutputPath", "$"), data, visit)
    return templates.check_size(chosen, f"The output of state '{visit.name}'")


def _through(path: str | None, data: Any, visit: Visit) -> Any:
    return {} if path is None else paths.read(path, data, visit.context())
