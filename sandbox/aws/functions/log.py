"""A function's log file: what the function prints, and the platform's START, END and REPORT lines."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path


class FunctionLog:
    """``<directory>/<function>.log``; appended to by all processes of the function and by the platform."""

    def __init__(self, directory: Path, function: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"{function}.log"

    def start(self, request_id: str) -> None:
        """Note the start of an invocation."""
        self._append(f"START RequestId: {request_id} Version: $LATEST")

    def platform(self, request_id: str, message: str) -> None:
        """Note what the platform did to the function."""
        self._append(f"{request_id} {message}")

    def init_failed(self, ms: float, status: str, kind: str) -> None:
        """Note an initialisation that failed and is tried once more; ``status`` is ``timeout`` or ``error``."""
        error = "" if status == "timeout" else f"\tError Type: {kind}"
        self._append(f"INIT_REPORT Init Duration: {ms:.2f} ms\tPhase: init\tStatus: {status}{error}")

    def end(self, request_id: str, report: Report) -> None:
        """Note the end of an invocation and what it took."""
        self._append(f"END RequestId: {request_id}", f"REPORT RequestId: {request_id}\t{report.text()}")

    def _append(self, *lines: str) -> None:
        text = "".join(f"{line}\n" for line in lines)
        # One write to a file opened for appending: lines of several processes do not mix.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode("utf-8"))
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The numbers of a REPORT line; durations in milliseconds, memory in MiB."""

    duration: float
    memory_size: int
    used: float
    init: float | None

    def text(self) -> str:
        """Return the line's tab-separated fields."""
        fields = [
            f"Duration: {self.duration:.2f} ms",
            f"Billed Duration: {math.ceil(self.duration + (self.init or 0))} ms",
            f"Memory Size: {self.memory_size} MB",
            f"Max Memory Used: {math.ceil(self.used)} MB",
        ]
        if self.init is not None:
            fields.append(f"Init Duration: {self.init:.2f} ms")
        return "\t".join(fields)
