"""What the benchmark asks of the Linux kernel beside what Python's library offers."""

from __future__ import annotations

import ctypes
import os
import sys

# <linux/prctl.h>
_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


class NotLinux(Exception):
    """The benchmark reads /proc and uses prctl(2)."""


def demand_linux() -> None:
    """``NotLinux`` in one line anywhere else."""
    if sys.platform != "linux":
        raise NotLinux(f"the benchmark needs Linux: it reads /proc and uses prctl(2), and this is {sys.platform}")


def die_with_parent(number: int) -> None:
    """Have the signal ``number`` sent to this process when the thread that started it ends; survives exec."""
    _prctl(_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends before it: it can be waited for, and counted."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    demand_linux()
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
