"""CRC64NVME, the whole-object checksum that S3 keeps: computed while streaming, combined from parts.

awscrt computes it at 0.046 CPU seconds a GiB, a tenth of zlib's CRC-32 (performance.md 2).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from awscrt import checksums as crt


class Crc64Nvme:
    """A running CRC64NVME."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take in more bytes."""
        self.value = crt.crc64nvme(data, self.value)

    @property
    def base64(self) -> str:
        """The form that S3's headers use."""
        return encode(self.value)


def encode(value: int) -> str:
    """Big-endian bytes in base64, as S3 writes it."""
    return base64.b64encode(value.to_bytes(8, "big")).decode("ascii")


def decode(text: str) -> int:
    """The number behind S3's form; raises ``ValueError`` for anything else."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) != 8:
        raise ValueError("a CRC64NVME has 8 bytes")
    return int.from_bytes(raw, "big")


def combine(parts: Iterable[tuple[str, int]]) -> str:
    """The whole object's checksum from its parts' (checksum, size), in order."""
    whole = 0
    for text, size in parts:
        whole = crt.combine_crc64nvme(whole, decode(text), size)
    return encode(whole)
