"""The built-in library's files: real media of the promised sizes, the same on every machine."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.gopro import GoProServer, Library, SimMedium, builtin_library
from sandbox.gopro.padding import grow_jpeg, grow_mp4
from tests.sandbox.gopro_client import Client

MIB = 1024 * 1024
MP4_LABELS = {"source", "baked_source", "high_res_proxy_mp4", "edit_proxy", "audio_proxy", "gpmf"}
TINY_JPEG = b"\xff\xd8\xff\xd9"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return builtin_library(tmp_path_factory.mktemp("builtin"))


def named(library: Library, filename: str) -> SimMedium:
    return next(one for one in library.media if one.filename == filename)


def boxes(path: Path) -> Iterator[tuple[str, int]]:
    """Walk an MP4's top-level boxes and insist that they fill the file exactly."""
    total = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while offset < total:
            file.seek(offset)
            size, kind = int.from_bytes(file.read(4)), file.read(4).decode("ascii")
            size = int.from_bytes(file.read(8)) if size == 1 else size
            assert size >= 8
            yield kind, size
            offset += size
        assert offset == total


def jpeg_comment_bytes(content: bytes) -> int:
    """Walk a JPEG's segments up to its image data; return how many bytes its comments take."""
    assert content.startswith(b"\xff\xd8")
    assert content.endswith(b"\xff\xd9")
    offset, comments = 2, 0
    while (marker := content[offset : offset + 2]) != b"\xff\xda":
        length = int.from_bytes(content[offset + 2 : offset + 4])
        assert (marker[0], length >= 2) == (0xFF, True)
        comments += length + 2 if marker == b"\xff\xfe" else 0
        offset += length + 2
    return comments


def test_the_library_has_one_medium_of_every_shape(library: Library) -> None:
    described = [(one.filename, one.type, len(library.served(one.media_id))) for one in library.media]
    assert described == [
        ("GH010001.MP4", "Video", 1),
        ("GX010002.MP4", "Video", 1),
        ("GOPR0003.JPG", "Photo", 1),
        ("GX010004.MP4", "Video", 2),
        ("G0050005.JPG", "Burst", 5),
        ("", "MultiClipEdit", 1),
        ("GH010007.MP4", "Video", 0),
        ("GX010008.MP4", "Video", 0),
    ]


def test_one_video_is_under_and_one_over_the_multipart_threshold(library: Library) -> None:
    small, large = named(library, "GH010001.MP4"), named(library, "GX010002.MP4")
    assert small.file_size is not None
    assert large.file_size is not None
    assert small.file_size < 100 * 1000**2
    assert large.file_size > 100 * MIB


def test_ids_are_24_hex_digits_and_months_differ(library: Library) -> None:
    assert all(len(one.media_id) == 24 and int(one.media_id, 16) for one in library.media)
    assert len({(one.captured_at or "")[:7] for one in library.media}) == len(library.media)


def test_the_listing_sums_up_what_the_cdn_serves(library: Library) -> None:
    with GoProServer(library) as server:
        rows = Client(server).json("/media/search", fields="id,file_size,item_count")["_embedded"]["media"]
    told = {row["id"]: (row["file_size"], row["item_count"]) for row in rows}
    for one in library.media:
        pieces = one.labelled("source")
        expected = (sum(piece.size for piece in pieces), len(pieces)) if pieces else (None, 1)
        assert told[one.media_id] == expected


def test_every_mp4_is_made_of_whole_boxes_with_a_movie_in_front(library: Library) -> None:
    pieces = [piece for one in library.media for piece in one.pieces if piece.label in MP4_LABELS and piece.size]
    videos = [piece for piece in pieces if piece.extension in {"mp4", "m4a"}]
    assert len(videos) > 20
    for piece in videos:
        kinds = [kind for kind, _ in boxes(piece.path)]
        assert kinds[0] == "ftyp"
        assert {"moov", "mdat"} <= set(kinds)
        assert kinds[-1] == "free"


def test_every_jpg_is_made_of_whole_segments(library: Library) -> None:
    photos = [piece for one in library.media for piece in one.pieces if piece.extension == "jpg"]
    assert len(photos) == 7
    assert all(jpeg_comment_bytes(photo.path.read_bytes()) > 0 for photo in photos)


def test_no_two_pieces_have_the_same_bytes_but_the_same_run_always_has(library: Library, tmp_path: Path) -> None:
    again = builtin_library(tmp_path)
    digests = [piece.sha256 for one in library.media for piece in one.pieces if piece.label != "edl_mce"]
    assert len(set(digests)) == len(digests)
    assert [one.media_id for one in again.media] == [one.media_id for one in library.media]
    for one in library.media:
        twin = again.by_id[one.media_id]
        assert [piece.sha256 for piece in one.pieces] == [piece.sha256 for piece in twin.pieces]


def test_a_bursts_zip_holds_all_frames_under_camera_names(library: Library) -> None:
    burst = named(library, "G0050005.JPG")
    with zipfile.ZipFile(burst.labelled("zip")[0].path) as archive:
        assert archive.namelist() == [f"G005{number:04}.JPG" for number in range(5, 10)]
        assert [archive.getinfo(name).file_size for name in archive.namelist()] == [
            piece.size for piece in burst.labelled("source")
        ]


def test_a_piece_tells_the_digest_of_its_file_even_after_a_change(library: Library, tmp_path: Path) -> None:
    piece = named(library, "GOPR0003.JPG").labelled("source")[0]
    assert piece.sha256 == hashlib.sha256(piece.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("extra", [0, 8, 9, MIB, 3 * MIB + 17])
def test_an_mp4_grows_to_exactly_the_size_asked_for(tmp_path: Path, extra: int) -> None:
    sample = (16).to_bytes(4) + b"ftypisom" + bytes(4)
    target = tmp_path / "grown.mp4"
    grow_mp4(sample, target, len(sample) + extra, "seed")
    expected = [("ftyp", 16)] + ([("free", extra)] if extra else [])
    assert list(boxes(target)) == expected
    filling = target.read_bytes()[24:]
    assert extra < MIB or filling.count(0) < len(filling) / 100


def test_above_4_gib_the_box_takes_its_64_bit_form_and_holes_cost_no_disk(tmp_path: Path) -> None:
    target = tmp_path / "grown.mp4"
    size = (1 << 32) + 5 * MIB + 3
    grow_mp4((8).to_bytes(4) + b"ftyp", target, size, "seed", sparse=True)
    assert list(boxes(target)) == [("ftyp", 8), ("free", size - 8)]
    assert target.stat().st_size == size
    assert target.stat().st_blocks * 512 < 100 * MIB


def test_every_block_of_a_filling_is_different(tmp_path: Path) -> None:
    target = tmp_path / "grown.mp4"
    grow_mp4(b"", target, 8 + 4 * MIB, "seed")
    filling = target.read_bytes()[8:]
    assert len({filling[start : start + 4096] for start in range(0, len(filling), 4096)}) == len(filling) // 4096


def test_seeds_make_different_fillings(tmp_path: Path) -> None:
    for seed in ("one", "two"):
        grow_mp4(b"", tmp_path / seed, 1000, seed)
    assert (tmp_path / "one").read_bytes()[8:] != (tmp_path / "two").read_bytes()[8:]


@pytest.mark.parametrize("extra", [0, 4, 5, 65537, 65538, 65539, 65541, 65542, 200_000])
def test_a_jpeg_grows_to_exactly_the_size_asked_for(tmp_path: Path, extra: int) -> None:
    target = tmp_path / "grown.jpg"
    grow_jpeg(TINY_JPEG[:2] + b"\xff\xda" + TINY_JPEG[2:], target, 6 + extra, "seed")
    assert target.stat().st_size == 6 + extra
    assert jpeg_comment_bytes(target.read_bytes()) == extra


@pytest.mark.parametrize("size", [7, 9, 15])
def test_sizes_that_no_box_can_fill_are_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="cannot be grown"):
        grow_mp4(bytes(8), tmp_path / "grown.mp4", size, "seed")


@pytest.mark.parametrize("size", [3, 5, 7])
def test_sizes_that_no_segment_can_fill_are_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="cannot be grown"):
        grow_jpeg(TINY_JPEG, tmp_path / "grown.jpg", size, "seed")


def test_something_else_is_not_grown_as_a_jpeg(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        grow_jpeg(b"GIF89a", tmp_path / "grown.jpg", 100, "seed")
