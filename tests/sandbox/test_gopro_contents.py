"""Bytes that are made when somebody asks for them."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from awscrt import checksums

from sandbox.gopro import GoProServer, Library, Seeded, SimPiece
from sandbox.gopro.contents import BLOCK_BYTES, Edited, StoredFile, former_contents
from sandbox.gopro.digests import ETAG_PART_BYTES
from tests.sandbox.gopro_client import Client, medium, piece

MIB = 1024 * 1024


def whole(content: Seeded | Edited) -> bytes:
    return b"".join(content.blocks(0, content.size))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000, MIB - 1, MIB, MIB + 1, 3 * MIB + 17])
def test_any_range_is_a_slice_of_the_whole(size: int) -> None:
    content = Seeded("s", size)
    everything = whole(content)
    assert len(everything) == size
    spots = random.Random(size)  # noqa: S311 - where to look, no secret
    random_ranges = [(spots.randint(0, size), spots.randint(0, size)) for _ in range(20)]
    for start, length in [(0, size), (size, 5), (0, 1), *random_ranges]:
        assert b"".join(content.blocks(start, length)) == everything[start : start + length]


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, MIB - 1, MIB, MIB + 1, 2 * MIB + 31, 3 * MIB + 17])
def test_the_crc_is_known_without_reading(size: int) -> None:
    content = Seeded("s", size)
    assert content.crc64nvme == checksums.crc64nvme(whole(content))


def test_no_two_blocks_and_no_two_seeds_are_equal() -> None:
    blocks = list(Seeded("a", 4 * MIB).blocks(0, 4 * MIB)) + list(Seeded("b", 4 * MIB).blocks(0, 4 * MIB))
    assert len(set(blocks)) == 8
    assert {len(block) for block in blocks} == {BLOCK_BYTES}


def test_the_end_of_a_huge_content_is_at_hand_at_once() -> None:
    size = 300 * 1024**3 + 7
    library = Library((medium("huge", [SimPiece("source", Seeded("h", size), 1, "mp4")], file_size=size),))
    with GoProServer(library) as server:
        client = Client(server)
        entry = client.entry("huge")
        head = client.fetch(entry["head"], "HEAD")
        tail = client.fetch(entry["url"], headers={"Range": f"bytes={size - 9}-"})
    assert head.headers["Content-Length"] == str(size)
    assert head.headers["ETag"].endswith(f'-{-(-size // ETAG_PART_BYTES)}"')
    assert (tail.status_code, tail.content) == (206, b"".join(Seeded("h", size).blocks(size - 9, 9)))


def test_made_bytes_are_served_like_a_files() -> None:
    content = Seeded("s", 2 * MIB + 5)
    library = Library((medium("one", [SimPiece("source", content, 1, "mp4")]),))
    with GoProServer(library) as server:
        client = Client(server)
        entry = client.entry("one")
        full = client.fetch(entry["url"])
        part = client.fetch(entry["url"], headers={"Range": "bytes=10-1048585", "If-Match": full.headers["ETag"]})
        refused = client.fetch(entry["url"], headers={"If-Match": '"other-1"'})
        assert server.requests[-3].bytes_sent == content.size
    assert full.content == whole(content)
    assert hashlib.sha256(full.content).hexdigest() == content.sha256
    assert full.headers["ETag"] == f'"{hashlib.md5(hashlib.md5(full.content).digest()).hexdigest()}-1"'  # noqa: S324
    assert (part.status_code, part.content) == (206, full.content[10:1048586])
    assert refused.status_code == 412


def test_an_edit_changes_bytes_and_validator_and_not_the_size() -> None:
    original = Seeded("s", MIB + 100)
    first, second = Edited(original, 1), Edited(original, 2)
    assert len({whole(original), whole(first), whole(second)}) == 3
    assert len({original.etag, first.etag, second.etag}) == 3
    assert first.size == original.size
    assert whole(first)[32:] == whole(original)[32:]
    assert b"".join(first.blocks(5, 100)) == whole(first)[5:105]
    assert whole(Edited(Seeded("s", 3), 1)) != whole(Seeded("s", 3))
    assert former_contents(Edited(first, 2)) == [first, original]


def test_a_files_bytes_come_in_ranges_too(tmp_path: Path) -> None:
    content = piece(tmp_path, "source", content=bytes(range(200))).content
    assert isinstance(content, StoredFile)
    assert b"".join(content.blocks(10, 50)) == bytes(range(10, 60))
    assert b"".join(Edited(content, 1).blocks(100, 50)) == bytes(range(100, 150))


def test_a_piece_without_a_file_says_so() -> None:
    with pytest.raises(TypeError, match="made on the fly"):
        _ = SimPiece("source", Seeded("s", 1), 1, "mp4").path
