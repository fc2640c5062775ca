"""How many parts of a file move at the same time: one at first, more as soon as it waits more than it works. Pure.

Where a connection is slow (a CDN's limit, a long way), its worker waits, on the source or on S3, and another one costs
next to nothing and brings as much again. Where the processor is the limit, time goes evenly into both sides, since both
encrypt, and more threads would only cost more of it: a tenth for the second (ADR 18). What another worker brings could
be measured, too, but not in time: CDNs let the first seconds of a request pass faster.
"""

from __future__ import annotations

WINDOW_SECONDS = 0.2
"""What is looked at for each decision, times the workers; enough for a new connection's first bytes."""

WAITING = 0.8
"""The share of their time that workers spend on one side from which on they are waiting for it."""


class WorkerCount:
    """``allowed`` is how many parts may be under way: 1 to ``most``, and never fewer than before."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._since = (0.0, 0.0)
        self.allowed = 1

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to decide."""
        return self.allowed == self._most

    def observe(self, source_seconds: float, seconds: float) -> None:
        """Take a measurement: how long workers have worked in all, and how much of that the source has taken.

        Both are sums over the workers since the beginning. What counts is everything since the last decision, so that a
        hiccup in a long transfer is no reason. Workers that wait for all but a tenth of their time leave room for ten
        times as many.
        """
        source, whole = source_seconds - self._since[0], seconds - self._since[1]
        if self.is_settled or whole < WINDOW_SECONDS * self.allowed:
            return
        working = min(source, whole - source) / whole
        if working <= 1 - WAITING:
            has_room_for_all = working * self._most <= self.allowed
            self.allowed = self._most if has_room_for_all else int(self.allowed / working)
            self._since = (source_seconds, seconds)
