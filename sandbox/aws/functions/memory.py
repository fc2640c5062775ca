"""How much memory a function uses, the processes that it started included. Linux: ``proc(5)``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)
_SESSION = 3
"""Place of the session's id behind the command's closing bracket in ``/proc/<pid>/stat``."""
FRESH_SECONDS = 0.5
"""A child is noticed this late at most; a look costs half a millisecond for each hundred processes (measured)."""


class Sessions:
    """Which processes belong to which session; one look through ``/proc`` serves all functions. Thread-safe.

    Each function leads a session of its own, and what it starts stays in it, even when its parent has gone.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._members: dict[int, list[int]] = {}
        self._looked_at = float("-inf")
        self._lock = threading.Lock()

    def others(self, leader: int, *, now: bool = False) -> list[int]:
        """Return the session's processes but its leader, as of ``FRESH_SECONDS`` ago or (``now``) of this moment."""
        with self._lock:
            if now or self._clock() - self._looked_at > FRESH_SECONDS:
                self._members = _sessions()
                self._looked_at = self._clock()
            return [pid for pid in self._members.get(leader, ()) if pid != leader]


def _sessions() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - a thousand Path objects each half second would be felt
        if name.isdigit():
            with suppress(*_GONE):
                found.setdefault(_session_of(name), []).append(int(name))
    return found


def _session_of(pid: str) -> int:
    with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return int(file.read(512).rpartition(b")")[2].split()[_SESSION])


def resident_mb(pid: int) -> float:
    """Return a process's resident memory in MiB; 0.0 when it has gone."""
    with suppress(*_GONE):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES / _MIB
    return 0.0


def proportional_mb(pid: int) -> float:
    """Return a process's share of memory in MiB: pages that it has in common with others count by part.

    The sum over a parent and its forked children is what they use together, each shared page counted once, as
    Lambda's own accounting does. Costs thirty times as much as ``resident_mb``, so it is for functions with children.
    """
    with suppress(*_GONE):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
