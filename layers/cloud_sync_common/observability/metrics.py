"""Metrics in CloudWatch's embedded metric format: one line of JSON on stdout, no API call, no extra latency.

Names, namespace and dimensions are the contract's (design.md 2). Ids never become dimensions: each distinct set of
dimensions is a metric that costs $0.30 a month (aws-facts.md 2.3).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

NAMESPACE = "GoProSync"


class MetricsPublisher:
    """Writes the contract's metrics to a stream."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock

    def record_video_synced(
        self,
        *,
        provider: str,
        environment: str,
        bytes_transferred: int,
        duration_seconds: float,
        time_to_first_byte: float | None = None,
    ) -> None:
        """Count one archived medium. Throughput is in megabits a second, the times in seconds."""
        metrics: dict[str, tuple[str, float]] = {
            "VideosSynced": ("Count", 1),
            "BytesTransferred": ("Bytes", bytes_transferred),
            "TransferDuration": ("Seconds", duration_seconds),
        }
        if duration_seconds > 0:
            metrics["TransferThroughput"] = ("Megabits/Second", bytes_transferred * 8 / 1e6 / duration_seconds)
        if time_to_first_byte is not None:
            metrics["TimeToFirstByte"] = ("Seconds", time_to_first_byte)
        self._emit(metrics, {"Provider": provider, "Environment": environment})

    def record_sync_failure(self, *, provider: str, environment: str, error_type: str) -> None:
        """Count one failure twice: in total, so that it can be alarmed, and by ``error_type`` from a closed list."""
        metrics = {"SyncFailures": ("Count", 1.0)}
        dimensions = {"Provider": provider, "Environment": environment}
        self._emit(metrics, dimensions, also=["Provider", "Environment", "ErrorType"], extra={"ErrorType": error_type})

    def _emit(
        self,
        metrics: dict[str, tuple[str, float]],
        dimensions: dict[str, str],
        also: list[str] | None = None,
        extra: dict[str, str] | None = None,
    ) -> None:
        sets = [list(dimensions)] + ([also] if also else [])
        document: dict[str, Any] = {
            "_aws": {
                "Timestamp": int(self._clock() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": sets,
                        "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
                    }
                ],
            },
            **dimensions,
            **(extra or {}),
            **{name: value for name, (_, value) in metrics.items()},
        }
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()
