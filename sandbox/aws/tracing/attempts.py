"""Step Functions' part of a trace: an execution's place in it, and a segment for each attempt of a Task."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sandbox.aws.stepfunctions.errors import StatesError
from sandbox.aws.tracing.header import TraceHeader, new_id, new_trace_id
from sandbox.aws.tracing.segments import STATE, Segment, TraceSink


@dataclass(frozen=True, slots=True)
class ExecutionTrace:
    """An execution's segment: the trace of the whole tree, its own id, the id of the execution that started it."""

    trace_id: str
    id: str
    parent_id: str | None = None

    @classmethod
    def begin(cls) -> ExecutionTrace:
        """Return the place of an execution that nobody's trace leads to."""
        return cls(new_trace_id(time.time()), new_id())

    def child(self) -> ExecutionTrace:
        """Return the place of an execution that this one starts."""
        return ExecutionTrace(self.trace_id, new_id(), self.id)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt's segment says of itself: ``state`` by name, the execution's ARN, the inline Map's iteration."""

    state: str
    execution_arn: str
    iteration: str | None


@contextmanager
def traced(
    attempt: Attempt, trace: ExecutionTrace, clock: Callable[[], datetime], sink: TraceSink
) -> Iterator[TraceHeader]:
    """Give the block the header for what it invokes, and record it when it ends; its errors go on."""
    own, start, failure = new_id(), clock().timestamp(), ""
    try:
        yield TraceHeader(trace.trace_id, own)
    except StatesError as error:
        failure = error.name
        raise
    finally:
        sink(
            Segment(
                trace_id=trace.trace_id,
                id=own,
                name=attempt.state,
                start=start,
                end=clock().timestamp(),
                parent_id=trace.id,
                origin=STATE,
                resource=attempt.execution_arn,
                iteration=attempt.iteration or "",
                error_type=failure,
                fault=bool(failure),
            )
        )
