"""``bucket/`` of ``--state``: the archive as plain files, which cost no space and are nobody else's to lose."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.run.kept_files import keep_files


@dataclass(frozen=True)
class Stored:
    """An object of the bucket."""

    key: str
    path: Path


@pytest.fixture
def photo(tmp_path: Path) -> Stored:
    (tmp_path / "content").write_bytes(b"photo")
    return Stored("gopro-videos/2024/05/m2/GOPR0002.JPG", tmp_path / "content")


@pytest.mark.verifies("state.files")
def test_an_object_is_a_file_under_its_key_without_taking_space(tmp_path: Path, photo: Stored) -> None:
    kept = keep_files(tmp_path / "bucket", [photo])
    assert (tmp_path / "bucket" / photo.key).samefile(photo.path)
    assert (kept.files, kept.missing) == (1, ())
    assert kept.line() == f"Files: {tmp_path / 'bucket'} (objects as files: 1)"


@pytest.mark.verifies("state.files")
def test_the_archive_cannot_be_written_through_a_file(tmp_path: Path, photo: Stored) -> None:
    keep_files(tmp_path / "bucket", [photo])
    assert stat.S_IMODE(photo.path.stat().st_mode) & 0o222 == 0


@pytest.mark.verifies("state.files")
def test_only_what_is_missing_is_added(tmp_path: Path, photo: Stored) -> None:
    target = tmp_path / "bucket" / photo.key
    target.parent.mkdir(parents=True)
    target.write_bytes(b"a person's own version")
    (tmp_path / "more").write_bytes(b"more")
    more = Stored("gopro-videos/2024/06/m3/GOPR0003.JPG", tmp_path / "more")
    for _ in range(2):
        assert keep_files(tmp_path / "bucket", [photo, more]).files == 2
    assert target.read_bytes() == b"a person's own version"
    assert (tmp_path / "bucket" / more.key).read_bytes() == b"more"


@pytest.mark.verifies("state.files")
def test_a_disk_without_links_gets_no_copies_and_says_how_to_get_them(
    tmp_path: Path, photo: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    kept = keep_files(tmp_path / "bucket", [photo])
    assert [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()] == []
    assert "1 are not there, copy them with --out DIR" in kept.line()
    assert "Operation not permitted" in kept.line()


@pytest.mark.parametrize("key", ["../outside", "a//b", "a/" + "x" * 300])
def test_a_key_that_no_file_can_have_is_told_and_the_others_are_there(tmp_path: Path, photo: Stored, key: str) -> None:
    kept = keep_files(tmp_path / "bucket", [Stored(key, photo.path), photo])
    assert (kept.files, len(kept.missing)) == (1, 1)
    assert not (tmp_path / "outside").exists()
