"""Grow small media files to any size without making them unplayable: boxes and segments that players skip.

An MP4 gets a trailing ``free`` box (ISO/IEC 14496-12, 8.1.2), a JPEG gets comment segments after its SOI marker
(ITU-T T.81, B.2.4.5). The filling is derived from a seed, so that files of equal size still differ in every block, and
the same seed gives the same bytes on every machine and Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 1024 * 1024
_STAMP_BYTES = 64
_BOX_HEADER_BYTES = 8
_LARGE_BOX_HEADER_BYTES = 16
_SEGMENT_LENGTH_BYTES = 2
_SEGMENT_HEADER_BYTES = 2 + _SEGMENT_LENGTH_BYTES
_SEGMENT_MAX_BYTES = 2 + 0xFFFF


def grow_mp4(sample: bytes, target: Path, size: int, seed: str, *, sparse: bool = False) -> None:
    """Write ``sample`` to ``target``, grown by a ``free`` box to exactly ``size`` bytes.

    ``sparse`` writes only a stamp of 64 bytes per MiB and leaves holes between them: files of hundreds of GB cost no
    disk, and a block that is missing, doubled or moved still shows. Memory is one block. Raises ``ValueError`` when no
    box fits the difference (1 to 7 bytes, or less than nothing).
    """
    padding = size - len(sample)
    if padding and padding < _BOX_HEADER_BYTES:
        raise ValueError(f"an MP4 of {len(sample)} bytes cannot be grown to {size}: a box has at least 8 bytes")
    with target.open("wb") as file:
        file.write(sample)
        if padding:
            header = _free_box_header(padding)
            file.write(header)
            _fill(file, padding - len(header), seed, sparse=sparse)


def grow_jpeg(sample: bytes, target: Path, size: int, seed: str) -> None:
    """Write ``sample`` to ``target``, grown by comment segments to exactly ``size`` bytes.

    Raises ``ValueError`` when the sample is no JPEG or no segment fits the difference (1 to 3 bytes, or less than
    nothing).
    """
    padding = size - len(sample)
    if not sample.startswith(b"\xff\xd8"):
        raise ValueError("the sample is not a JPEG: it does not start with the SOI marker")
    if padding and padding < _SEGMENT_HEADER_BYTES:
        raise ValueError(f"a JPEG of {len(sample)} bytes cannot be grown to {size}: a segment has at least 4 bytes")
    with target.open("wb") as file:
        file.write(sample[:2])
        for number, length in enumerate(_segment_lengths(padding)):
            payload = length - _SEGMENT_HEADER_BYTES
            file.write(b"\xff\xfe" + (payload + _SEGMENT_LENGTH_BYTES).to_bytes(2))
            file.write(_filling(seed, number, payload))
        file.write(sample[2:])


def _free_box_header(size: int) -> bytes:
    """Return the box's header; from 4 GiB on the size needs the 64-bit form."""
    if size < 1 << 32:
        return size.to_bytes(4) + b"free"
    return (1).to_bytes(4) + b"free" + size.to_bytes(_LARGE_BOX_HEADER_BYTES - _BOX_HEADER_BYTES)


def _fill(file: BinaryIO, size: int, seed: str, *, sparse: bool) -> None:
    start = file.tell()
    for number in range(-(-size // _BLOCK_BYTES)):
        offset = number * _BLOCK_BYTES
        length = min(_BLOCK_BYTES, size - offset)
        if sparse:
            file.seek(start + offset)
            length = min(_STAMP_BYTES, length)
        file.write(_filling(seed, number, length))
    file.truncate(start + size)


def _segment_lengths(padding: int) -> Iterator[int]:
    """Cut ``padding`` into whole segments, so that none of them is too small to have a header."""
    while padding > _SEGMENT_MAX_BYTES:
        length = min(_SEGMENT_MAX_BYTES, padding - _SEGMENT_HEADER_BYTES)
        yield length
        padding -= length
    if padding:
        yield padding


def _filling(seed: str, number: int, length: int) -> bytes:
    return hashlib.shake_128(f"{seed}\n{number}".encode()).digest(length)
