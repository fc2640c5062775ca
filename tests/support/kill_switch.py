"""The end of a function's process at a chosen AWS call, for tests that hold everything in one process."""

from __future__ import annotations

import threading
from typing import Any


class Killed(BaseException):
    """The process ends here: nothing in the code under test may catch it."""


class KillSwitch:
    """Ends the process right before or right after the n-th AWS call that matches, over all clients it watches."""

    def __init__(self) -> None:
        self.operation: str | None = None
        self.nth = 0
        self.after = False
        self.seen = 0
        self._lock = threading.Lock()

    def arm(self, nth: int, *, after: bool, operation: str | None = None) -> None:
        """Kill at the ``nth`` call from now on; ``None`` counts every operation."""
        self.operation, self.nth, self.after, self.seen = operation, nth, after, 0

    def disarm(self) -> None:
        """Let everything pass."""
        self.nth = 0

    def watch(self, client: Any) -> None:
        """Count this client's calls."""
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)

    def _before(self, model: Any, **_: Any) -> None:
        with self._lock:
            if self.operation in (None, model.name):
                self.seen += 1
        if not self.after:
            self._strike(model)

    def _after(self, model: Any, **_: Any) -> None:
        if self.after:
            self._strike(model)

    def _strike(self, model: Any) -> None:
        if self.nth and self.operation in (None, model.name) and self.seen >= self.nth:
            raise Killed
