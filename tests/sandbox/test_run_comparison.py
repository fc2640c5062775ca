"""The sandbox's own proof: what is equal passes, and every way of being different is named."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.state.compared import ComparedObjects
from sandbox.aws.state.store import Store
from sandbox.run.comparison import Comparison, compare
from sandbox.run.fingerprints import Fingerprint, fingerprint
from sandbox.run.recollection import Recollection


@dataclass(frozen=True)
class Item:
    """An object in the bucket, or the file behind a piece that is served."""

    path: Path
    key: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Served:
    """A file that the library serves."""

    fingerprint: Fingerprint
    required: bool = True


class Archive:
    """A bucket, its tracker and the library behind it; right as made, for tests to damage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: list[Item] = []
        self.rows: list[dict[str, Any]] = []
        self.library: dict[str, list[Item]] = {}
        self.further: list[Served] = []

    def serve(self, media_id: str, *contents: bytes) -> None:
        self.library[media_id] = [Item(self._write(content)) for content in contents]

    def store(self, media_id: str, name: str, content: bytes, piece: str = "source-1") -> dict[str, Any]:
        key = f"gopro-videos/2024/05/{media_id}/{name}"
        path = self._write(content)
        self.objects.append(Item(path, key, {"source-media-id": media_id, "piece": piece}))
        crc = fingerprint(path).crc64nvme
        row = {"media_id": media_id, "record": f"PIECE#{name}", "status": "COMPLETED"}
        self.rows.append({**row, "key": key, "size": len(content), "crc64nvme": crc})
        return self.rows[-1]

    def finish(self, media_id: str, status: str = "COMPLETED", **facts: str) -> None:
        self.rows.append({"media_id": media_id, "record": "MEDIUM", "status": status, **facts})

    def compare(
        self, *, remote: bool = False, reported: Sequence[str] = (), recollection: Recollection | None = None
    ) -> Comparison:
        return compare(self.objects, self.rows, reported, None if remote else self.served, recollection)

    def served(self, media_id: str) -> list[Served]:
        return [Served(fingerprint(item.path)) for item in self.library.get(media_id, [])] + self.further

    def _write(self, content: bytes) -> Path:
        path = self.folder / f"file{len(list(self.folder.iterdir()))}"
        path.write_bytes(content)
        return path


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path)
    made.serve("m1", b"chapter one", b"chapter two")
    made.serve("m2", b"photo")
    made.store("m1", "GX010001.MP4", b"chapter one")
    made.store("m1", "GX020001.MP4", b"chapter two")
    made.store("m2", "GOPR0002.JPG", b"photo")
    made.finish("m1")
    made.finish("m2")
    return made


@pytest.mark.verifies("pipeline.compared")
def test_an_archive_that_is_right_is_equal(archive: Archive) -> None:
    comparison = archive.compare(reported=["m1"])
    assert comparison.problems == ()
    assert (comparison.by, comparison.media, comparison.objects, comparison.equal) == ("content", 2, 3, True)


def test_the_record_of_a_medium_is_no_piece_that_a_source_serves(archive: Archive) -> None:
    archive.store("m1", "medium.json", b'{"medium": {"id": "m1"}}', "record-1")
    assert archive.compare().problems == ()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{}", b'{"medium": []}', b'{"medium": {"id": "m2"}}'])
def test_a_record_that_is_none_of_this_medium_is_named(archive: Archive, content: bytes) -> None:
    key = archive.store("m1", "medium.json", content, "record-1")["key"]
    assert archive.compare().problems == (f"{key} is no record of medium 'm1'",)


def test_a_missing_piece_is_named(archive: Archive) -> None:
    del archive.objects[1]
    del archive.rows[1]
    (problem,) = archive.compare().problems
    assert problem == "medium m1 is COMPLETED and 1 of its pieces are not in the bucket as served"


def test_a_medium_that_only_the_report_calls_completed_must_be_there_too(archive: Archive) -> None:
    archive.serve("m3", b"never copied")
    problems = archive.compare(reported=["m3"]).problems
    assert "medium m3 is COMPLETED without any archived piece" in problems
    assert any("m3" in problem and "not in the bucket as served" in problem for problem in problems)


def test_an_object_that_is_gone_is_named_though_the_tracker_has_it(archive: Archive) -> None:
    key = archive.objects.pop(2).key
    assert f"{key} is COMPLETED in the tracker and not in the bucket" in archive.compare().problems


def test_what_is_served_beside_the_originals_may_be_archived_once(archive: Archive) -> None:
    archive.store("m2", "GOPR0002.gpmf.mp4", b"telemetry")
    key = archive.objects[-1].key
    named = f"{key} is no piece that the library serves for medium 'm2', or a second copy"
    assert archive.compare().problems == (named,)
    archive.further = [Served(fingerprint(archive.objects[-1].path), required=False)]
    assert archive.compare().equal
    archive.store("m2", "again.gpmf.mp4", b"telemetry")
    assert len(archive.compare().problems) == 1


@pytest.mark.verifies("pipeline.compared")
def test_altered_bytes_of_the_same_length_are_named(archive: Archive) -> None:
    archive.objects[2].path.write_bytes(b"phot0")
    problems = archive.compare().problems
    assert any("CRC64NVME" in problem for problem in problems)
    assert any("is no piece that the library serves" in problem for problem in problems)


def test_wrong_bytes_that_the_tracker_believes_are_named(archive: Archive) -> None:
    archive.objects.pop()
    archive.rows = [row for row in archive.rows if row["media_id"] != "m2"]
    archive.store("m2", "GOPR0002.JPG", b"another photo")
    archive.finish("m2")
    problems = archive.compare().problems
    assert any("GOPR0002.JPG is no piece" in problem for problem in problems)
    assert any("medium m2 is COMPLETED and 1 of its pieces" in problem for problem in problems)


@pytest.mark.verifies("pipeline.compared")
def test_a_second_copy_is_named(archive: Archive) -> None:
    archive.store("m2", "GOPR0002-again.JPG", b"photo")
    (problem,) = archive.compare().problems
    assert problem.startswith("gopro-videos/2024/05/m2/GOPR0002-again.JPG is no piece")


def test_two_pieces_with_the_same_content_need_two_objects(archive: Archive) -> None:
    archive.serve("m4", b"", b"")
    archive.store("m4", "a", b"")
    archive.finish("m4")
    assert not archive.compare().equal
    archive.store("m4", "b", b"")
    assert archive.compare().equal


def test_an_object_that_belongs_to_nothing_is_named(archive: Archive) -> None:
    stray = archive.folder / "stray"
    stray.write_bytes(b"stray")
    archive.objects.append(Item(stray, "gopro-videos/stray"))
    problems = archive.compare().problems
    assert "gopro-videos/stray is in the bucket and not in the tracker" in problems
    assert any("gopro-videos/stray is no piece" in problem for problem in problems)


def test_the_right_content_under_the_wrong_medium_is_named(archive: Archive) -> None:
    archive.serve("m5", b"photo")
    archive.library["m2"] = []
    assert any("for medium 'm2'" in problem for problem in archive.compare().problems)


def test_an_unfinished_medium_may_lack_pieces_and_hold_only_right_ones(archive: Archive) -> None:
    archive.serve("m6", b"one", b"two")
    archive.store("m6", "GX010006.MP4", b"one")
    archive.finish("m6", "FAILED")
    assert archive.compare().equal
    archive.objects[-1].path.write_bytes(b"oen")
    assert not archive.compare().equal


def test_a_medium_that_gopro_has_deleted_needs_no_object(archive: Archive) -> None:
    archive.finish("m7", note="source_deleted")
    assert archive.compare().equal


def test_a_medium_that_is_called_not_ready_while_the_library_serves_it_is_named(archive: Archive) -> None:
    archive.finish("m8", "NOT_READY")
    assert archive.compare().equal
    archive.serve("m8", b"ready after all")
    assert archive.compare().problems == ("medium m8 is NOT_READY, and the library serves it",)


def test_a_medium_that_is_called_deleted_while_the_library_serves_it_is_named(archive: Archive) -> None:
    archive.serve("m7", b"still there")
    archive.finish("m7", note="source_deleted")
    assert archive.compare().problems == ("medium m7 is COMPLETED and 1 of its pieces are not in the bucket as served",)


def test_against_a_server_not_ours_size_and_checksum_of_the_transfer_decide(archive: Archive) -> None:
    archive.library = {}
    comparison = archive.compare(remote=True)
    assert (comparison.by, comparison.equal) == ("checksum", True)
    archive.objects[0].path.write_bytes(b"chapter 0ne")
    archive.objects[1].path.write_bytes(b"chapter")
    problems = archive.compare(remote=True).problems
    assert len(problems) == 2
    assert "GX010001.MP4 has the CRC64NVME" in problems[0]
    assert "GX020001.MP4 has 7 bytes, the tracker says 11" in problems[1]


@pytest.mark.parametrize("fact", ["size", "crc64nvme"])
def test_a_completed_piece_without_size_or_checksum_is_no_proof(archive: Archive, fact: str) -> None:
    del archive.rows[0][fact]
    assert not archive.compare(remote=True).equal


def test_an_object_whose_piece_is_not_archived_yet_was_compared_with_nothing(archive: Archive) -> None:
    archive.store("m9", "GX010009.MP4", b"visible before its row")["status"] = "IN_PROGRESS"
    assert (archive.compare(remote=True).objects, archive.compare(remote=True).equal) == (3, True)


# What a kept account was compared with before


class Kept:
    """An account that is kept: every comparison is another invocation's."""

    def __init__(self, archive: Archive, store: Store) -> None:
        self._archive = archive
        self._store = store
        self.compare()

    def compare(self, *, remote: bool = True) -> Comparison:
        recollection = Recollection(ComparedObjects(self._store))
        return self._archive.compare(remote=remote, recollection=recollection)

    def spoil_unseen(self, number: int) -> None:
        """Change the bytes of an object so that nobody can see it without reading."""
        path = self._archive.objects[number].path
        before, size = path.stat(), path.stat().st_size
        path.write_bytes(b"!" * size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def kept(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with closing(Store(tmp_path_factory.mktemp("state") / "f")) as store:
        yield Kept(archive, store)


def earlier(comparison: Comparison) -> tuple[int, int]:
    return comparison.earlier_objects, comparison.earlier_media


@pytest.mark.verifies("state.compared")
def test_what_was_compared_is_not_read_again(archive: Archive, kept: Kept) -> None:
    assert earlier(archive.compare(remote=True)) == (0, 0)
    for number in range(3):
        kept.spoil_unseen(number)
    comparison = kept.compare()
    assert (comparison.objects, comparison.media, comparison.equal) == (3, 2, True)
    assert earlier(comparison) == (3, 2)
    assert not archive.compare(remote=True).equal


@pytest.mark.verifies("state.compared")
def test_only_what_is_new_is_read(archive: Archive, kept: Kept) -> None:
    archive.store("m1", "GX030001.MP4", b"a chapter that came later")
    archive.store("m4", "GOPR0004.JPG", b"another photo")
    archive.finish("m4")
    comparison = kept.compare()
    assert (comparison.objects, comparison.media, comparison.equal) == (5, 3, True)
    assert earlier(comparison) == (3, 1)
    assert earlier(kept.compare()) == (5, 3)


@pytest.mark.verifies("state.compared")
def test_a_file_that_was_touched_is_read_again(archive: Archive, kept: Kept) -> None:
    path, before = archive.objects[0].path, archive.objects[0].path.stat()
    path.write_bytes(b"chapter 0ne")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    (problem,) = kept.compare().problems
    assert "GX010001.MP4 has the CRC64NVME" in problem
    assert kept.compare().problems == (problem,)


@pytest.mark.verifies("state.compared")
def test_a_file_of_another_size_or_name_is_read_again(archive: Archive, kept: Kept) -> None:
    shorter, before = archive.objects[0].path, archive.objects[0].path.stat()
    shorter.write_bytes(b"chapter")
    os.utime(shorter, ns=(before.st_atime_ns, before.st_mtime_ns))
    moved = archive.objects[1].path.rename(archive.folder / "elsewhere")
    archive.objects[1] = Item(moved, archive.objects[1].key, archive.objects[1].metadata)
    comparison = kept.compare()
    assert len(comparison.problems) == 1
    assert comparison.earlier_objects == 1


@pytest.mark.verifies("state.compared")
def test_what_was_read_is_compared_with_the_tracker_of_today(archive: Archive, kept: Kept) -> None:
    archive.rows[0]["crc64nvme"] = "AAAAAAAAAAA="
    (problem,) = kept.compare().problems
    assert "GX010001.MP4 has the CRC64NVME" in problem


def test_what_was_read_is_compared_with_the_library_of_today(archive: Archive, kept: Kept) -> None:
    archive.serve("m2", b"another photo")
    assert any("is no piece that the library serves" in each for each in kept.compare(remote=False).problems)


@pytest.mark.verifies("state.compared")
def test_what_differed_is_not_remembered(archive: Archive, kept: Kept) -> None:
    archive.store("m4", "GOPR0004.JPG", b"photo")["size"] = 7
    archive.finish("m4")
    assert not kept.compare().equal
    archive.rows[-2]["size"] = 5
    comparison = kept.compare()
    assert comparison.equal
    assert earlier(comparison) == (3, 2)


def test_an_object_that_has_gone_is_no_longer_counted(archive: Archive, kept: Kept) -> None:
    key = archive.objects.pop().key
    comparison = kept.compare()
    assert comparison.problems[0] == f"{key} is COMPLETED in the tracker and not in the bucket"
    assert earlier(comparison) == (2, 1)


def test_a_fingerprint_is_the_known_one(tmp_path: Path) -> None:
    # CRC-64/NVME's check value of "123456789" is ae8b14860a799888 (catalogue of parametrised CRC algorithms).
    (tmp_path / "file").write_bytes(b"123456789")
    found = fingerprint(tmp_path / "file")
    assert found.size == 9
    assert base64.b64decode(found.crc64nvme).hex() == "ae8b14860a799888"
    assert found.sha256 == "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
