"""S3's checksum algorithms: running digests, combination of parts, and the values' base64 form.

CRCs come from ``awscrt`` (the library that boto3 uses for them), the rest from ``hashlib``. Which algorithm may be
FULL_OBJECT or COMPOSITE is S3's rule (user guide, "Checking object integrity for data uploads").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt

FULL_OBJECT = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"

Bytes = bytes | bytearray | memoryview


class Digest(Protocol):
    """A running checksum, as in ``hashlib``."""

    def update(self, data: Bytes, /) -> None:
        """Take in more bytes."""
        ...

    def digest(self) -> bytes:
        """The checksum of everything so far, big-endian."""
        ...


class _Crc:
    def __init__(self, step: Callable[[Bytes, int], int], size: int) -> None:
        self._step = step
        self._size = size
        self._value = 0

    def update(self, data: Bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


@dataclass(frozen=True)
class Algorithm:
    """One checksum algorithm; ``name`` as in the API, ``size`` of a digest in bytes, ``types`` with its default first.

    ``combine(first, second, length of second)`` joins two CRCs; ``None`` where mathematics has no such thing.
    """

    name: str
    size: int
    types: tuple[str, ...]
    new: Callable[[], Digest]
    combine: Callable[[int, int, int], int] | None = None

    @property
    def header(self) -> str:
        """The header (and trailer) that carries a value."""
        return f"x-amz-checksum-{self.name.lower()}"

    @property
    def element(self) -> str:
        """The XML element that carries a value."""
        return f"Checksum{self.name}"

    def parse(self, value: str) -> bytes | None:
        """The digest behind a base64 value, or ``None`` if it cannot be one."""
        try:
            digest = base64.b64decode(value, validate=True)
        except binascii.Error:
            return None
        return digest if len(digest) == self.size else None


def _sha1() -> Digest:
    return hashlib.sha1(usedforsecurity=False)


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC64NVME", 8, (FULL_OBJECT,), lambda: _Crc(crt.crc64nvme, 8), crt.combine_crc64nvme),
        Algorithm("CRC32", 4, (COMPOSITE, FULL_OBJECT), lambda: _Crc(crt.crc32, 4), crt.combine_crc32),
        Algorithm("CRC32C", 4, (COMPOSITE, FULL_OBJECT), lambda: _Crc(crt.crc32c, 4), crt.combine_crc32c),
        Algorithm("SHA1", 20, (COMPOSITE,), _sha1),
        Algorithm("SHA256", 32, (COMPOSITE,), hashlib.sha256),
    )
}
DEFAULT = ALGORITHMS["CRC64NVME"]
"""What S3 computes and stores by itself when the client sends no checksum (since December 2024)."""


def b64(digest: bytes) -> str:
    """A digest as headers and XML carry it."""
    return base64.b64encode(digest).decode()


def whole_object(algorithm: Algorithm, checksum_type: str, parts: Iterable[tuple[bytes, int]]) -> str:
    """The object's checksum from its parts' (digest, size), in part order; composite ones end in ``-<parts>``."""
    listed = list(parts)
    if checksum_type == COMPOSITE:
        digest = algorithm.new()
        for part, _ in listed:
            digest.update(part)
        return f"{b64(digest.digest())}-{len(listed)}"
    if algorithm.combine is None:
        raise ValueError(f"{algorithm.name} has no full-object form")
    value = 0
    for part, size in listed:
        value = algorithm.combine(value, int.from_bytes(part, "big"), size)
    return b64(value.to_bytes(algorithm.size, "big"))
