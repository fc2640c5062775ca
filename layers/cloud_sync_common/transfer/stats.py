"""What a medium's transfer measures, for its metrics, its workers and its plan; safe to share between threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cloud_sync_common.transfer.body import SourceBody
from cloud_sync_common.transfer.deadline import DeadlineReached
from cloud_sync_common.transfer.retry import RetryBudget


@dataclass(slots=True)
class TransferStats:
    """One for a medium and pass: so is its ``budget`` of retries.

    ``time_to_first_byte`` is in seconds. ``best_unfinished`` is how many bytes of one body had come when the deadline
    did, the most of all bodies; 0 if none was cut off.
    """

    time_to_first_byte: float | None = None
    best_unfinished: int = 0
    budget: RetryBudget = field(default_factory=RetryBudget)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def first_byte(self, seconds: float) -> None:
        """Note how long the source took to answer; only the first answer counts."""
        with self._lock:
            if self.time_to_first_byte is None:
                self.time_to_first_byte = seconds

    @contextmanager
    def watching(self, body: SourceBody) -> Iterator[None]:
        """Note how far a body has come if the deadline ends the block."""
        try:
            yield
        except DeadlineReached:
            with self._lock:
                self.best_unfinished = max(self.best_unfinished, body.received)
            raise
