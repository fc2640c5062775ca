"""How many parts of a file move at the same time: one at first, more as soon as the processor is left idle. Pure.

Where a connection is slow (a CDN's limit, a long way), its worker waits, and another one costs next to nothing and
brings as much again. Where the processor is the limit, more threads would only cost more of it: a tenth for the second
(ADR 18). What another worker brings could be measured, too, but not in time: CDNs let the first seconds of a request
pass faster.
"""

from __future__ import annotations

WINDOW_SECONDS = 0.2
"""What is looked at for each decision, at least."""

IDLE = 0.5
"""Workers that use no more than this of the processor leave room for as many again."""


class WorkerCount:
    """``allowed`` is how many parts may be under way: 1 to ``most``, and never fewer than before.

    ``processors`` is how much of a processor there is: a small function has a fraction of one.
    """

    def __init__(self, most: int, processors: float = 1.0) -> None:
        self._most = most
        self._processors = processors
        self._since: tuple[float, float] | None = None
        self.allowed = 1

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing left to decide."""
        return self.allowed == self._most

    def observe(self, now: float, cpu_seconds: float) -> None:
        """Take a measurement: the time, and how much processor time was used until then; both in seconds, growing.

        The first one is where it begins. What counts is everything since the last decision, so that a hiccup in a long
        transfer is no reason. Workers that use a tenth of the processor leave room for ten times as many.
        """
        if self._since is None:
            self._since = (now, cpu_seconds)
        seconds, used = now - self._since[0], cpu_seconds - self._since[1]
        if self.is_settled or seconds < WINDOW_SECONDS:
            return
        working = used / (seconds * self._processors)
        if working <= IDLE:
            has_room_for_all = working * self._most <= self.allowed
            self.allowed = self._most if has_room_for_all else int(self.allowed / working)
            self._since = (now, cpu_seconds)
