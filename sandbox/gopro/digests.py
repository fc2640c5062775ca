"""Digests of files and streams, computed while reading and remembered until a file changes. Nothing is read whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

ETAG_PART_BYTES = 20 * 1024 * 1024
"""Part size behind the ETags; one of the two that were seen at GoPro."""

ETAG_READS_UP_TO = 256 * 1024 * 1024
"""Larger contents get an ETag from what identifies them, so that the first request need not read them through."""

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


def md5_of_parts(blocks: Iterable[bytes], size: int) -> str:
    """Return the ETag that S3 gives an upload in parts of ``ETAG_PART_BYTES``; ``blocks`` must not cross parts' ends.

    Blocks of a size that divides ``ETAG_PART_BYTES`` never do.
    """
    parts = [hashlib.md5(usedforsecurity=False)]
    filled = 0
    for block in blocks:
        if filled == ETAG_PART_BYTES:
            parts.append(hashlib.md5(usedforsecurity=False))
            filled = 0
        parts[-1].update(block)
        filled += len(block)
    whole = hashlib.md5(b"".join(part.digest() for part in parts), usedforsecurity=False)
    return _quoted(whole.hexdigest(), size)


def unread_etag(identity: str, size: int) -> str:
    """Return an ETag of the same style for a content that nobody wants to read for it."""
    return _quoted(hashlib.md5(identity.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest(), size)


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    del size, mtime_ns  # part of the cache's key only
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=4096)
def _etag(path: Path, size: int, mtime_ns: int) -> str:
    if size > ETAG_READS_UP_TO:
        return unread_etag(f"{path}\n{size}\n{mtime_ns}", size)
    return md5_of_parts(_blocks_of(path), size)


def _blocks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _quoted(digest: str, size: int) -> str:
    return f'"{digest}-{max(1, -(-size // ETAG_PART_BYTES))}"'
