"""What a piece's bytes are: a file on this disk, or bytes that are made whenever somebody asks for them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from awscrt import checksums

from sandbox.gopro.digests import ETAG_READS_UP_TO, etag_of, md5_of_parts, sha256_of, unread_etag
from sandbox.gopro.messages import Blocks, Body, FileSlice

BLOCK_BYTES = 1024 * 1024
_STAMP_BYTES = 32
_MADE_AT = 1_650_000_000.0


class Content(Protocol):
    """Bytes that the CDN serves. Those of a file raise ``FileNotFoundError`` once it is gone."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    @property
    def modified(self) -> float:
        """When they were last changed, in seconds since the epoch."""

    @property
    def etag(self) -> str:
        """A strong ETag with its quotes; another one when the bytes are others."""

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of all bytes; reads them once."""

    def body(self, start: int, length: int) -> Body:
        """Return what to send for ``length`` bytes from ``start`` on."""

    def blocks(self, start: int, length: int) -> Iterator[bytes]:
        """Yield the same bytes, at most ``BLOCK_BYTES`` at a time."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The bytes of a file as it is now."""

    path: Path

    @property
    def size(self) -> int:
        """As the file system says."""
        return self.path.stat().st_size

    @property
    def modified(self) -> float:
        """As the file system says."""
        return self.path.stat().st_mtime

    @property
    def etag(self) -> str:
        """See ``digests.etag_of``."""
        return etag_of(self.path, self.path.stat())

    @property
    def sha256(self) -> str:
        """Remembered until the file changes."""
        return sha256_of(self.path)

    def body(self, start: int, length: int) -> Body:
        """Return a slice that the kernel can send by itself."""
        return FileSlice(self.path, start, length)

    def blocks(self, start: int, length: int) -> Iterator[bytes]:
        """Read block by block."""
        with self.path.open("rb") as file:
            file.seek(start)
            while length and (block := file.read(min(length, BLOCK_BYTES))):
                yield block
                length -= len(block)


class _Made(ABC):
    """The half of a ``Content`` that follows from its bytes; whatever has equal fields has equal bytes."""

    __slots__ = ()

    @property
    def modified(self) -> float:
        """The same moment for everything that is made."""
        return _MADE_AT

    @property
    def etag(self) -> str:
        """Made as for files: of the bytes up to ``ETAG_READS_UP_TO``, of what identifies them above."""
        return _etag_of_made(self)

    @property
    def sha256(self) -> str:
        """Remembered; 300 GB take minutes, for which there is ``Seeded.crc64nvme``."""
        return _sha256_of_made(self)

    def body(self, start: int, length: int) -> Body:
        """Return blocks that are made while they are sent."""
        return Blocks(self.blocks(start, length), length)

    @property
    @abstractmethod
    def size(self) -> int:
        """How many bytes there are."""

    @abstractmethod
    def blocks(self, start: int, length: int) -> Iterator[bytes]:
        """Yield the bytes, at most ``BLOCK_BYTES`` at a time."""


@dataclass(frozen=True, slots=True)
class Seeded(_Made):
    """``length`` bytes that are a function of seed and offset: any size without a file, any range at once.

    Each block of 1 MiB is a stamp of 32 bytes, other ones for every block, and a pattern that all blocks of a seed
    share: a block that is missing, doubled or moved shows, and so does a shift within one. The shorter of two contents
    of one seed is the beginning of the longer one.
    """

    seed: str
    length: int

    @property
    def size(self) -> int:
        """``length``."""
        return self.length

    def blocks(self, start: int, length: int) -> Iterator[bytes]:
        """Make block by block, nothing that lies outside."""
        end = min(start + length, self.length)
        while start < end:
            number, offset = divmod(start, BLOCK_BYTES)
            stop = min(BLOCK_BYTES, offset + end - start)
            yield self._block(number, stop)[offset:]
            start += stop - offset

    @property
    def crc64nvme(self) -> int:
        """CRC64NVME of all bytes, combined from those of the blocks: 300 GB take a second or two, and no reading."""
        whole = 0
        pattern = _pattern(self.seed, min(self.length, BLOCK_BYTES))
        full = checksums.crc64nvme(pattern)
        for number in range(-(-self.length // BLOCK_BYTES)):
            rest = min(BLOCK_BYTES, self.length - number * BLOCK_BYTES)
            stamp = self._stamp(number)[:rest]
            tail = full if rest - len(stamp) == len(pattern) else checksums.crc64nvme(pattern[: rest - len(stamp)])
            block = checksums.combine_crc64nvme(checksums.crc64nvme(stamp), tail, rest - len(stamp))
            whole = checksums.combine_crc64nvme(whole, block, rest)
        return whole

    def _block(self, number: int, length: int) -> bytes:
        return (self._stamp(number) + _pattern(self.seed, min(self.length, BLOCK_BYTES)))[:length]

    def _stamp(self, number: int) -> bytes:
        return hashlib.shake_128(f"{self.seed}\n{number}".encode("utf-8", "surrogatepass")).digest(_STAMP_BYTES)


@dataclass(frozen=True, slots=True)
class Edited(_Made):
    """The bytes of another content after an edit: as many, the first ones others. ``edition`` counts from 1."""

    original: Content
    edition: int

    @property
    def size(self) -> int:
        """The original's."""
        return self.original.size

    def blocks(self, start: int, length: int) -> Iterator[bytes]:
        """Yield the original's blocks with the first ``_STAMP_BYTES`` bytes of the content changed."""
        stamp = hashlib.shake_128(f"edited\n{self.edition}\n{self.original.etag}".encode()).digest(_STAMP_BYTES)
        for block in self.original.blocks(start, length):
            changed = stamp[start : start + len(block)]
            yield changed + block[len(changed) :]
            start += len(block)


def former_contents(content: Content) -> list[Content]:
    """Return what the content was before each of its edits, the latest first."""
    former = []
    while isinstance(content, Edited):
        content = content.original
        former.append(content)
    return former


@lru_cache(maxsize=8)
def _pattern(seed: str, block: int) -> bytes:
    """Return what follows the stamp in a block of so many bytes; nothing for one that is shorter than its stamp."""
    text = f"{seed}\npattern".encode("utf-8", "surrogatepass")
    return hashlib.shake_128(text).digest(max(0, block - _STAMP_BYTES))


@lru_cache(maxsize=4096)
def _etag_of_made(made: _Made) -> str:
    if made.size > ETAG_READS_UP_TO:
        return unread_etag(repr(made), made.size)
    return md5_of_parts(made.blocks(0, made.size), made.size)


@lru_cache(maxsize=4096)
def _sha256_of_made(made: _Made) -> str:
    whole = hashlib.sha256()
    for block in made.blocks(0, made.size):
        whole.update(block)
    return whole.hexdigest()
