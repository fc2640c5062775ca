"""How many parts of a file move at the same time: two at first, more as long as they wait more than they work. Pure.

Where a connection is slow (a CDN's limit, a long way), its worker waits, on the source or on S3, and another one costs
next to nothing and brings as much again. Where the processor is the limit, time goes evenly into both sides, since both
encrypt, and more threads would only cost more of it (performance.md 1, "Throttled" and "Lambda-like CPU share"). What
a doubled number brings could be measured, too, but not in time: CDNs let the first seconds of a request pass faster.
"""

from __future__ import annotations

FIRST = 2
WINDOW_SECONDS = 0.2
"""What is looked at for each decision, times the workers; enough for a new connection's first bytes."""

WAITING = 0.8
"""The share of their time that workers spend on one side from which on they are waiting for it."""


class WorkerCount:
    """``allowed`` is how many parts may be under way; it is doubled up to ``most`` and never falls."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = (0.0, 0.0)
        self.allowed = min(FIRST, most)

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to decide."""
        return self.allowed == self._most

    def observe(self, source_seconds: float, seconds: float) -> None:
        """Take a measurement: how long workers have worked in all, and how much of that the source has taken.

        Both are sums over the workers since the beginning. What counts is everything since the last decision, so that a
        hiccup in a long transfer is no reason.
        """
        source, whole = source_seconds - self._since[0], seconds - self._since[1]
        if self.is_settled or whole < WINDOW_SECONDS * self.allowed:
            return
        if max(source, whole - source) / whole >= WAITING:
            self.allowed = min(2 * self.allowed, self._most)
            self._since = (source_seconds, seconds)
