"""A limit for the whole of a read: a socket's own time-out counts from byte to byte, so a drip never meets it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class CutOff:
    """Ends a blocking read ``seconds`` after its block was entered, from another thread; nothing if it is left before.

    ``end_read`` wakes the reader. Once ``happened`` is true, whatever the reader got is not to be used: it may stop
    like a clean end, and bytes of a connection without its TLS layer are not the server's words.
    """

    def __init__(self, seconds: float, end_read: Callable[[], object]) -> None:
        self.happened = False
        self._end_read = end_read
        self._timer = threading.Timer(max(seconds, 0.0), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.happened = True
        # The read has ended by itself meanwhile, or its connection is back in the pool.
        with suppress(OSError, ValueError, RuntimeError):
            self._end_read()
