"""Who belongs to which trace: X-Ray's ids and the header that carries them.

Forms as in the X-Ray developer guide ("Concepts", tracing header; "Segment documents", ``trace_id`` and ``id``).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ID = re.compile(r"[0-9a-f]{16}")


def new_id() -> str:
    """Return a fresh id of a segment: 64 bits in hexadecimal."""
    return secrets.token_hex(8)


def new_trace_id(now: float) -> str:
    """Return a fresh trace id; it carries the second ``now`` (epoch) in which the trace began."""
    return f"1-{int(now):08x}-{secrets.token_hex(12)}"


def is_id(text: object) -> bool:
    """Tell whether ``text`` can be a segment's id."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def is_trace_id(text: object) -> bool:
    """Tell whether ``text`` can be a trace's id."""
    return isinstance(text, str) and _TRACE_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """``X-Amzn-Trace-Id``: the trace, the segment that asks (``None`` at the trace's beginning), whether to record."""

    root: str
    parent: str | None = None
    sampled: bool = True

    @classmethod
    def parse(cls, text: str) -> TraceHeader | None:
        """Return what a header says; ``None`` if it names no trace, in which case the receiver begins one."""
        fields = dict(part.strip().partition("=")[::2] for part in text.split(";"))
        if not is_trace_id(fields.get("Root")):
            return None
        parent = fields.get("Parent")
        return cls(fields["Root"], parent if is_id(parent) else None, fields.get("Sampled") != "0")

    def under(self, parent: str) -> TraceHeader:
        """Return the header for what the segment ``parent`` of the same trace calls."""
        return TraceHeader(self.root, parent, self.sampled)

    def __str__(self) -> str:
        parent = f";Parent={self.parent}" if self.parent else ""
        return f"Root={self.root}{parent};Sampled={int(self.sampled)}"
