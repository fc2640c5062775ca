"""The folder of ``--out``: only ever a new one, an empty one or one of ours; nothing is written outside of it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TextIO

from sandbox.run.errors import SandboxError, UsageError

MARKER = ".gopro-sandbox"
WORK = ".work"
NAMES = frozenset(
    {
        MARKER,
        WORK,
        "bucket",
        "history.json",
        "logs",
        "not_emulated.json",
        "notifications.json",
        "objects.json",
        "report.json",
        "report.md",
        "state.json",
        "tracker.json",
    }
)
"""Everything that a run writes there; what has another name is somebody else's."""


@contextmanager
def out_folder(path: Path) -> Iterator[Path]:
    """The folder, empty but for our marker and locked against a second run; raises ``UsageError`` if not ours."""
    with _take(path):
        yield path


def _take(path: Path) -> TextIO:
    """The locked marker of a folder that is now empty; closing it gives the lock back."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(path)
        marker = (path / MARKER).open("a", encoding="utf-8")
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"--out {path} is a file or below one; give a folder") from None
    except OSError as error:
        raise UsageError(f"--out {path} cannot be used: {error.strerror}; give another folder") from None
    try:
        _lock(marker.fileno(), path)
        _empty(path)
    except BaseException:
        marker.close()
        raise
    return marker


def _refuse_foreign(path: Path) -> None:
    names = sorted(entry.name for entry in path.iterdir())
    foreign = [name for name in names if name not in NAMES]
    if foreign or (names and MARKER not in names):
        raise UsageError(f"--out {path} holds {(foreign or names)[0]!r}, which is not ours; give a new or empty folder")


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SandboxError(f"--out {path} is in use by another sandbox run; give another folder") from None


def _empty(path: Path) -> None:
    for name in NAMES - {MARKER}:
        entry = path / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def place(content: Path, bucket: Path, key: str) -> Path:
    """Put an object's content at ``bucket/<key>``, as a hard link where the disk allows; the path that it got.

    Raises ``SandboxError`` for a key that no file can have, or that would lead out of ``bucket``.
    """
    target = bucket.joinpath(*_segments(key))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(content, target)
    except OSError as error:
        raise SandboxError(f"object {key!r} cannot be written below {bucket}: {error.strerror}") from None
    return target


def _segments(key: str) -> tuple[str, ...]:
    segments = key.split("/")
    if "\0" in key or any(segment in {"", ".", ".."} for segment in segments) or PurePosixPath(key).is_absolute():
        raise SandboxError(f"object {key!r} cannot be written as a file: its key would lead elsewhere")
    return tuple(segments)


def _link_or_copy(content: Path, target: Path) -> None:
    """A hard link costs nothing; another disk, or one that knows no links, gets a copy."""
    try:
        os.link(content, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(content, target)
