"""Trying again inside one invocation: few times, with full jitter, only for what another try may mend."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cloud_sync_common.errors import SourceChanged, TransientError
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached

Result = TypeVar("Result")

FREE_RETRIES = 32
SUCCESSES_FOR_A_RETRY = 10


class RetryBudget:
    """How often anything of one medium's pass may be tried again, over all its pieces, parts and threads.

    ``free`` times, and once more for every ten things that succeeded: a source that stumbles over one part in ten is
    carried through, one that refuses each of 10,000 parts is not asked 30,000 times.
    """

    def __init__(self, free: int = FREE_RETRIES) -> None:
        self._free = free
        self._succeeded = 0
        self._spent = 0
        self._lock = threading.Lock()

    @property
    def spent(self) -> int:
        """How often something was tried again."""
        return self._spent

    def succeeded(self) -> None:
        """Something was done, at the first try or a later one."""
        with self._lock:
            self._succeeded += 1

    def spend(self) -> bool:
        """Take one retry, if there is one left."""
        with self._lock:
            if self._spent >= self._free + self._succeeded // SUCCESSES_FOR_A_RETRY:
                return False
            self._spent += 1
            return True


@dataclass(frozen=True, slots=True)
class Retry:
    """At most ``attempts`` tries; waits between 0 and ``base * 2**n`` seconds, at most ``longest``.

    What still fails afterwards goes up to the workflow's own Retry, which waits at no cost. A changed source is never
    tried again here: the plan is void.
    """

    sleep: Callable[[float], None]
    clock: Callable[[], float] = time.monotonic
    attempts: int = 3
    base: float = 0.5
    longest: float = 8.0
    patience: float = 15.0
    """Seconds; the try after a source's silence that lasted longer is the workflow's."""
    longest_asked: float = 60.0
    """Seconds a server may have us wait (Retry-After) in a function that is paid for; beyond, the workflow waits."""
    jitter: Callable[[float], float] = field(default=lambda most: random.uniform(0, most))  # noqa: S311 - no secret

    def run(self, action: Callable[[], Result], deadline: Deadline, budget: RetryBudget | None = None) -> Result:
        """Call ``action`` until it succeeds, is not worth another try, or attempts, time or ``budget`` are used up."""
        attempt = 0
        while True:
            begun = self.clock()
            try:
                result = action()
            except SourceChanged:
                raise
            except TransientError as error:
                attempt += 1
                wait = self._wait(attempt, error)
                has_stalled = getattr(error, "timed_out", False) and self.clock() - begun > self.patience
                if attempt >= self.attempts or has_stalled or wait is None:
                    raise
                if not deadline.allows(wait):
                    raise DeadlineReached from error
                if budget is not None and not budget.spend():
                    raise
                self.sleep(wait)
            else:
                if budget is not None:
                    budget.succeeded()
                return result

    def _wait(self, attempt: int, error: TransientError) -> float | None:
        """Seconds until try number ``attempt`` + 1; ``None`` if the server asked for more than is waited here."""
        asked = getattr(error, "retry_after", None)
        if asked is not None and asked > self.longest_asked:
            return None
        own = self.jitter(min(self.longest, self.base * 2 ** (attempt - 1)))
        return own if asked is None else asked + own
