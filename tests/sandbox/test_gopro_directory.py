"""A folder as a library: what becomes a medium, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.gopro import GoProServer, Library, LibraryError, SimMedium, directory_library
from tests.sandbox.gopro_client import Client

NOBODY = 65534


def put(path: Path, content: bytes = b"bytes") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def only(library: Library) -> SimMedium:
    (one,) = library.media
    return one


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Give up root's right to read everything; nothing changes for anybody else."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if me == 0:
            os.seteuid(me)


@pytest.mark.parametrize(
    ("name", "kind", "extension"),
    [
        ("GX010001.MP4", "Video", "mp4"),
        ("GS010001.360", "Video", "360"),
        ("clip.mov", "Video", "mov"),
        ("GL010001.LRV", "Video", "lrv"),
        ("a.jpg", "Photo", "jpg"),
        ("GOPR0001.GPR", "Photo", "gpr"),
        ("b.HEIC", "Photo", "heic"),
        ("take.wav", "Audio", "wav"),
        ("film.mkv", "ExternalVideo", "mkv"),
        ("README", "ExternalVideo", None),
    ],
)
def test_the_extension_decides_the_type(tmp_path: Path, name: str, kind: str, extension: str | None) -> None:
    put(tmp_path / name)
    one = only(directory_library(tmp_path))
    assert (one.filename, one.type, one.file_extension, one.file_size) == (name, kind, extension, 5)


def test_a_files_time_is_its_date_and_its_path_its_identity(tmp_path: Path) -> None:
    os.utime(put(tmp_path / "trip" / "a.mp4"), (1_700_000_000, 1_700_000_000))
    put(tmp_path / "a.mp4")
    before = directory_library(tmp_path)
    put(tmp_path / "0.mp4")
    after = directory_library(tmp_path)
    assert {one.media_id for one in before.media} < {one.media_id for one in after.media}
    assert all(len(one.media_id) == 24 and int(one.media_id, 16) for one in after.media)
    trip = next(one for one in before.media if one.labelled("source")[0].path.parent.name == "trip")
    assert trip.captured_at == "2023-11-14T22:13:20Z"


@pytest.mark.verifies("gopro.library")
@pytest.mark.parametrize("name", ["été 東京 🎥.mp4", "a b&c?d#e%2F.mp4", "x.ünï", "dots..mp4", "back\\slash.MP4"])
def test_any_readable_name_is_listed_and_served(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, b"content")
    library = directory_library(tmp_path)
    with GoProServer(library) as server:
        client = Client(server)
        (row,) = client.json("/media/search")["_embedded"]["media"]
        assert row["filename"] == name
        assert client.fetch(client.entry(row["id"])["url"]).content == b"content"


def test_an_empty_file_is_a_medium_of_no_bytes(tmp_path: Path) -> None:
    put(tmp_path / "nothing.mp4", b"")
    library = directory_library(tmp_path)
    one = only(library)
    assert one.file_size == 0
    with GoProServer(library) as server:
        client = Client(server)
        answer = client.fetch(client.entry(one.media_id)["url"])
        assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "0", b"")


@pytest.mark.verifies("gopro.library")
def test_videos_in_a_medium_folder_are_chapters(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        put(tmp_path / "Ride.medium" / f"GX0{number}0004.MP4", b"x" * number)
    one = only(directory_library(tmp_path))
    assert (one.filename, one.type, one.file_size) == ("GX010004.MP4", "Video", 6)
    assert [(piece.item_number, piece.path.name) for piece in one.labelled("source")] == [
        (1, "GX010004.MP4"),
        (2, "GX020004.MP4"),
        (3, "GX030004.MP4"),
    ]


@pytest.mark.verifies("gopro.library")
def test_photos_in_a_medium_folder_are_the_frames_of_a_burst(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        put(tmp_path / "Jump.medium" / f"G001000{number}.JPG")
    library = directory_library(tmp_path)
    one = only(library)
    assert one.type == "Burst"
    with GoProServer(library) as server:
        found = Client(server).embedded(one.media_id)
    assert [entry["item_number"] for entry in found["files"]] == [1, 2, 3]
    assert len(found["variations"]) == 1


@pytest.mark.verifies("gopro.library")
def test_a_photo_with_its_raw_is_one_photo(tmp_path: Path) -> None:
    put(tmp_path / "Raw.medium" / "GOPR0001.JPG", b"jpeg")
    put(tmp_path / "Raw.medium" / "GOPR0001.GPR", b"raw file")
    library = directory_library(tmp_path)
    one = only(library)
    assert (one.type, one.filename, one.file_size) == ("Photo", "GOPR0001.JPG", 4)
    assert [piece.label for piece in library.served(one.media_id)] == ["raw_photo", "source"]


def test_raw_files_alone_are_frames_themselves(tmp_path: Path) -> None:
    for number in (1, 2):
        put(tmp_path / "Raw.medium" / f"GOPR000{number}.GPR")
    one = only(directory_library(tmp_path))
    assert (one.type, [piece.label for piece in one.pieces]) == ("Burst", ["source", "source"])


def test_hidden_names_and_links_to_folders_are_left_out_but_links_to_files_followed(tmp_path: Path) -> None:
    put(tmp_path / "library" / ".DS_Store")
    put(tmp_path / "library" / ".hidden" / "a.mp4")
    target = put(tmp_path / "elsewhere" / "b.mp4")
    (tmp_path / "library" / "linked.mp4").symlink_to(target)
    (tmp_path / "library" / "broken.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "library" / "loop").symlink_to(tmp_path / "library")
    os.mkfifo(tmp_path / "library" / "pipe.mp4")
    assert only(directory_library(tmp_path / "library")).filename == "linked.mp4"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: None, "holds no files to serve"),
        (lambda root: put(root / ".hidden"), "holds no files to serve"),
        (lambda root: (root / "sub").mkdir(), "holds no files to serve"),
        (lambda root: (root / "A.medium").mkdir(), "A.medium is one medium, but holds no files"),
        (lambda root: put(root / "A.medium" / "sub" / "a.mp4"), "move sub out of it"),
        (lambda root: put(root / os.fsdecode(b"bad-\xff.mp4")), "not valid UTF-8"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(tmp_path: Path, make: object, says: str) -> None:
    assert callable(make)
    make(tmp_path)
    with pytest.raises(LibraryError, match=says) as caught:
        directory_library(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent", "file.mp4"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path / "file.mp4")
    with pytest.raises(LibraryError, match="is not a folder"):
        directory_library(tmp_path / name)


@pytest.mark.parametrize("unreadable", ["library/a.mp4", "library/sub", "library"])
def test_what_may_not_be_read_is_refused(tmp_path: Path, unreadable: str) -> None:
    put(tmp_path / "library" / "a.mp4")
    put(tmp_path / "library" / "sub" / "b.mp4")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    (tmp_path / unreadable).chmod(0)
    try:
        with ordinary_user(), pytest.raises(LibraryError, match="cannot read") as caught:
            directory_library(tmp_path / "library")
    finally:
        (tmp_path / unreadable).chmod(0o755)
    assert str(tmp_path / unreadable) in str(caught.value)
