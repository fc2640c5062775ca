"""One line of a trace tree; no behaviour but its JSON form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from math import inf
from typing import Any


class Kind(StrEnum):
    """What a node stands for."""

    EXECUTION = "execution"
    STATE = "state"
    INVOCATION = "invocation"
    SUBSEGMENT = "subsegment"


@dataclass(slots=True)
class Node:
    """``start`` and ``end`` in epoch seconds, ``end`` is ``None`` for what was at work or killed before it could tell.

    ``facts`` are what is known beside: ``request_id``, ``peak_mb``, ``init_ms``, ``attempts``, ``http_status`` ...
    """

    kind: Kind
    name: str
    start: float
    end: float | None
    error: str = ""
    cold: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    @property
    def ms(self) -> float | None:
        """The duration in milliseconds, if it ended."""
        return None if self.end is None else max(0.0, (self.end - self.start) * 1000)

    def as_json(self, shown: Callable[[Node], tuple[list[Node], int]]) -> dict[str, Any]:
        """Return the node and what is below it; ``shown`` picks the children and says how many are left out."""
        children, hidden = shown(self)
        document: dict[str, Any] = {
            "kind": self.kind.value,
            "name": self.name,
            "start": datetime.fromtimestamp(self.start, UTC).isoformat(timespec="milliseconds"),
            "ms": None if self.ms is None else round(self.ms, 1),
        }
        optional = {"error": self.error, "cold": self.cold, "not_shown": hidden, **self.facts}
        document |= {name: value for name, value in optional.items() if value}
        if children:
            document["children"] = [child.as_json(shown) for child in children]
        return document


def slowest(nodes: list[Node], most: int) -> list[Node]:
    """Return the ``most`` longest of ``nodes``, the longest first; what never ended is longer than anything."""
    by_length = sorted(nodes, key=lambda node: inf if node.ms is None else node.ms, reverse=True)
    return by_length[:most]
