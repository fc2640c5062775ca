"""The folder of ``--out``: only ever a new one, an empty one or one of ours; nothing is written outside of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

from sandbox.run.claimed_folder import Claim
from sandbox.run.errors import SandboxError

MARKER = ".gopro-sandbox"
WORK = ".work"
NAMES = frozenset(
    {
        MARKER,
        WORK,
        "bucket",
        "faults.json",
        "history.json",
        "logs",
        "not_emulated.json",
        "notifications.json",
        "objects.json",
        "permissions.json",
        "report.json",
        "report.md",
        "segments.jsonl",
        "state.json",
        "traces.json",
        "traces.txt",
        "tracker.json",
    }
)
"""Everything that a run writes there; what has another name is somebody else's."""


_CLAIM = Claim("--out", MARKER, NAMES)


@contextmanager
def out_folder(path: Path) -> Iterator[Path]:
    """The folder, empty but for our marker and locked against a second run; raises ``UsageError`` if not ours."""
    with closing(_CLAIM.take(path)):
        _empty(path)
        yield path


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
    target = file_of(bucket, key)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(content, target)
    except OSError as error:
        raise SandboxError(f"object {key!r} cannot be written below {bucket}: {error.strerror}") from None
    return target


def file_of(bucket: Path, key: str) -> Path:
    """The path of an object's file; raises ``SandboxError`` for a key that no file can have."""
    segments = key.split("/")
    if "\0" in key or any(segment in {"", ".", ".."} for segment in segments) or PurePosixPath(key).is_absolute():
        raise SandboxError(f"object {key!r} cannot be written as a file: its key would lead elsewhere")
    return bucket.joinpath(*segments)


def _link_or_copy(content: Path, target: Path) -> None:
    """A hard link costs nothing; another disk, or one that knows no links, gets a copy."""
    try:
        os.link(content, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(content, target)
