"""Counting one function's invocations; not thread-safe, the host's lock is around it."""

from __future__ import annotations

import statistics
from array import array

from sandbox.aws.functions.api import FunctionStats, InvokeResult
from sandbox.aws.functions.instance import KILLED, OUT_OF_MEMORY, TIMED_OUT


class Tally:
    """Eight bytes for each invocation, so that medians are exact in a run of any length."""

    def __init__(self) -> None:
        self._cold_ms = array("d")
        self._warm_ms = array("d")
        self._init_ms = array("d")
        self._import_ms = array("d")
        self._errors = 0
        self._timeouts = 0
        self._kills = 0
        self.throttles = 0
        self.peak_mb = 0.0

    @property
    def initialised(self) -> int:
        """How often the function has got ready for its first event."""
        return len(self._init_ms)

    def count(self, *, cold: bool, ms: float) -> None:
        """Count an invocation that has got an answer; ``ms`` includes initialisation."""
        (self._cold_ms if cold else self._warm_ms).append(ms)

    def ready(self, init_ms: float, import_ms: float | None) -> None:
        """Count an initialisation that succeeded."""
        self._init_ms.append(init_ms)
        if import_ms is not None:
            self._import_ms.append(import_ms)

    def ended(self, result: InvokeResult | None, peak_mb: float) -> None:
        """Count how an invocation ended; ``None`` when the sandbox itself failed."""
        self.peak_mb = max(self.peak_mb, peak_mb)
        if result is not None and result.function_error is None:
            return
        self._errors += 1
        if result is not None:
            self._timeouts += result.error_type == TIMED_OUT
            self._kills += result.error_type == OUT_OF_MEMORY or KILLED.encode() in result.payload

    def stats(self) -> FunctionStats:
        """Return the numbers so far."""
        return FunctionStats(
            cold=len(self._cold_ms),
            warm=len(self._warm_ms),
            cold_ms_median=_median(self._cold_ms),
            peak_mb=round(self.peak_mb, 1),
            errors=self._errors,
            cold_ms_max=max(self._cold_ms, default=0.0),
            warm_ms_median=_median(self._warm_ms),
            warm_ms_least=min(self._warm_ms, default=0.0),
            init_ms_median=_median(self._init_ms),
            import_ms_median=_median(self._import_ms),
            timeouts=self._timeouts,
            kills=self._kills,
            throttles=self.throttles,
        )


def _median(values: array[float]) -> float:
    return statistics.median(values) if values else 0.0
