"""The bytes that are copied: files whose every MiB is unlike every other, and whose checksum is known beforehand.

Up to 4 GiB a file is a block of 64 MiB pseudo-random bytes over and over, in a tmpfs where there is room. Larger ones
are sparse, zeros but for the marks, for nobody has the memory or the minutes. Either way each MiB begins with a mark
that depends on where it is, so that a part which is lost, repeated, moved or cut changes the checksum.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from awscrt import checksums

_SEED = b"benchmarks/stage"
_MIB = 1024 * 1024
_BLOCK = 64 * _MIB
_LARGEST_DENSE = 4 * 1024 * _MIB
_MARK_BYTES = 16
_TMPFS = Path("/dev/shm")  # noqa: S108 - a folder that only this user may enter is made in it
_SPARE = 1024 * _MIB
_PREFIX = "benchmark-contents-"


@dataclass(frozen=True, slots=True)
class Content:
    """A file of ``size`` bytes; ``crc64nvme`` of all of them in base64, as S3 writes it."""

    path: Path
    size: int
    crc64nvme: str


class Contents:
    """The files of one stage; ``close`` removes them. Those that a killed benchmark left behind are removed as well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_memory: Path | None = None

    def of(self, size: int) -> Content:
        """The file of ``size`` bytes, made if it is not there yet. ``OSError`` if the disk is full."""
        if size < 0:
            raise ValueError("a file has no negative size")
        name = f"{size}.bin"
        for folder in filter(None, (self._in_memory, self._folder)):
            if (folder / name).exists():
                return Content(folder / name, size, _checksum_file(folder / name).read_text())
        path = self._folder_for(size) / name
        checksum = _write(path, size)
        _checksum_file(path).write_text(checksum)
        return Content(path, size, checksum)

    def close(self) -> None:
        """Remove every file that was made."""
        if self._in_memory:
            shutil.rmtree(self._in_memory)
            self._in_memory = None
        for path in self._folder.glob("*.bin"):
            path.unlink()
            _checksum_file(path).unlink(missing_ok=True)

    def _folder_for(self, size: int) -> Path:
        needed = size if size <= _LARGEST_DENSE else size // _MIB * 4096
        if not _TMPFS.is_dir() or shutil.disk_usage(_TMPFS).free < needed + _SPARE or _free_memory() < needed + _SPARE:
            return self._folder
        if self._in_memory is None:
            _remove_abandoned()
            self._in_memory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_TMPFS))
        return self._in_memory


def as_s3_writes(crc: int) -> str:
    """Base64 of the eight bytes, most significant first."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode()


def _checksum_file(path: Path) -> Path:
    return path.with_suffix(".crc64nvme")


def _free_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _remove_abandoned() -> None:
    """A benchmark that is killed outright leaves gigabytes of memory taken; its folder says which process it was."""
    for folder in _TMPFS.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if folder.stat().st_uid == os.getuid() and not Path("/proc", owner).exists():
            shutil.rmtree(folder)


def _write(path: Path, size: int) -> str:
    """Write the file; its checksum. It has its name once it is whole."""
    dense = size <= _LARGEST_DENSE
    block = memoryview(_block(min(size, _BLOCK)) if dense else bytes(_MIB))
    partial = path.with_suffix(".partial")
    crc = 0
    tails: dict[tuple[int, int], int] = {}
    with partial.open("wb") as file:
        for start in range(0, size, _MIB):
            mark = _mark(start)[: size - start]
            within, end = start % len(block) + len(mark), start % len(block) + min(_MIB, size - start)
            if dense:
                file.write(mark)
                file.write(block[within:end])
            else:
                os.pwrite(file.fileno(), mark, start)
            if (within, end) not in tails:
                tails[within, end] = checksums.crc64nvme(block[within:end])
            crc = checksums.combine_crc64nvme(crc, checksums.crc64nvme(mark), len(mark))
            crc = checksums.combine_crc64nvme(crc, tails[within, end], end - within)
        file.truncate(size)
    partial.replace(path)
    return as_s3_writes(crc)


def _mark(start: int) -> bytes:
    """Unlike any other position's."""
    return hashlib.blake2b(struct.pack(">Q", start), key=_SEED, digest_size=_MARK_BYTES).digest()


def _block(length: int) -> bytes:
    """Pseudo-random, and the same on every machine."""
    return hashlib.shake_128(_SEED).digest(length)
