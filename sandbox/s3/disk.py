"""Files that are either whole or not there: everything is written aside and renamed into place.

Nothing is fsynced: the promise is survival of a killed process, not of a power cut.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PIECE = 64 * 1024 * 1024


class Disk:
    """One state folder, owned by one process at a time.

    Raises ``RuntimeError`` if another server has it. ``close`` gives it back.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._aside = root / "tmp"
        root.mkdir(parents=True, exist_ok=True)
        self._lock = (root / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            self._lock.close()
            raise RuntimeError(f"{root} is in use by another sandbox: stop that one first") from problem
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir()

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.close()

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A fresh path on the same file system; whatever is still there after the block is removed."""
        path = self._aside / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def write_json(self, path: Path, value: Any) -> None:
        """Replace ``path`` by this value, at once or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.aside() as written:
            written.write_text(json.dumps(value), encoding="ascii")
            written.replace(path)

    def remove_tree(self, path: Path) -> None:
        """Make a folder disappear at once, then free its space."""
        gone = self._aside / uuid.uuid4().hex
        path.replace(gone)
        shutil.rmtree(gone)


def read_json(path: Path) -> Any:
    """The value that ``write_json`` wrote."""
    return json.loads(path.read_text(encoding="ascii"))


def concatenate(sources: list[Path], target: Path) -> None:
    """Write the sources one after the other; the kernel moves the bytes, none pass through this process."""
    with target.open("wb") as out:
        for source in sources:
            with source.open("rb") as part:
                left = os.fstat(part.fileno()).st_size
                while left:
                    left -= _move(part.fileno(), out.fileno(), min(left, _PIECE))


def _move(source: int, target: int, size: int) -> int:
    try:
        moved = os.copy_file_range(source, target, size)
    except OSError:
        # Not every file system has it (older overlays, network mounts); sendfile does the same with one more copy.
        moved = os.sendfile(target, source, None, size)
    if not moved:
        raise OSError("a stored part became shorter than it was")
    return moved
