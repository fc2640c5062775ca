"""A folder that an option names and that we write into: a new one, an empty one or one of ours, and ours alone."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sandbox.run.errors import SandboxError, UsageError


@dataclass(frozen=True, slots=True)
class Claim:
    """Which folders are ours: those that hold ``marker``, and nothing that is not in ``names``.

    ``option`` is what messages call it, ``when_busy`` what they advise when another process has it.
    """

    option: str
    marker: str
    names: frozenset[str]
    when_busy: str = "give another folder"

    def take(self, path: Path) -> TextIO:
        """Make the folder if need be and return its marker, locked against a second process until it is closed.

        Raises ``UsageError`` for a folder that is not ours, untouched, and ``SandboxError`` for one that is in use.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign(path)
            marker = (path / self.marker).open("a", encoding="utf-8")
        except (FileExistsError, NotADirectoryError):
            raise UsageError(f"{self.option} {path} is a file or below one; give a folder") from None
        except OSError as error:
            raise UsageError(f"{self.option} {path} cannot be used: {error.strerror}; give another folder") from None
        try:
            fcntl.flock(marker.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            marker.close()
            raise SandboxError(f"{self.option} {path} is in use by another sandbox run; {self.when_busy}") from None
        return marker

    def _refuse_foreign(self, path: Path) -> None:
        names = sorted(entry.name for entry in path.iterdir())
        foreign = [name for name in names if name not in self.names]
        if foreign or (names and self.marker not in names):
            raise UsageError(
                f"{self.option} {path} holds {(foreign or names)[0]!r}, which is not ours; give a new or empty folder"
            )
