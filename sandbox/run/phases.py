"""The phases of a run with their durations, and where in the state machine each of the execution's phases begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.run.display import Display

PHASE_OF_STATE = {
    "Receive the input": "list",
    "Begin the run": "list",
    "List media": "list",
    "Sync each medium": "sync",
    "End the run": "report",
}
"""State of ``cloud_sync/state_machine.asl.json`` -> phase; entering any other state changes nothing."""


_EXECUTION = ("list", "sync", "report")


class Phases:
    """Tells the display when a phase begins and ends."""

    def __init__(self, display: Display, clock: Callable[[], float], title: str = "") -> None:
        self._title = title
        self._display = display
        self._clock = clock
        self._current: tuple[str, float] | None = None

    def enter(self, name: str) -> None:
        """A phase begins and the one before it ends; entering the current one again changes nothing."""
        if self._current and self._current[0] == name:
            return
        self.leave()
        self._current = (name, self._clock())
        self._display.phase_began(self._title + name)

    def advance(self, name: str) -> None:
        """Enter a phase of the execution unless it has passed already: records are read again and again."""
        if self._current and self._current[0] in _EXECUTION[_EXECUTION.index(name) :]:
            return
        self.enter(name)

    def leave(self) -> None:
        """The current phase, if there is one, ends."""
        if self._current:
            name, start = self._current
            self._current = None
            self._display.phase_ended(self._title + name, self._clock() - start)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """A phase that is as long as the block; one that an error ends is not called done."""
        self.enter(name)
        yield
        self.leave()
