"""Ctrl-C and SIGTERM, turned into one exception in the main thread, so that every ``with`` block cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from sandbox.run.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM raises ``Interrupted``; later ones are ignored while things are cleaned up.

    One that Python has swallowed (it does so in destructors) is raised at the block's end. All this also where a shell
    started us with SIGINT ignored (a background job). The handlers before are put back at the end.
    """
    received: list[int] = []

    def stop(signum: int, _: FrameType | None) -> NoReturn:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        received.append(signum)
        raise Interrupted(signum)

    before = {each: signal.signal(each, stop) for each in SIGNALS}
    try:
        yield
        if received:
            raise Interrupted(received[0])
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
