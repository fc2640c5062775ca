"""How fast GoPro's API is asked: never in bursts, and not at all while it wants to be left alone.

GoPro publishes no limits. A pause that one function is asked for holds for all functions of its run: it is passed on
through the run's row (``services.stop_flag``), which every function reads at its start anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from cloud_sync_common.errors import SourceThrottled

MIN_INTERVAL_SECONDS = 0.1
"""Between two calls of one function; rclone's GoPro backend keeps the same distance."""

LONGEST_WAIT_SECONDS = 60.0
"""A longer pause is not slept through in a function that is paid by the second: the workflow waits."""

LONGEST_PAUSE_SECONDS = 900.0
"""After it GoPro is asked again, whatever it asked for: the workflow's retries wait that long, and hardly longer."""

SPREAD_SECONDS = 2.0
"""Over which those who waited for the end of one pause come back."""

_LONGEST_QUEUE_SECONDS = 2.0
"""However the clock may jump, nobody waits longer than that for the interval's sake."""


class Pace:
    """When the next call may go out; shared by the threads of a process.

    ``sleep`` takes seconds, ``clock`` gives Unix time, ``jitter`` a number in [0, 1). ``tell`` is called with the end
    of each new pause (Unix time).
    """

    def __init__(
        self,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        interval: float = MIN_INTERVAL_SECONDS,
    ) -> None:
        self.tell: Callable[[float], None] = nobody
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._interval = interval
        self._lock = threading.Lock()
        self._next_call = 0.0
        self._paused_until = 0.0

    def wait(self, extra: float = 0.0) -> None:
        """Return when a call may go out, ``extra`` seconds later than the pace alone would have it.

        Raises `SourceThrottled` without waiting when a pause is still too long to be slept through.
        """
        with self._lock:
            now = self._clock()
            pause = max(0.0, min(self._paused_until, now + LONGEST_PAUSE_SECONDS) - now)
            if pause > LONGEST_WAIT_SECONDS:
                raise SourceThrottled(f"GoPro asks to wait {pause:.0f} s", status=429, retry_after=pause)
            queue = max(0.0, min(self._next_call - now, _LONGEST_QUEUE_SECONDS))
            self._next_call = now + max(pause, queue) + self._interval
        if pause:
            pause += self._jitter() * SPREAD_SECONDS
        delay = max(pause + extra, queue)
        if delay > 0:
            self._sleep(delay)

    def learn(self, until: float) -> None:
        """Keep a pause that another function was asked for."""
        with self._lock:
            self._paused_until = max(self._paused_until, until)

    def pause(self, seconds: float) -> None:
        """Keep a pause that GoPro has just asked this function for, and tell of it if it is news."""
        until = self._clock() + min(seconds, LONGEST_PAUSE_SECONDS)
        with self._lock:
            news = until >= self._paused_until + 1
            self._paused_until = max(self._paused_until, until)
        if news:
            self.tell(until)


def nobody(until: float) -> None:
    """Outside of a run there is nobody to tell."""
