"""What was read of the archive before: an object that has been compared is not read again while its file is the same.

Only reading is saved. What was read is compared again every time, with the tracker and the library as they are now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sandbox.run.fingerprints import Fingerprint, fingerprint


class Notes(Protocol):
    """Where it is written down: by key, and by what tells one state of a file from another."""

    def find(self, key: str, seen: str) -> tuple[int, str, str] | None:
        """Size, SHA-256 and CRC64NVME of the file in exactly this state, if they are known."""

    def note(self, key: str, seen: str, content: tuple[int, str, str]) -> None:
        """Write them down."""


class Readable(Protocol):
    """What is needed of an object."""

    @property
    def key(self) -> str:
        """The object's whole key."""

    @property
    def path(self) -> Path:
        """The content on disk."""


class Recollection:
    """Reads objects; those that ``confirm`` was called for, in this or an earlier process, only once.

    Without ``notes`` everything is read. ``earlier`` are the keys that were not read by this process.
    """

    def __init__(self, notes: Notes | None = None) -> None:
        self._notes = notes
        self._seen: dict[str, str] = {}
        self.earlier: set[str] = set()

    def content(self, each: Readable) -> Fingerprint:
        """What the object's bytes are; a file that was changed or replaced since is read again."""
        if self._notes is None:
            return fingerprint(each.path)
        # Before reading: a file that changes meanwhile must not be known by what it has become.
        seen = _state_of(each.path)
        known = self._notes.find(each.key, seen)
        if known is not None:
            self.earlier.add(each.key)
            return Fingerprint(*known)
        self._seen[each.key] = seen
        return fingerprint(each.path)

    def confirm(self, each: Readable, content: Fingerprint) -> None:
        """Remember that this object was compared and is what it must be."""
        if self._notes is not None and each.key in self._seen:
            self._notes.note(each.key, self._seen.pop(each.key), (content.size, content.sha256, content.crc64nvme))


def _state_of(path: Path) -> str:
    """The S3 server gives every new content a name of its own; size and time tell of a change by somebody else."""
    facts = path.stat()
    return f"{path.name} {facts.st_size} {facts.st_mtime_ns}"
