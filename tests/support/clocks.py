"""Time for tests: clocks that move when told to, and a sleep that only remembers."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sync_common.transfer.deadline import Deadline


@dataclass
class ManualClock:
    """A clock in seconds; every reading moves it on by ``step``."""

    time: float = 1_000.0
    step: float = 0.0

    def __call__(self) -> float:
        now = self.time
        self.time += self.step
        return now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


class Naps(list[float]):
    """Stands in for ``time.sleep``: remembers what it was asked for, and lets a clock pass that time."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__()
        self._clock = clock

    def __call__(self, seconds: float) -> None:
        self.append(seconds)
        if self._clock is not None:
            self._clock.advance(seconds)


def no_hurry() -> Deadline:
    """A deadline that no test reaches."""
    return Deadline(ManualClock(), 1_000_000.0)


def over() -> Deadline:
    """A deadline that has passed."""
    return Deadline(ManualClock(), 0.0)
