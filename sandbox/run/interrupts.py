"""Ctrl-C and SIGTERM, turned into one exception in the main thread, so that every ``with`` block cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sandbox.run.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """What the signals do at the moment: raise, or be remembered."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self._deferred = False

    def defer(self) -> None:
        """From now on only remember a signal: cleaning up must not be torn apart half-way."""
        self._deferred = True

    def stop(self, signum: int, _: FrameType | None) -> None:
        """Be the signals' handler; after the first one they are ignored."""
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self.received.append(signum)
        if not self._deferred:
            raise Interrupted(signum)


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Inside, the first SIGINT or SIGTERM raises ``Interrupted``; later ones are ignored while things are cleaned up.

    One that came while they were deferred, or that Python has swallowed (it does so in destructors), is raised at the
    block's end. All this also where a shell started us with SIGINT ignored (a background job). The handlers before are
    put back at the end.
    """
    interrupts = Interrupts()
    before = {each: signal.signal(each, interrupts.stop) for each in SIGNALS}
    try:
        yield interrupts
        if interrupts.received:
            raise Interrupted(interrupts.received[0])
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
