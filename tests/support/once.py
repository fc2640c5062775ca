"""What takes long to make is made once for all workers of a test session."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that ``make`` has filled, for this session's first caller; the others wait until it is whole.

    Nobody may change what is in it.
    """
    root = factory.getbasetemp()
    # xdist's workers have folders of their own beside each other.
    shared = root.parent if root.name.startswith("popen-") else root
    folder, whole = shared / name, shared / f"{name}.whole"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            make(folder)
            whole.touch()
    return folder
