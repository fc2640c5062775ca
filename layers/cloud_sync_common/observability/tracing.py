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

_LAMBDA, _SANDBOX = "AWS_Lambda_", "CLOUD_SYNC_SANDBOX"
"""What AWS_EXECUTION_ENV begins with where functions run; a template cannot set it."""


class Tracing:
    """Opens subsegments where a function runs and a daemon takes them; otherwise every method does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._recorder: Any = None
        runs_here = environ.get("AWS_EXECUTION_ENV", "").startswith((_LAMBDA, _SANDBOX))
        if runs_here and environ.get("AWS_XRAY_DAEMON_ADDRESS"):
            from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - a cold start pays for it only where it is used

            self._recorder = xray_recorder
        self._entity: Any = None
        self._parts_left = MAX_PART_SUBSEGMENTS
        self._lock = threading.Lock()

    def new_invocation(self) -> None:
        """Give this invocation its own parent and its own share of part subsegments.

        The SDK looks for a new parent only when the trace id changes, and one execution's invocations share theirs:
        without forgetting, a warm function's subsegments would hang under the invocation before.
        """
        self._parts_left = MAX_PART_SUBSEGMENTS
        if self._recorder is not None:
            self._recorder.clear_trace_entities()

    @contextmanager
    def subsegment(self, name: str) -> Iterator[None]:
        """Record the block under ``name``; of an error only its class, for messages may hold signed URLs."""
        if self._recorder is None:
            yield
            return
        opened = self._recorder.begin_subsegment(name)
        try:
            yield
        except BaseException as error:
            if opened is not None:
                opened.add_fault_flag()
                opened.put_annotation("error_type", type(error).__name__)
            raise
        finally:
            self._recorder.end_subsegment()

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
        with self.subsegment(f"s3_upload_part_{number}"):
            yield

    def _take(self) -> bool:
        with self._lock:
            self._parts_left -= 1
            return self._parts_left >= 0
