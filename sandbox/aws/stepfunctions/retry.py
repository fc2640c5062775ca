"""Retry: which retrier takes an error, and how long it waits."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.stepfunctions.errors import matches

DEFAULT_MAX_ATTEMPTS = 3
DEFAULT_BACKOFF_RATE = 2.0


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause before the next attempt, in seconds: as the definition says, and as it is really waited."""

    stated: float
    scaled: float


@dataclass
class Retries:
    """The retriers of one state for one visit: each counts its own attempts, as Step Functions does.

    ``scale`` shortens every wait (1.0 is AWS's pace); the records keep both durations.
    """

    retriers: Sequence[Mapping[str, Any]]
    rng: random.Random
    scale: float = 1.0
    total: int = 0
    """Retries of all retriers together: ``$$.State.RetryCount``."""
    _attempts: dict[int, int] = field(default_factory=dict)

    def next_wait(self, error: str) -> Wait | None:
        """Return the wait before another attempt, or ``None`` when no retrier has one left for ``error``."""
        for position, retrier in enumerate(self.retriers):
            if matches(error, retrier["ErrorEquals"]):
                return self._take(position, retrier)
        return None

    def _take(self, position: int, retrier: Mapping[str, Any]) -> Wait | None:
        done = self._attempts.get(position, 0)
        if done >= retrier.get("MaxAttempts", DEFAULT_MAX_ATTEMPTS):
            return None
        self._attempts[position] = done + 1
        self.total += 1
        stated = self._interval(retrier, done)
        return Wait(stated, stated * self.scale)

    def _interval(self, retrier: Mapping[str, Any], done: int) -> float:
        interval = float(retrier.get("IntervalSeconds", 1))
        interval *= float(retrier.get("BackoffRate", DEFAULT_BACKOFF_RATE)) ** done
        interval = min(interval, float(retrier.get("MaxDelaySeconds", interval)))
        return self.rng.uniform(0, interval) if retrier.get("JitterStrategy") == "FULL" else interval
