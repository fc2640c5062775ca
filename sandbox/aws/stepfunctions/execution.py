"""One execution: who it is, what it was given, how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.aws.stepfunctions.cancellation import Cancellation
from sandbox.aws.stepfunctions.records import History
from sandbox.aws.tracing.attempts import ExecutionTrace


class ExecutionStatus(StrEnum):
    """The statuses that this engine gives."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine as an execution sees it; ``definition`` is the resolved and admitted ASL."""

    arn: str
    name: str
    role_arn: str
    definition: dict[str, Any]


@dataclass
class Execution:
    """A parent's or a child's execution; ``status`` and what follows change once, when it ends."""

    arn: str
    name: str
    machine: Machine
    input: Any
    started_at: datetime
    history: History
    cancellation: Cancellation
    trace: ExecutionTrace = field(default_factory=ExecutionTrace.begin)
    """Its place in the trace; a child's is ``trace.child()`` of its parent."""
    map_run_arn: str | None = None
    """The Map Run that started this execution, for a child."""
    status: ExecutionStatus = ExecutionStatus.RUNNING
    output: Any = None
    error: str | None = None
    cause: str | None = None
    stopped_at: datetime | None = None
    children: list[Execution] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    on_end: Callable[[Execution], None] | None = None

    def end(self, status: ExecutionStatus, moment: datetime, **outcome: Any) -> None:
        """Set how the execution ended (``output``, or ``error`` and ``cause``) and wake those who wait."""
        self.stopped_at = moment
        self.output = outcome.get("output")
        self.error = outcome.get("error")
        self.cause = outcome.get("cause")
        self.status = status
        try:
            if self.on_end is not None:
                self.on_end(self)
        finally:
            self.done.set()
