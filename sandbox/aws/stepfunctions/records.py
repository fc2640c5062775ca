"""What an execution did: one record for each visit of a state, and the event history in AWS's shape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.aws.stepfunctions.errors import runtime_error
from sandbox.aws.stepfunctions.templates import to_json

MAX_HISTORY_EVENTS = 25_000
"""Hard limit of a Standard execution (aws-facts 1.2); the execution fails when it gets there."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """Format a moment as Step Functions does in payloads: ISO 8601, milliseconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass
class ExecutionRecord:
    """One visit of one state. Times are ISO 8601 strings; ``exited_at`` is ``None`` until the state ends."""

    execution_arn: str
    parent_map: str | None
    """The Map Run's ARN for a state of a child execution."""
    state_name: str
    state_type: str
    entered_at: str
    input: Any
    iteration: str | None = None
    """``<Map state>[<index>]`` for a state within an inline Map."""
    exited_at: str | None = None
    output: Any = None
    error: str | None = None
    cause: str | None = None
    attempts: int = 0
    """How often the work of a Task or Map was started; 0 for other types."""
    retry_waits: list[dict[str, float]] = field(default_factory=list)
    """``stated`` and really ``waited`` seconds before each retry."""

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return asdict(self)


class Recorder:
    """Keeps the records of all executions of an engine, in the order in which states were entered. Thread-safe."""

    def __init__(self) -> None:
        self._records: list[ExecutionRecord] = []
        self._lock = threading.Lock()

    def add(self, record: ExecutionRecord) -> ExecutionRecord:
        """Append ``record`` and return it; its owner completes it when the state ends."""
        with self._lock:
            self._records.append(record)
        return record

    def of(self, execution_arns: set[str]) -> list[ExecutionRecord]:
        """Return the records of these executions."""
        with self._lock:
            return [record for record in self._records if record.execution_arn in execution_arns]


class History:
    """The event history of one execution, in the shape of ``GetExecutionHistory``. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._clock = clock

    def append(self, kind: str, previous: int, details: Mapping[str, Any] | None = None) -> int:
        """Add an event and return its id; ``States.Runtime`` when only the execution's last event has room left."""
        with self._lock:
            if self._is_full():
                raise runtime_error(
                    f"The execution reached the maximum number of history events ({MAX_HISTORY_EVENTS})."
                )
            return self._add(kind, previous, details)

    def note(self, kind: str, previous: int, details: Mapping[str, Any] | None = None) -> int:
        """Add an event and return its id, or return ``previous`` when there is no room."""
        with self._lock:
            return previous if self._is_full() else self._add(kind, previous, details)

    def _is_full(self) -> bool:
        return len(self._events) >= MAX_HISTORY_EVENTS - 1

    def close(self, kind: str, previous: int, details: Mapping[str, Any] | None = None) -> int:
        """Add the execution's last event; there is always room for it."""
        with self._lock:
            return self._add(kind, previous, details)

    def _add(self, kind: str, previous: int, details: Mapping[str, Any] | None) -> int:
        event = {"timestamp": self._clock(), "type": kind, "id": len(self._events) + 1, "previousEventId": previous}
        if details is not None:
            event[_details_name(kind)] = dict(details)
        self._events.append(event)
        return len(self._events)

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far; timestamps are ``datetime`` objects, as boto3 gives them."""
        with self._lock:
            return [dict(event) for event in self._events]


def _details_name(kind: str) -> str:
    for suffix, name in (("StateEntered", "stateEntered"), ("StateExited", "stateExited")):
        if kind.endswith(suffix):
            return f"{name}EventDetails"
    return f"{kind[0].lower()}{kind[1:]}EventDetails"


def as_text(key: str, value: Any) -> dict[str, Any]:
    """Return a payload member of an event's details: JSON text, said not to be truncated."""
    return {key: to_json(value), f"{key}Details": {"truncated": False}}
