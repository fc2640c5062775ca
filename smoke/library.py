"""The three files of the smoke test: the same bytes on every machine, so that nothing has to be told of them.

Sizes are as small as their purpose allows: a piece above ``THRESHOLD`` goes in parts, and the project's smallest part
is 16 MiB, so two parts need more than that. One with more than ``BYTES_PER_FUNCTION`` is cut over two functions; of its
five parts each function's first is kept by an interruption, and those that are left do not arrive at the same time.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from smoke.checks import SmokeError

MIB = 1024 * 1024

THRESHOLD = 5 * MIB
"""The setting ``multipart_threshold`` of the throw-away stage: the smallest that is allowed."""

BYTES_PER_FUNCTION = 40 * MIB
"""The setting of that name: only the largest file is the work of ``multipart_uploader``."""

_CAPTURED_AT = 1_700_000_000
"""Modification time of the files in seconds since the epoch; the simulator tells it as the capture date."""


@dataclass(frozen=True)
class SmokeFile:
    """One file: its name, its size in bytes and, made when first asked for, its content."""

    name: str
    size: int

    @cached_property
    def content(self) -> bytes:
        """The bytes, drawn from a generator whose seed is the name."""
        return random.Random(self.name).randbytes(self.size)  # noqa: S311 - content, not a secret


SMALL = SmokeFile("GX010001.MP4", 64 * 1024)
MULTIPART = SmokeFile("GX010002.MP4", 17 * MIB)
RESUMED = SmokeFile("GX010003.MP4", 65 * MIB)
FILES = (SMALL, MULTIPART, RESUMED)


def write_library(folder: Path) -> None:
    """Write the files into a folder, which may exist; they are what ``sandbox gopro --library`` shall serve.

    Raises ``SmokeError`` if they cannot be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            path = folder / file.name
            path.write_bytes(file.content)
            os.utime(path, (_CAPTURED_AT, _CAPTURED_AT))
    except OSError as error:
        raise SmokeError(f"cannot write the three files into {folder}: {error.strerror}: name another folder") from None
