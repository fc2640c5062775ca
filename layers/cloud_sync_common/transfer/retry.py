"""Trying again inside one invocation: few times, with full jitter, only for what another try may mend."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cloud_sync_common.errors import SourceChanged, TransientError
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Retry:
    """At most ``attempts`` tries; waits between 0 and ``base * 2**n`` seconds, at most ``longest``.

    What still fails afterwards goes up to the workflow's own Retry. A changed source is never tried again here: the
    plan is void.
    """

    sleep: Callable[[float], None]
    clock: Callable[[], float] = time.monotonic
    attempts: int = 3
    base: float = 0.5
    longest: float = 8.0
    patience: float = 15.0
    """Seconds; a try that failed after more than that has stalled, and the next one is the workflow's."""
    jitter: Callable[[float], float] = field(default=lambda most: random.uniform(0, most))  # noqa: S311 - no secret

    def run(self, action: Callable[[], Result], deadline: Deadline) -> Result:
        """Call ``action`` until it succeeds, is not worth another try, or the attempts or the time are used up."""
        for attempt in range(self.attempts - 1):
            begun = self.clock()
            try:
                return action()
            except SourceChanged:
                raise
            except TransientError as error:
                if self.clock() - begun > self.patience:
                    raise
                wait = self._wait(attempt, error)
                if not deadline.allows(wait):
                    raise DeadlineReached from error
                self.sleep(wait)
        return action()

    def _wait(self, attempt: int, error: TransientError) -> float:
        asked = getattr(error, "retry_after", None)
        own = self.jitter(min(self.longest, self.base * 2**attempt))
        return max(own, float(asked)) if asked is not None else own
