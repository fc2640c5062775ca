"""Files that are known beforehand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from awscrt import checksums

from benchmarks.stage import contents
from benchmarks.stage.contents import Contents, as_s3_writes

_MIB = 1024 * 1024


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Contents]:
    made = Contents(tmp_path)
    yield made
    made.close()


def _checksum(data: bytes) -> str:
    return as_s3_writes(checksums.crc64nvme(data))


def test_the_checksum_is_written_as_s3_writes_it() -> None:
    # The check value of CRC-64/NVME for "123456789": NVM Command Set Specification, and the CRC catalogue.
    assert _checksum(b"123456789") == "rosUhgp5mIg="


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, _MIB - 1, _MIB, _MIB + 1, _MIB + 15, 5 * _MIB, 65 * _MIB + 3])
def test_a_file_has_its_size_and_the_checksum_that_was_told(made: Contents, size: int) -> None:
    content = made.of(size)
    data = content.path.read_bytes()

    assert (len(data), content.size) == (size, size)
    assert _checksum(data) == content.crc64nvme


def test_a_large_file_is_sparse_and_its_checksum_right(made: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_LARGEST_DENSE", 2 * _MIB)

    content = made.of(40 * _MIB + 5)

    assert _checksum(content.path.read_bytes()) == content.crc64nvme
    assert content.path.stat().st_blocks * 512 < 4 * _MIB


@pytest.mark.parametrize("largest_dense", [1, 4096 * _MIB], ids=["sparse", "dense"])
def test_a_moved_or_a_repeated_mib_changes_the_checksum(
    made: Contents, monkeypatch: pytest.MonkeyPatch, largest_dense: int
) -> None:
    monkeypatch.setattr(contents, "_LARGEST_DENSE", largest_dense)
    data = made.of(130 * _MIB).path.read_bytes()
    first, later = data[:_MIB], data[64 * _MIB : 65 * _MIB]

    # The same place in the block of 64 MiB, so only the mark tells them apart.
    assert first[16:] == later[16:]
    assert len({data[start : start + 16] for start in range(0, len(data), _MIB)}) == 130


def test_the_same_file_is_not_made_twice(made: Contents) -> None:
    once = made.of(_MIB)
    before = once.path.stat().st_mtime_ns

    assert made.of(_MIB) == once
    assert once.path.stat().st_mtime_ns == before


def test_the_bytes_are_the_same_in_every_run(made: Contents) -> None:
    assert made.of(_MIB).crc64nvme == "RMczNdVPBq8="


def test_without_room_in_memory_the_file_is_on_disk(
    made: Contents, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contents, "_free_memory", lambda: _MIB)

    content = made.of(3)

    assert content.path.parent == tmp_path
    made.close()
    assert not list(tmp_path.iterdir())


def test_nothing_is_left(made: Contents) -> None:
    content = made.of(_MIB)
    made.close()

    assert not content.path.exists()


def test_what_a_killed_benchmark_left_is_removed_and_what_a_living_one_uses_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setattr(contents, "_TMPFS", tmp_path)
    abandoned, living = (tmp_path / f"benchmark-contents-{pid}-x" for pid in (gone.pid, os.getpid()))
    abandoned.mkdir()
    living.mkdir()

    contents._remove_abandoned()

    assert (abandoned.exists(), living.exists()) == (False, True)


def test_a_negative_size_is_refused(made: Contents) -> None:
    with pytest.raises(ValueError, match="negative"):
        made.of(-1)
