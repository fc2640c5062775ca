"""Digests of files, computed while streaming and remembered until the file changes. Nothing is read whole."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

ETAG_PART_BYTES = 20 * 1024 * 1024
"""Part size behind the ETags; one of the two that were seen at GoPro."""

ETAG_READS_UP_TO = 256 * 1024 * 1024
"""Larger files get an ETag from path, size and time, so that the first request need not read them through."""

_BLOCK_BYTES = 1024 * 1024


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of the file's bytes."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


def etag_of(path: Path, status: os.stat_result) -> str:
    """Return a strong ETag, with its quotes, in the style of a multipart upload: hex, a dash, the number of parts.

    Up to ``ETAG_READS_UP_TO`` it is the MD5 of the parts' MD5s, as S3 makes it. Above, it only looks so: it is derived
    from path, size and modification time. Both change when the file does.
    """
    return _etag(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    del size, mtime_ns  # part of the cache's key only
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=4096)
def _etag(path: Path, size: int, mtime_ns: int) -> str:
    parts = max(1, -(-size // ETAG_PART_BYTES))
    whole = hashlib.md5(usedforsecurity=False)
    if size > ETAG_READS_UP_TO:
        whole.update(f"{path}\n{size}\n{mtime_ns}".encode("utf-8", "surrogateescape"))
    else:
        with path.open("rb") as file:
            for _ in range(parts):
                whole.update(_md5_of_next(file.fileno(), ETAG_PART_BYTES))
    return f'"{whole.hexdigest()}-{parts}"'


def _md5_of_next(descriptor: int, size: int) -> bytes:
    part = hashlib.md5(usedforsecurity=False)
    while size and (block := os.read(descriptor, min(size, _BLOCK_BYTES))):
        part.update(block)
        size -= len(block)
    return part.digest()
