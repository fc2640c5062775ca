"""Who is in a process tree, what CPU time it has used and what memory it has held: from /proc (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def members(pid: int) -> Iterator[int]:
    """``pid`` and its living descendants; those that end meanwhile may be missing."""
    yield pid
    for children in _PROC.glob(f"{pid}/task/*/children"):
        try:
            found = children.read_text().split()
        except OSError:  # the process or the thread has ended
            continue
        for child in found:
            yield from members(int(child))


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree, that of descendants that have ended and were waited for included.

    Counted by the kernel in ticks of usually 10 ms. 0.0 for a process that is gone.
    """
    return sum(_ticks(member) for member in members(pid)) / _TICKS_PER_SECOND


def peak_bytes(pid: int) -> int:
    """The most memory that this one process has had resident since its last exec; 0 once it has ended."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0  # a zombie


def command_line(pid: int) -> bytes:
    """Its arguments, each ended by a zero byte; empty once it has ended."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _ticks(pid: int) -> int:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    # utime, stime, cutime, cstime: fields 14 to 17, of which the first two are before the bracket.
    return sum(int(field) for field in fields[11:15])
