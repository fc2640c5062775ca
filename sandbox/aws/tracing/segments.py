"""Segments and subsegments: read from the documents that X-Ray's daemon is sent, merged, kept within a bound.

Fields as in the X-Ray developer guide, "Segment documents". Only what the tree shows is read: URLs, messages, stacks
and metadata of a document are not kept in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.aws.tracing.header import is_id, is_trace_id

LAMBDA = "AWS::Lambda"
FUNCTION = "AWS::Lambda::Function"
STATE = "AWS::StepFunctions::StateMachine"
"""Origins of the platform's own segments; what a function sends has none."""

MAX_SEGMENTS = 250_000
"""Segments kept in memory, about 150 MB; those beyond are counted and, where there is a file, written to it."""
_MAX_NAME = 200
"""Characters of a name (developer guide)."""


class MalformedSegment(ValueError):
    """A document that X-Ray would not take."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One timed piece of work. Times are epoch seconds; ``end`` is ``None`` while it is at work.

    ``error_type`` names an exception's class or Lambda's error type; ``resource`` is the execution's or the function's
    ARN in the platform's own segments, ``iteration`` the inline Map's iteration that a state belongs to.
    """

    trace_id: str
    id: str
    name: str
    start: float
    end: float | None = None
    parent_id: str | None = None
    origin: str = ""
    namespace: str = ""
    resource: str = ""
    iteration: str = ""
    error_type: str = ""
    fault: bool = False
    error: bool = False
    throttle: bool = False
    http_status: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the segment as X-Ray's daemon takes it; what X-Ray has no field for is an annotation."""
        annotations = {
            name: value for name in ("resource", "iteration", "error_type") if (value := getattr(self, name))
        }
        plain = {name: getattr(self, name) for name in ("trace_id", "id", "name", "parent_id", "origin", "namespace")}
        flags = {name: True for name in ("fault", "error", "throttle") if getattr(self, name)}
        ending = {"in_progress": True} if self.end is None else {"end_time": self.end}
        http = {} if self.http_status is None else {"http": {"response": {"status": self.http_status}}}
        shown = {name: value for name, value in plain.items() if value}
        extra = {"annotations": annotations} if annotations else {}
        return {**shown, "start_time": self.start, **ending, **flags, **http, **extra}


TraceSink = Callable[[Segment], None]
"""Takes the platform's own segments; called from any thread."""


def untraced(_segment: Segment) -> None:
    """Be the sink where nobody collects."""


def read_document(document: object) -> list[Segment]:
    """Return a document's segment and, flat, all subsegments within it; raises ``MalformedSegment``."""
    return list(_read(document, None, None))


def _read(document: object, trace_id: str | None, parent_id: str | None) -> Iterator[Segment]:
    if not isinstance(document, Mapping):
        raise MalformedSegment("a segment is not a JSON object")
    own_id, name = document.get("id"), document.get("name")
    trace_id = document.get("trace_id", trace_id)
    parent_id = document.get("parent_id", parent_id)
    if not is_id(own_id) or not is_trace_id(trace_id) or not (parent_id is None or is_id(parent_id)):
        raise MalformedSegment("a segment's id, trace_id or parent_id is not of X-Ray's form")
    if not isinstance(name, str) or not name:
        raise MalformedSegment("a segment has no name")
    yield Segment(
        trace_id=str(trace_id),
        id=str(own_id),
        name=name[:_MAX_NAME],
        start=_moment(document, "start_time"),
        end=None if document.get("in_progress") else _moment(document, "end_time"),
        parent_id=parent_id,
        origin=_text(document, "origin"),
        namespace=_text(document, "namespace"),
        resource=_annotation(document, "resource"),
        iteration=_annotation(document, "iteration"),
        error_type=_annotation(document, "error_type"),
        fault=document.get("fault") is True,
        error=document.get("error") is True,
        throttle=document.get("throttle") is True,
        http_status=_status(document.get("http")),
    )
    for inner in document.get("subsegments") or ():
        yield from _read(inner, str(trace_id), str(own_id))


def _moment(document: Mapping[str, Any], field: str) -> float:
    value = document.get(field)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MalformedSegment(f"a segment's {field} is not a number")
    return float(value)


def _text(document: Mapping[str, Any], field: str) -> str:
    value = document.get(field)
    return value[:_MAX_NAME] if isinstance(value, str) else ""


def _annotation(document: Mapping[str, Any], name: str) -> str:
    found = document.get("annotations")
    return _text(found, name) if isinstance(found, Mapping) else ""


def _status(http: object) -> int | None:
    response = http.get("response") if isinstance(http, Mapping) else None
    status = response.get("status") if isinstance(response, Mapping) else None
    return status if isinstance(status, int) else None


class SegmentStore:
    """Segments by trace and id; one sent again (first at work, then ended) is merged. Thread-safe."""

    def __init__(self, most: int = MAX_SEGMENTS) -> None:
        self._most = most
        self._segments: dict[tuple[str, str], Segment] = {}
        self._lock = threading.Lock()
        self.not_kept = 0
        """Segments beyond the bound."""

    def add(self, segment: Segment) -> None:
        """Keep ``segment``, merged with what was known of it."""
        place = (segment.trace_id, segment.id)
        with self._lock:
            known = self._segments.get(place)
            if known is None and len(self._segments) >= self._most:
                self.not_kept += 1
                return
            self._segments[place] = segment if known is None else _merged(known, segment)

    def all(self) -> list[Segment]:
        """Return everything kept, by start."""
        with self._lock:
            found = list(self._segments.values())
        return sorted(found, key=lambda segment: segment.start)


def _merged(known: Segment, later: Segment) -> Segment:
    """An ended document is more than one at work, whichever came first; flags of either stay."""
    best, other = (known, later) if known.end is not None and later.end is None else (later, known)
    return replace(
        best,
        parent_id=best.parent_id or other.parent_id,
        error_type=best.error_type or other.error_type,
        fault=best.fault or other.fault,
        error=best.error or other.error,
        throttle=best.throttle or other.throttle,
    )
