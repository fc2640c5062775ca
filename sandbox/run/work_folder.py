"""The temporary folder that a run works in, and what is left of those whose run was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "gopro-sandbox-"


@contextmanager
def work_folder() -> Iterator[Path]:
    """A fresh folder, removed at the end."""
    # Locked before it has the name that others look for, so that nobody takes it for a dead run's in between.
    made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
    lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = made.rename(made.with_name(made.name.removeprefix(".")))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
    finally:
        os.close(lock)


def remove_stale() -> None:
    """Remove our folders that nobody has locked: the kernel gives a lock back when its process dies, however it dies.

    Other people's folders are not looked into; what cannot be removed stays.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if not folder.is_dir() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
