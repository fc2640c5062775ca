"""A library written down in a TOML file, and one that is grown."""

from __future__ import annotations

import json
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

import sandbox.gopro
from sandbox.gopro import GoProServer, Library, LibraryError, described_library, library_at
from sandbox.gopro.account import Account
from sandbox.gopro.grown import Grown
from sandbox.gopro.library import PHOTO_GROUP_TYPES
from sandbox.gopro.rows import full_row
from sandbox.gopro.search import Searches
from sandbox.gopro.shapes import SHAPES
from tests.sandbox.gopro_client import Client

EVERY_SHAPE = Path(sandbox.gopro.__file__).with_name("every_shape.toml")
PIECES = "pieces = [{ label = 'source', size = 10 }]"


def described(folder: Path, text: str) -> Library:
    path = folder / "library.toml"
    path.write_text(text, encoding="utf-8")
    return described_library(path)


@pytest.mark.verifies("gopro.described")
def test_the_example_has_every_shape() -> None:
    library = described_library(EVERY_SHAPE)
    types = {medium.type for medium in library.media}
    assert {
        "Photo", "Video", "TimeLapse", "TimeLapseVideo", "Burst", "BurstVideo", "Chaptered", "Livestream", "Looped",
        "LoopedVideo", "Continuous", "ExternalVideo", "Session", "MultiClipEdit", "Edit", "Audio", "NightLapse",
        "LivePhoto",
    } < types  # fmt: skip
    assert {piece.label for medium in library.media for piece in medium.pieces} >= {
        "source", "baked_source", "concat", "high_res_proxy_mp4", "edit_proxy", "mp4_low", "audio_proxy",
        "timelapse_video", "large", "medium", "gpmf", "gpx", "mediainfo", "zip", "raw_photo", "edl_mce",
    }  # fmt: skip
    assert {medium.ready_to_view for medium in library.media} >= {"failure", "transcoding", "uploading", "live"}
    chaptered = [medium for medium in library.media if len(medium.labelled("source")) > 1]
    assert {medium.numbered for medium in chaptered if medium.type not in PHOTO_GROUP_TYPES} == {True, False}
    names = [medium.filename for medium in library.media]
    assert len(names) - len(set(names)) > 1
    assert any("\0" in (name or "") for name in names)
    assert any(len((name or "").encode()) > 255 for name in names)


def test_the_example_is_served_whole() -> None:
    library = described_library(EVERY_SHAPE)
    with GoProServer(library) as server:
        client = Client(server)
        rows = client.json("/media/search", per_page=200)["_embedded"]["media"]
        assert len(rows) == len(library) - 1
        for row in rows:
            medium = library.find(row["id"])
            assert medium is not None
            answer = client.get(f"/media/{row['id']}/download")
            assert answer.status_code == (404 if medium.deleted else 200)
            assert client.get(f"/media/{row['id']}").status_code == answer.status_code
            if not medium.deleted:
                entries = [entry for part in answer.json()["_embedded"].values() for entry in part]
                heads = {entry["url"].split("?")[0]: client.fetch(entry["head"], "HEAD") for entry in entries}
                assert len(heads) == len(medium.pieces)
                sizes = [int(head.headers["Content-Length"]) for head in heads.values() if head.status_code == 200]
                there = [piece.size for piece in medium.pieces if piece.available and not piece.cdn_deleted]
                assert sorted(sizes) == sorted(there)


def test_every_key_does_what_it_says(tmp_path: Path) -> None:
    library = described(
        tmp_path,
        """
        [[media]]
        id = "one"
        type = "Burst"
        filename = "G0010001.JPG"
        captured_at = 2024-05-01T12:00:00+02:00
        camera_model = "HERO12 Black"
        numbered = false
        entries_without = ["available"]
        moments = [5]
        fields = { width = 9, tags = ["a"] }
        null = ["height"]
        absent = ["file_size"]
        pieces = [
          { label = "source", size = 7, count = 2, seed = "x" },
          { label = "source", size = 9, camera_position = "back", available = false },
          { label = "raw_photo", size = 3, extension = "dng", lost = true },
        ]
        [[media]]
        type = "Video"
        captured_at = "yesterday"
        file_size = 12
        deleted = "in-trash"
        state = "failure"
        """,
    )
    one, two = library.media
    with GoProServer(library) as server:
        client = Client(server)
        row, document = client.json("/media/one"), client.json("/media/one/download")
        [trashed] = client.json("/media/deleted")["deleted_media"]
        searched = client.json("/media/search")["_embedded"]["media"]
    assert (one.captured_at, one.file_size, one.created_at) == ("2024-05-01T10:00:00Z", 23, one.captured_at)
    assert (row["width"], row["tags"], row["height"], row["moments_count"]) == (9, ["a"], None, 1)
    assert "file_size" not in row
    assert [(entry["camera_position"], "item_number" in entry) for entry in document["_embedded"]["files"]] == [
        ("default", False), ("back", False), ("default", False),
    ]  # fmt: skip
    assert all("available" not in entry for entry in document["_embedded"]["files"])
    assert [(piece.label, piece.item_number, piece.extension, piece.size) for piece in one.pieces] == [
        ("source", 1, "jpg", 7), ("source", 2, "jpg", 7), ("source", 1, "jpg", 9), ("raw_photo", 1, "dng", 3),
    ]  # fmt: skip
    assert library.served("one") == []
    assert [piece.label for piece in library.not_required("one")] == ["source", "source"]
    assert (two.ready_to_view, two.captured_at, two.file_size, two.filename) == ("failure", "yesterday", 12, "")
    assert (trashed["id"], [each["id"] for each in searched]) == (two.media_id, ["one"])


def test_equal_seeds_give_equal_bytes_and_ids_do_not_depend_on_the_folder(tmp_path: Path) -> None:
    text = f"[[media]]\ntype = 'Video'\nfilename = 'a.mp4'\n{PIECES}\n"
    first = described(tmp_path, text).media[0]
    (tmp_path / "further").mkdir()
    second = described(tmp_path / "further", text).media[0]
    assert first == second
    assert first.pieces[0].sha256 == second.pieces[0].sha256


WRONG = [
    ("", "has no media; write each one as a [[media]] table, or let [generate] make some"),
    ("media = 3", "the file: media must be a list"),
    ("[[medium]]\ntype = 'Video'", "the file: key 'medium' is not known; did you mean 'media'?"),
    ("x = ", "is not TOML: Invalid value"),
    ("media = [3]", "medium 1: must be a table"),
    ("[[media]]\nfilename = 'a.mp4'", "medium 1 ('a.mp4'): type is missing"),
    ("[[media]]\ntype = 3", "medium 1: type must be a text"),
    ("[[media]]\ntype = 'Video'\nfilname = 'a'", "medium 1: key 'filname' is not known; did you mean 'filename'?"),
    ("[[media]]\ntype = 'Video'\nid = 'a/b'", "medium 1: id cannot be 'a/b': it must match "),
    ("[[media]]\ntype = 'Video'\ncaptured_at = 3", "medium 1: captured_at must be a text"),
    ("[[media]]\ntype = 'Video'\ncaptured_at = 2024-01-01T00:00:00", "medium 1: captured_at must be a time such as "),
    ("[[media]]\ntype = 'Video'\nfile_size = -1", "medium 1: file_size must be a whole number from 0 to "),
    ("[[media]]\ntype = 'Video'\ndeleted = 'yes'", "medium 1: deleted cannot be 'yes'; use one of: after-listing, "),
    ("[[media]]\ntype = 'Video'\nnumbered = 1", "medium 1: numbered must be true or false"),
    ("[[media]]\ntype = 'Video'\nnull = 'width'", "medium 1: null must be a list"),
    ("[[media]]\ntype = 'Video'\nnull = [1]", "medium 1: null must be a list of texts"),
    ("[[media]]\ntype = 'Video'\nfields = { a = 2024-01-01 }", "medium 1: fields must be a table of texts, "),
    ("[[media]]\ntype = 'Video'\nmoments = ['x']", "medium 1: moments must be a whole number from 0 to "),
    ("[[media]]\ntype = 'Video'\npieces = [{ size = 3 }]", "medium 1: piece 1: label is missing"),
    ("[[media]]\ntype = 'Video'\npieces = [{ label = 'source' }]", "medium 1: piece 1: size is missing: say how many"),
    ("[[media]]\ntype = 'Video'\npieces = [{ label = 'a/b', size = 3 }]", "medium 1: piece 1: label cannot be 'a/b'"),
    (f"[[media]]\ntype = 'Video'\n{PIECES[:-2]}, sise = 1 }}]", "medium 1: piece 1: key 'sise' is not known; did you "),
    ("[[media]]\ntype='V'\nid='x'\n[[media]]\ntype='V'\nid='x'", "two media have the id 'x': give one of them another"),
    ("generate = 3", "generate: must be a table"),
    ("[generate]", "generate: count is missing: say how many media there shall be"),
    ("[generate]\ncount = 0", "generate: count must be a whole number from 1 to "),
    ("[generate]\ncount = 1\ntypes = ['Vidoe']", "generate: types cannot have 'Vidoe'; use some of: Video, "),
    ("[generate]\ncount = 1\nsmallest = 9\nlargest = 8", "generate: largest is less than smallest, which is 9"),
    ("[generate]\ncount = 1000000\nseconds_between = 31622400", "generate: seconds_between leads beyond the year 9000"),
]  # fmt: skip


@pytest.mark.verifies("gopro.described")
@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LibraryError) as caught:
        described(tmp_path, text)
    assert str(caught.value).startswith(f"library.toml: {message}")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"^absent\.toml: cannot be read \(No such file or directory\); give the "):
        library_at(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(LibraryError, match=r"^latin\.toml: is not TOML: it is not UTF-8 text$"):
        library_at(tmp_path / "latin.toml")


def test_a_folder_stays_a_folder_whatever_it_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "mine.toml"
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"x")
    assert [medium.filename for medium in library_at(folder)] == ["clip.mp4"]


# ---- grown libraries ----


@pytest.mark.verifies("gopro.described")
def test_pages_of_a_hundred_thousand_media_take_no_time() -> None:
    account = Account()
    searches = Searches(Library((), Grown(100_000)), lambda medium: full_row(medium, account))
    searches.answer({"per_page": "200", "fields": "id"})
    begun = time.process_time()
    last = searches.answer({"per_page": "200", "page": "500", "fields": "id"})
    assert time.process_time() - begun < 0.25
    assert isinstance(last.body, bytes)
    document = json.loads(last.body)
    assert len(document["_embedded"]["media"]) == 200
    assert document["_pages"] == {
        "current_page": 500, "per_page": 200, "total_items": 100_000, "total_pages": 500,
    }  # fmt: skip


@pytest.mark.verifies("gopro.described")
def test_a_grown_medium_costs_a_few_bytes_of_memory() -> None:
    account = Account()
    tracemalloc.start()
    searches = Searches(Library((), Grown(10_000)), lambda medium: full_row(medium, account))
    searches.answer({"per_page": "200", "fields": "id"})
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10_000 * 40


def test_all_pages_of_a_grown_library_hold_every_medium_once_newest_first(tmp_path: Path) -> None:
    library = described(
        tmp_path, f"[[media]]\ntype='Video'\ncaptured_at=2015-01-02T00:00:00Z\n{PIECES}\n[generate]\ncount = 450"
    )
    with GoProServer(library) as server:
        client = Client(server)
        rows = [
            row
            for page in (1, 2, 3)
            for row in client.json("/media/search", page=page, per_page=200)["_embedded"]["media"]
        ]
        assert client.json("/media/user")["total_count"] == 451
    assert len({row["id"] for row in rows}) == len(rows) == 451
    dates = [row["captured_at"] for row in rows]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_grown_medium_is_found_and_served_like_any_other(kind: str) -> None:
    library = Library((), Grown(10, (kind,), 5_000, 6_000))
    media_id = list(library)[7].media_id
    with GoProServer(library) as server:
        client = Client(server)
        label = "baked_source" if kind == "MultiClipEdit" else "source"
        entry = client.entry(media_id, label)
        content = client.fetch(entry["url"]).content
        assert client.get(f"/media/{media_id}").status_code == 200
        assert client.get(f"/media/{media_id[:-1]}f").status_code == 404
        assert client.fetch(entry["url"].replace("/20000000000000000", "/2999999999999999")).status_code == 403
    piece = library.served(media_id)[0]
    assert content == b"".join(piece.content.blocks(0, piece.size))


def test_grown_media_are_the_same_each_time_and_others_with_another_seed() -> None:
    grown = Grown(5, since=datetime(2020, 2, 28, tzinfo=UTC), seconds_between=86_400)
    assert [grown.medium(position) for position in range(5)] == [grown.medium(position) for position in range(5)]
    assert grown.medium(2).captured_at == "2020-03-01T00:00:00Z"
    other = Grown(5, seed="other")
    assert not {grown.medium(n).media_id for n in range(5)} & {other.medium(n).media_id for n in range(5)}
    assert grown.medium(0).pieces[0].sha256 != other.medium(0).pieces[0].sha256
    with pytest.raises(IndexError):
        grown.medium(5)


def test_one_of_a_crowd_can_be_replaced_and_purged() -> None:
    library = Library((), Grown(3))
    first, second, _ = list(library)
    replaced = library.with_medium(second)
    assert (len(replaced), sorted(medium.media_id for medium in replaced)) == (
        3,
        sorted(medium.media_id for medium in library),
    )
    purged = replaced.without(first.media_id).without(second.media_id)
    assert len(purged) == len(list(purged)) == 1
    assert purged.find(first.media_id) is None
    assert purged.find_object(first.object_id) is None
    assert purged.find(second.media_id) is None
    assert purged.served("nobody") == []
