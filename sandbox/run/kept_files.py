"""``bucket/`` in the folder of ``--state``: every archived object as a plain file under its own key.

The files are hard links to what the S3 server stores: they take no space of their own, and stay from one invocation to
the next. Nobody's file is ever replaced, and none is written through a link: the archive's content must not change.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.run.errors import SandboxError, one_line
from sandbox.run.out_folder import file_of
from sandbox.run.recollection import Readable

_WRITE = 0o222


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """What ``folder`` holds: so many ``files``; ``missing`` says of each other object why it has none."""

    folder: Path
    files: int
    missing: tuple[str, ...]

    def line(self) -> str:
        """For the end of a run: where to look."""
        told = f"Files: {self.folder} (objects as files: {self.files})"
        if not self.missing:
            return told
        return f"{told}; {len(self.missing)} are not there, copy them with --out DIR ({self.missing[0]})"


def keep_files(folder: Path, objects: Iterable[Readable]) -> KeptFiles:
    """Add a link for every object that has none; what is there already stays as it is."""
    files, missing = 0, []
    for each in objects:
        try:
            _link(each.path, file_of(folder, each.key))
            files += 1
        except OSError as error:
            missing.append(f"{each.key}: {error.strerror}")
        except SandboxError as error:
            missing.append(one_line(error))
    return KeptFiles(folder, files, tuple(missing))


def _link(content: Path, target: Path) -> None:
    """No copy where links are impossible: an archive of hundreds of GB must not be on a disk twice unasked."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Both names are one file: whoever opens this one must not write into the archive.
    content.chmod(content.stat().st_mode & ~_WRITE)
    os.link(content, target)
