"""The Map state with INLINE iterations: threads of the same execution."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.aws.stepfunctions import paths, templates
from sandbox.aws.stepfunctions.branch import Branch, Visit
from sandbox.aws.stepfunctions.cancellation import Cancellation
from sandbox.aws.stepfunctions.errors import ExecutionAborted, StatesError, runtime_error

MAX_INLINE_CONCURRENCY = 40
"""What Step Functions gives an inline Map without a limit of its own (aws-facts 1.2)."""


def inline(visit: Visit, data: Any) -> list[Any]:
    """Run all iterations and return their outputs in the order of the items; the first failure fails the Map."""
    items = paths.read(visit.state.get("ItemsPath", "$"), data, visit.context())
    if not isinstance(items, list):
        raise runtime_error(f"The items of state '{visit.name}' are not an array")
    limit = concurrency(visit, data) or MAX_INLINE_CONCURRENCY
    visit.branch.event("MapStateStarted", {"length": len(items)})
    iterations = _Iterations(visit, data)
    results = run_all(items, iterations.run, min(limit, MAX_INLINE_CONCURRENCY))
    iterations.raise_first_failure()
    visit.branch.event("MapStateSucceeded")
    return results


def run_all(items: list[Any], work: Callable[[int, Any], Any], limit: int) -> list[Any]:
    """Do ``work(index, item)`` for all items, ``limit`` at a time; ``work`` itself must not raise."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(limit, len(items)), thread_name_prefix="map") as pool:
        return list(pool.map(work, range(len(items)), items))


def concurrency(visit: Visit, data: Any) -> int:
    """Return MaxConcurrency, literal or by path; 0 means no limit."""
    value = number(visit, data, "MaxConcurrency", default=0)
    if not isinstance(value, int):
        raise runtime_error(f"MaxConcurrency of state '{visit.name}' must be an integer, not {value!r}")
    return value


def number(visit: Visit, data: Any, field: str, *, default: float | None) -> int | float | None:
    """Return a number given as ``field`` or as ``fieldPath``; ``States.Runtime`` for anything but one >= 0."""
    if f"{field}Path" in visit.state:
        value = paths.read(visit.state[f"{field}Path"], data, visit.context())
    else:
        value = visit.state.get(field, default)
    if value is None and default is None and f"{field}Path" not in visit.state:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise runtime_error(f"{field} of state '{visit.name}' must be a number that is not negative, not {value!r}")
    return value


def item_input(visit: Visit, data: Any, item: Mapping[str, Any]) -> Any:
    """Return an iteration's input: the item, or what ItemSelector makes of it."""
    if "ItemSelector" not in visit.state:
        return item["Value"]
    return templates.fill(visit.state["ItemSelector"], data, visit.context(item))


class _Iterations:
    """The iterations of one visit; the first failure in time stops the others."""

    def __init__(self, visit: Visit, data: Any) -> None:
        self._visit = visit
        self._data = data
        self._scope = Cancellation(visit.branch.cancellation)
        self._started = visit.branch.last_event
        self._failures: list[StatesError | ExecutionAborted] = []
        self._lock = threading.Lock()

    def run(self, index: int, value: Any) -> Any:
        """Run one iteration; a failure is kept, not raised."""
        visit = self._visit
        item = {"Index": index, "Value": value}
        outer = visit.branch
        branch = Branch(
            outer.execution, outer.services, self._scope, item, f"{visit.name}[{index}]", last_event=self._started
        )
        details = {"name": visit.name, "index": index}
        try:
            self._scope.check()
            branch.event("MapIterationStarted", details)
            result = branch.run(visit.state["ItemProcessor"], item_input(visit, self._data, item))
            branch.event("MapIterationSucceeded", details)
        except (StatesError, ExecutionAborted) as failure:
            self._fail(branch, details, failure)
            return None
        return result

    def _fail(self, branch: Branch, details: Mapping[str, Any], failure: StatesError | ExecutionAborted) -> None:
        with self._lock:
            self._failures.append(failure)
        self._scope.cancel()
        kind = "MapIterationAborted" if isinstance(failure, ExecutionAborted) else "MapIterationFailed"
        branch.execution.history.close(kind, branch.last_event, details)

    def raise_first_failure(self) -> None:
        """Raise what ended the first iteration that did not succeed, if any did not."""
        if self._failures:
            raise self._failures[0]
