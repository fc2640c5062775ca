"""What a visit does, by state type."""

from __future__ import annotations

from typing import Any

from sandbox.aws.stepfunctions import dataflow, paths, templates
from sandbox.aws.stepfunctions.attempts import attempted
from sandbox.aws.stepfunctions.branch import HANDLERS, Visit
from sandbox.aws.stepfunctions.choice import choose
from sandbox.aws.stepfunctions.errors import StatesError, runtime_error
from sandbox.aws.stepfunctions.map_distributed import distributed
from sandbox.aws.stepfunctions.map_inline import inline
from sandbox.aws.stepfunctions.task import invoke


def _pass(visit: Visit) -> tuple[Any, str | None]:
    result = dataflow.effective(visit)
    result = visit.state.get("Result", result)
    placed = paths.write(visit.state.get("ResultPath", "$"), visit.data, result)
    return dataflow.passed_on(visit, placed), visit.next


def _choice(visit: Visit) -> tuple[Any, str | None]:
    data = dataflow.selected(visit)
    return dataflow.passed_on(visit, data), choose(visit.state, data, visit.context())


def _succeed(visit: Visit) -> tuple[Any, str | None]:
    return dataflow.passed_on(visit, dataflow.selected(visit)), None


def _fail(visit: Visit) -> tuple[Any, str | None]:
    raise StatesError(_text(visit, "Error"), _text(visit, "Cause"))


def _text(visit: Visit, field: str) -> str:
    if f"{field}Path" not in visit.state:
        return str(visit.state.get(field, ""))
    value = paths.read(visit.state[f"{field}Path"], visit.data, visit.context())
    if not isinstance(value, str):
        raise runtime_error(f"{field}Path of state '{visit.name}' must name a string, not {templates.to_json(value)}")
    return value


def _task(visit: Visit) -> tuple[Any, str | None]:
    return attempted(visit, invoke)


def _map(visit: Visit) -> tuple[Any, str | None]:
    mode = visit.state["ItemProcessor"].get("ProcessorConfig", {}).get("Mode", "INLINE")
    work = distributed if mode == "DISTRIBUTED" else inline
    return attempted(visit, lambda each: work(each, dataflow.selected(each)))


def register() -> None:
    """Make the loop know all state types; idempotent."""
    HANDLERS.update(Pass=_pass, Choice=_choice, Succeed=_succeed, Fail=_fail, Task=_task, Map=_map)
