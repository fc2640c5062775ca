"""The Map state with DISTRIBUTED children: executions of their own, counted against a tolerance.

Order of the checks and of the events as in histories that LocalStack's tests recorded against AWS: concurrency first,
then ``MapStateStarted`` (length 0: an ItemReader has not read yet), the tolerance, ``MapRunStarted``, the items.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.stepfunctions import result_writer, templates
from sandbox.aws.stepfunctions.branch import Visit
from sandbox.aws.stepfunctions.cancellation import Cancellation
from sandbox.aws.stepfunctions.errors import EXCEED_TOLERATED_FAILURE_THRESHOLD, StatesError
from sandbox.aws.stepfunctions.execution import Execution, ExecutionStatus, Machine
from sandbox.aws.stepfunctions.item_reader import items_of
from sandbox.aws.stepfunctions.map_inline import item_input, map_state, run_all
from sandbox.aws.stepfunctions.numbers import concurrency, integer, number
from sandbox.aws.stepfunctions.records import History
from sandbox.aws.stepfunctions.run import run_execution

MAX_LOCAL_CHILDREN = 64
"""Children at work at the same time when the definition sets no lower limit; AWS starts up to 10,000."""


def distributed(visit: Visit, data: Any) -> dict[str, Any]:
    """Run a child for each item, write the results, and fail if more children failed than is tolerated."""
    limit = concurrency(visit, data) or MAX_LOCAL_CHILDREN
    visit.branch.event("MapStateStarted", {"length": 0})
    run = _MapRun(visit, _tolerance(visit, data))
    writer = templates.fill(visit.state["ResultWriter"]["Parameters"], data, visit.context())
    place = result_writer.ResultPlace(writer["Bucket"], writer.get("Prefix", ""), run.arn)
    with map_state(visit), _map_run(visit, run):
        run.add_children(_inputs(visit, data))
        run_all(run.children, run.run_child, min(limit, MAX_LOCAL_CHILDREN))
        visit.branch.cancellation.check()
        output = result_writer.write(visit.branch.services, place, run.children)
        run.refuse_failures()
    return output


@contextmanager
def _map_run(visit: Visit, run: _MapRun) -> Iterator[None]:
    """Tell the history how the Map Run of this block began and ended."""
    visit.branch.event("MapRunStarted", {"mapRunArn": run.arn})
    try:
        yield
    except StatesError as failure:
        visit.branch.note("MapRunFailed", {"error": failure.name, "cause": failure.cause})
        raise
    visit.branch.event("MapRunSucceeded")


def _inputs(visit: Visit, data: Any) -> list[Any]:
    items = enumerate(items_of(visit, data))
    inputs = [item_input(visit, data, {"Index": index, "Value": value}) for index, value in items]
    return [templates.check_size(each, f"The input of a child of state '{visit.name}'") for each in inputs]


def _tolerance(visit: Visit, data: Any) -> Tolerance:
    percentage = number(visit, data, "ToleratedFailurePercentage", highest=100)
    return Tolerance(integer(visit, data, "ToleratedFailureCount"), percentage)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many children may fail: a number, a percentage of all, or none. Exceeding either fails the Map."""

    count: int | None
    percentage: float | None

    def exceeded(self, failed: int, total: int) -> bool:
        """Tell whether ``failed`` of ``total`` is too many; exactly the tolerated number is not."""
        if self.count is None and self.percentage is None:
            return failed > 0
        too_many = self.count is not None and failed > self.count
        return too_many or (self.percentage is not None and failed * 100 > self.percentage * total)


@dataclass
class _MapRun:
    """One Map Run: its children and how many of them failed."""

    visit: Visit
    tolerance: Tolerance
    failed: int = 0
    exceeded: bool = False
    children: list[Execution] = field(default_factory=list)
    arn: str = field(init=False)

    def __post_init__(self) -> None:
        machine = self.visit.branch.execution.machine
        self._lock = threading.Lock()
        self._scope = Cancellation(self.visit.branch.cancellation)
        self._path = f"{machine.name}/{self.visit.state.get('Label', self.visit.name)}"
        self._arn_start = machine.arn.rsplit(":", 2)[0]
        self.arn = f"{self._arn_start}:mapRun:{self._path}:{uuid.uuid4()}"

    def add_children(self, inputs: list[Any]) -> None:
        """Make a child for each input; none of them runs yet."""
        self.children = [self._child(each) for each in inputs]
        self.visit.branch.execution.children.extend(self.children)

    def _child(self, data: Any) -> Execution:
        parent = self.visit.branch.execution
        clock = self.visit.branch.services.clock
        name = str(uuid.uuid4())
        machine = Machine(
            f"{self._arn_start}:stateMachine:{self._path}",
            self._path,
            parent.machine.role_arn,
            self.visit.state["ItemProcessor"],
        )
        return Execution(
            arn=f"{self._arn_start}:execution:{self._path}:{name}",
            name=name,
            machine=machine,
            input=data,
            started_at=clock(),
            history=History(clock),
            cancellation=Cancellation(self._scope),
            trace=parent.trace.child(),
            map_run_arn=self.arn,
        )

    def run_child(self, _index: int, child: Execution) -> None:
        """Run one child, unless the Map has been stopped before its turn: then it stays pending."""
        if self._scope.cancelled:
            return
        child.started_at = self.visit.branch.services.clock()
        run_execution(self.visit.branch.services, child)
        if child.status is ExecutionStatus.FAILED:
            self._count_failure()

    def _count_failure(self) -> None:
        with self._lock:
            self.failed += 1
            self.exceeded = self.exceeded or self.tolerance.exceeded(self.failed, len(self.children))
            stop = self.exceeded
        if stop:
            self._scope.cancel()

    def refuse_failures(self) -> None:
        """Raise ``States.ExceedToleratedFailureThreshold`` if more children failed than is tolerated."""
        if self.exceeded:
            raise StatesError(
                EXCEED_TOLERATED_FAILURE_THRESHOLD,
                f"The specified tolerated failure threshold was exceeded: {self.failed} of {len(self.children)} failed",
            )
