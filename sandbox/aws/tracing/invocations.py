"""The lower half of a trace tree: which invocations a state made, and what each did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sandbox.aws.functions.api import Invoked
from sandbox.aws.tracing.node import Kind, Node
from sandbox.aws.tracing.segments import FUNCTION, LAMBDA, STATE, Segment

_PLATFORM = frozenset({LAMBDA, FUNCTION, STATE})


class InvocationNodes:
    """Makes nodes out of segments; knows all of one account, gives those of the executions ``arns``."""

    def __init__(
        self, segments: Sequence[Segment], invocations: Iterable[Invoked], names: Mapping[str, str], arns: set[str]
    ) -> None:
        self._names = names
        self._invoked = {each.segment_id: each for each in invocations}
        self._below: dict[str, list[Segment]] = defaultdict(list)
        self._attempts: dict[tuple[str, str, str], list[Segment]] = defaultdict(list)
        for segment in sorted(segments, key=lambda each: each.start):
            if segment.origin == STATE and segment.resource in arns:
                self._attempts[segment.resource, segment.name, segment.iteration].append(segment)
            if segment.parent_id is not None:
                self._below[segment.parent_id].append(segment)
        self._segments = segments

    def of_state(self, execution: str, state: str, iteration: str | None, start: float, until: float) -> list[Node]:
        """Return the invocations of one visit: all attempts since ``start`` and before ``until``, the next visit's.

        Not the end of the visit: states' times are cut to milliseconds, and the next one may begin in the same.
        """
        attempts = self._attempts.get((execution, state, iteration or ""), ())
        made = [each for each in attempts if start <= each.start < until]
        return [self._invocation(call) for attempt in made for call in self._below.get(attempt.id, ())]

    def _invocation(self, call: Segment) -> Node:
        node = Node(Kind.INVOCATION, self._names.get(call.name, call.name), call.start, call.end, call.error_type)
        if call.http_status is not None and call.http_status != 200:
            node.facts["http_status"] = call.http_status
        for segment in self._below.get(call.id, ()):
            invoked = self._invoked.get(segment.id)
            if invoked is not None:
                node.cold = invoked.cold
                node.facts |= {"request_id": invoked.request_id, "peak_mb": invoked.peak_mb}
                node.facts |= {"init_ms": invoked.init_ms} if invoked.init_ms else {}
            node.children += self._subsegments(segment)
        return node

    def _subsegments(self, parent: Segment) -> list[Node]:
        return [self._subsegment(each) for each in self._below.get(parent.id, ())]

    def _subsegment(self, segment: Segment) -> Node:
        flagged = "throttle" if segment.throttle else "fault" if segment.fault else "error" if segment.error else ""
        node = Node(Kind.SUBSEGMENT, segment.name, segment.start, segment.end, segment.error_type or flagged)
        if segment.namespace not in ("", "local"):
            node.facts["namespace"] = segment.namespace
        if segment.http_status is not None:
            node.facts["http_status"] = segment.http_status
        node.children = self._subsegments(segment)
        return node

    def astray(self) -> int:
        """Return how many subsegments of these executions' traces have a parent that nobody has sent."""
        traces = {each.trace_id for found in self._attempts.values() for each in found}
        known = {each.id for each in self._segments}
        return sum(
            1
            for each in self._segments
            if each.trace_id in traces and each.origin not in _PLATFORM and each.parent_id not in known
        )
