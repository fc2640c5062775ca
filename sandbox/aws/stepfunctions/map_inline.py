"""The Map state with INLINE iterations: threads of the same execution."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sandbox.aws.stepfunctions import paths, templates
from sandbox.aws.stepfunctions.branch import Branch, Visit
from sandbox.aws.stepfunctions.cancellation import Cancellation
from sandbox.aws.stepfunctions.errors import ExecutionAborted, StatesError, runtime_error
from sandbox.aws.stepfunctions.numbers import concurrency

MAX_INLINE_CONCURRENCY = 40
"""What Step Functions gives an inline Map without a limit of its own (aws-facts 1.2)."""

_SHOWS_ABORT = frozenset({"Map", "Task"})
"""State types that leave ``<type>StateAborted`` in the history when their iteration is stopped (``HistoryEvent``)."""


def inline(visit: Visit, data: Any) -> list[Any]:
    """Run all iterations and return their outputs in the order of the items; the first failure fails the Map."""
    items = paths.read(visit.state.get("ItemsPath", "$"), data, visit.context())
    if not isinstance(items, list):
        raise runtime_error(f"The items of state '{visit.name}' are not an array")
    limit = concurrency(visit, data) or MAX_INLINE_CONCURRENCY
    visit.branch.event("MapStateStarted", {"length": len(items)})
    with map_state(visit):
        iterations = _Iterations(visit, data)
        results = run_all(items, iterations.run, min(limit, MAX_INLINE_CONCURRENCY))
        iterations.raise_first_failure()
    return results


@contextmanager
def map_state(visit: Visit) -> Iterator[None]:
    """Tell the history how the work of a Map state ended: ``MapStateSucceeded`` or ``MapStateFailed``."""
    try:
        yield
    except StatesError:
        visit.branch.note("MapStateFailed")
        raise
    visit.branch.event("MapStateSucceeded")


def run_all(items: list[Any], work: Callable[[int, Any], Any], limit: int) -> list[Any]:
    """Do ``work(index, item)`` for all items, ``limit`` at a time; ``work`` itself must not raise."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(limit, len(items)), thread_name_prefix="map") as pool:
        return list(pool.map(work, range(len(items)), items))


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
        """Run one iteration, unless another one has failed before its turn; a failure is kept, not raised."""
        if self._scope.cancelled:
            self._keep(ExecutionAborted())
            return None
        branch = self._branch(index, value)
        details = {"name": self._visit.name, "index": index}
        try:
            branch.event("MapIterationStarted", details)
            result = branch.run(self._visit.state["ItemProcessor"], self._input(index, value))
            branch.event("MapIterationSucceeded", details)
        except StatesError as failure:
            self._keep(failure)
            branch.note("MapIterationFailed", details)
            return None
        except ExecutionAborted as stop:
            self._keep(stop)
            if branch.inside in _SHOWS_ABORT:
                branch.note(f"{branch.inside}StateAborted")
            branch.note("MapIterationAborted", details)
            return None
        return result

    def _branch(self, index: int, value: Any) -> Branch:
        outer, name = self._visit.branch, f"{self._visit.name}[{index}]"
        item = {"Index": index, "Value": value}
        return Branch(outer.execution, outer.services, self._scope, item, name, last_event=self._started)

    def _input(self, index: int, value: Any) -> Any:
        data = item_input(self._visit, self._data, {"Index": index, "Value": value})
        return templates.check_size(data, f"The input of an iteration of state '{self._visit.name}'")

    def _keep(self, failure: StatesError | ExecutionAborted) -> None:
        with self._lock:
            self._failures.append(failure)
        self._scope.cancel()

    def raise_first_failure(self) -> None:
        """Raise what ended the first iteration that did not succeed, if any did not."""
        if self._failures:
            raise self._failures[0]
