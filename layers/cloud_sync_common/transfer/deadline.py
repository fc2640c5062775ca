"""How long an invocation may still work, on a monotonic clock that is passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

RESERVE_SECONDS = 45.0
RESERVE_SHARE = 0.15


class DeadlineReached(Exception):
    """The time for moving bytes is over; what is in flight is dropped and sent again by the next pass."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment after which no byte is moved any more; completing and recording have their time after it.

    ``whole`` is how many seconds there were when the invocation began; 0 where nobody says.
    """

    clock: Callable[[], float]
    at: float
    whole: float = 0.0

    @classmethod
    def for_invocation(cls, clock: Callable[[], float], remaining_ms: int) -> Deadline:
        """Leave 45 s, or 15 % of a shorter invocation, for completing, verifying and recording."""
        remaining = remaining_ms / 1000
        whole = remaining - min(RESERVE_SECONDS, RESERVE_SHARE * remaining)
        return cls(clock, clock() + whole, whole)

    def remaining(self) -> float:
        """Seconds left; negative when over."""
        return self.at - self.clock()

    def is_fresh(self) -> bool:
        """Whether half of the time or more is left: a part that does not fit into that is too large for any plan."""
        return self.remaining() >= self.whole / 2

    def check(self) -> None:
        """Raise ``DeadlineReached`` when the time is over."""
        if self.remaining() <= 0:
            raise DeadlineReached

    def allows(self, seconds: float) -> bool:
        """Whether something that takes ``seconds`` would still finish."""
        return self.remaining() > seconds
