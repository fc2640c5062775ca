"""Stopping work: an execution's, and that of everything below it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from time import monotonic
from typing import TypeVar

from sandbox.aws.stepfunctions.errors import ExecutionAborted

T = TypeVar("T")

_LOOK_EVERY = 0.05
"""Seconds between two looks at the stop signal while waiting for a function's answer."""


class Cancellation:
    """A stop signal; the children of a signal stop with it, never the other way round."""

    def __init__(self, parent: Cancellation | None = None) -> None:
        self._parent = parent
        self._event = threading.Event()
        self._children: list[Cancellation] = []
        self._lock = threading.Lock()
        if parent is not None:
            parent._adopt(self)

    def _adopt(self, child: Cancellation) -> None:
        with self._lock:
            self._children.append(child)
            stopped = self._event.is_set()
        if stopped:
            child.cancel()

    def cancel(self) -> None:
        """Stop this and everything below; idempotent."""
        with self._lock:
            self._event.set()
            children = list(self._children)
        for child in children:
            child.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether work under this signal has to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise ``ExecutionAborted`` if work has to stop."""
        if self.cancelled:
            raise ExecutionAborted

    def sleep(self, seconds: float) -> None:
        """Wait; ``ExecutionAborted`` as soon as work has to stop."""
        if self._event.wait(seconds):
            raise ExecutionAborted

    def wait_for(self, future: Future[T], seconds: float) -> T:
        """Return the future's result; ``TimeoutError`` after ``seconds``, ``ExecutionAborted`` when stopped."""
        ends = monotonic() + seconds
        while True:
            self.check()
            left = ends - monotonic()
            try:
                return future.result(timeout=max(0.0, min(_LOOK_EVERY, left)))
            except FutureTimeoutError:
                if left <= 0:
                    raise TimeoutError from None
