"""X-Ray subsegments of the contract, behind one small face; nothing at all outside Lambda.

The SDK is imported only where a trace is recorded: it is in maintenance since 2026-02 (aws-facts.md 1.4), so that
whatever follows it has one module to replace.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

MAX_PART_SUBSEGMENTS = 50
"""In one invocation: a subsegment for each of 10,000 parts would cost more than it tells."""


class Tracing:
    """Opens subsegments when the environment is Lambda's own; otherwise every method does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._recorder: Any = None
        if environ.get("AWS_EXECUTION_ENV", "").startswith("AWS_Lambda_"):
            from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - a cold start pays for it only where it is used

            self._recorder = xray_recorder
        self._entity: Any = None
        self._parts_left = MAX_PART_SUBSEGMENTS
        self._lock = threading.Lock()

    def new_invocation(self) -> None:
        """Give this invocation its own share of part subsegments."""
        self._parts_left = MAX_PART_SUBSEGMENTS

    @contextmanager
    def subsegment(self, name: str) -> Iterator[None]:
        """Record the block under ``name``."""
        if self._recorder is None:
            yield
            return
        with self._recorder.in_subsegment(name):
            yield

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Let worker threads hang their subsegments under the caller's."""
        if self._recorder is None:
            yield
            return
        self._entity = self._recorder.get_trace_entity()
        try:
            yield
        finally:
            self._entity = None

    @contextmanager
    def part(self, number: int) -> Iterator[None]:
        """Record one part from a worker thread, up to the limit for an invocation."""
        if self._recorder is None or not self._take():
            yield
            return
        self._recorder.set_trace_entity(self._entity)
        with self._recorder.in_subsegment(f"s3_upload_part_{number}"):
            yield

    def _take(self) -> bool:
        with self._lock:
            self._parts_left -= 1
            return self._parts_left >= 0
