"""What ``--library`` may name: a folder of files, or a file that describes a library."""

from __future__ import annotations

from pathlib import Path

from sandbox.gopro.described import described_library
from sandbox.gopro.directory import directory_library
from sandbox.gopro.library import Library


def library_at(path: Path) -> Library:
    """Return the library of a folder, or of a ``.toml`` file; raises ``LibraryError``, one line."""
    return described_library(path) if path.suffix == ".toml" and not path.is_dir() else directory_library(path)
