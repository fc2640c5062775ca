"""What a file's bytes are, recomputed from the disk: the sandbox believes no checksum that somebody else has stored."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from awscrt import checksums

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Size in bytes, SHA-256 as hex, CRC64NVME as S3 writes it (base64 of eight big-endian bytes)."""

    size: int
    sha256: str
    crc64nvme: str


def fingerprint(path: Path) -> Fingerprint:
    """Read a file once, in pieces of 1 MiB, whatever its size."""
    return fingerprint_of(_chunks(path))


def fingerprint_of(chunks: Iterable[bytes]) -> Fingerprint:
    """Return what these bytes are, one after the other."""
    size, digest, crc = 0, hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
        crc = checksums.crc64nvme(chunk, crc)
    return Fingerprint(size, digest.hexdigest(), base64.b64encode(crc.to_bytes(8, "big")).decode())


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
