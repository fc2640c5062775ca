"""The segments that Lambda itself makes of an invocation, so that the function's own have a parent.

``AWS::Lambda`` is the service that takes the call, ``AWS::Lambda::Function`` the work in the instance (developer guide,
"Visualize Lambda function invocations using AWS X-Ray"); the header that the handler sees names the second as parent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from sandbox.aws.functions.api import FunctionSpec, InvokeResult
from sandbox.aws.tracing.header import TraceHeader, new_id, new_trace_id
from sandbox.aws.tracing.segments import FUNCTION, LAMBDA, Segment, TraceSink


class InvocationTrace:
    """Begins with the call; ``caller`` is the header that came with it, ``None`` begins a trace of its own."""

    def __init__(
        self,
        spec: FunctionSpec,
        caller: TraceHeader | None,
        sink: TraceSink,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._sink = sink
        begins = clock()
        self._caller = caller or TraceHeader(new_trace_id(begins))
        self._call = Segment(
            trace_id=self._caller.root,
            id=new_id(),
            name=spec.name,
            start=begins,
            parent_id=self._caller.parent,
            origin=LAMBDA,
            resource=spec.arn,
        )
        self.segment_id = new_id()
        """Of the work in the instance."""

    @property
    def header(self) -> str:
        """What the runtime hands to the handler."""
        return str(self._caller.under(self.segment_id))

    def throttled(self) -> None:
        """Record a call that was refused: no instance, no work."""
        self._send(replace(self._call, end=self._clock(), error=True, throttle=True, http_status=429))

    def ended(self, result: InvokeResult, init_ms: float | None) -> None:
        """Record the call, the work, and within it the initialisation of a cold start."""
        end = self._clock()
        call = replace(self._call, end=end, error_type=result.error_type, fault=result.function_error is not None)
        work = replace(call, id=self.segment_id, parent_id=call.id, origin=FUNCTION)
        self._send(replace(call, http_status=200))
        self._send(work)
        if init_ms is not None:
            ready = min(self._call.start + init_ms / 1000, end)
            self._send(Segment(work.trace_id, new_id(), "Initialization", work.start, ready, work.id))

    def _send(self, segment: Segment) -> None:
        if self._caller.sampled:
            self._sink(segment)
