"""``--out`` never touches what is not ours, and no object key leads out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.run.errors import SandboxError, UsageError
from sandbox.run.out_folder import MARKER, out_folder, place


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    with out_folder(tmp_path / "a" / "b") as folder:
        assert (folder / MARKER).exists()


def test_a_folder_of_ours_is_emptied(tmp_path: Path) -> None:
    with out_folder(tmp_path / "out") as folder:
        (folder / "report.json").write_text("old")
        (folder / "bucket" / "deep").mkdir(parents=True)
        (folder / "bucket" / "deep" / "file").write_text("old")
    with out_folder(tmp_path / "out") as folder:
        assert [entry.name for entry in folder.iterdir()] == [MARKER]


@pytest.mark.parametrize("name", ["holiday.mp4", "report.json", "bucket"])
def test_a_folder_without_our_marker_is_refused_untouched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(UsageError, match="not ours"), out_folder(tmp_path):
        pass
    assert (tmp_path / name).read_text() == "precious"
    assert not (tmp_path / MARKER).exists()


def test_a_file_that_was_put_into_our_folder_is_refused_untouched(tmp_path: Path) -> None:
    with out_folder(tmp_path / "out") as folder:
        (folder / "report.json").write_text("old")
    (tmp_path / "out" / "notes.txt").write_text("precious")
    with pytest.raises(UsageError, match=r"notes\.txt"), out_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "report.json").exists()


def test_a_link_in_our_folder_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("precious")
    with out_folder(tmp_path / "out") as folder:
        (folder / "bucket").symlink_to(tmp_path / "elsewhere")
    with out_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "elsewhere" / "file").read_text() == "precious"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="is a file"), out_folder(tmp_path / "out"):
        pass


def test_a_file_in_place_of_a_parent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(UsageError, match="is a file"), out_folder(tmp_path / "file" / "out"):
        pass


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    with (
        out_folder(tmp_path / "out"),
        pytest.raises(SandboxError, match="in use"),
        out_folder(tmp_path / "out"),
    ):
        pass


def test_an_object_is_linked_to_its_key(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(b"bytes")
    target = place(content, tmp_path / "bucket", "gopro-videos/2024/05/id/GX01~0001.MP4")
    assert target == tmp_path / "bucket" / "gopro-videos" / "2024" / "05" / "id" / "GX01~0001.MP4"
    assert target.read_bytes() == b"bytes"
    assert target.samefile(content)


def test_an_object_is_copied_where_it_cannot_be_linked(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(b"bytes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", _refuse)
        target = place(content, tmp_path / "bucket", "key")
    assert target.read_bytes() == b"bytes"
    assert not target.samefile(content)


def _refuse(*_: object) -> None:
    raise OSError(18, "Invalid cross-device link")


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/x", "a//b", "a/./b", "..", ".", "", "a/", "a\0b"])
def test_a_key_that_would_lead_elsewhere_is_refused(tmp_path: Path, key: str) -> None:
    content = tmp_path / "content"
    content.write_bytes(b"bytes")
    with pytest.raises(SandboxError, match="cannot be written"):
        place(content, tmp_path / "bucket", key)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["content"]


def test_two_keys_that_no_file_system_can_hold_side_by_side_are_refused(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(b"bytes")
    place(content, tmp_path / "bucket", "a")
    for key in ("a", "a/b", "x" * 300):
        with pytest.raises(SandboxError, match="cannot be written"):
            place(content, tmp_path / "bucket", key)
