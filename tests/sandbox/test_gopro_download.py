"""``/media/{id}/download``: the shapes that a client has to tell apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.gopro import GoProServer, Library, SimMedium
from tests.sandbox.gopro_client import Client, medium, piece


def labels(entries: list[dict[str, object]]) -> list[object]:
    return [entry.get("label") for entry in entries]


def embedded(one: SimMedium) -> dict[str, list[dict[str, object]]]:
    with GoProServer(Library((one,))) as server:
        return Client(server).embedded(one.media_id)


def video(root: Path) -> SimMedium:
    names = ("source", "high_res_proxy_mp4", "edit_proxy", "gpmf")
    return medium("video", [piece(root, name) for name in names], extra={"width": 3840, "height": 3360})


def test_a_videos_first_file_is_a_proxy_and_its_source_is_not_the_first_variation(tmp_path: Path) -> None:
    found = embedded(video(tmp_path))
    assert labels(found["variations"]) == ["edit_proxy", "source", "high_res_proxy_mp4"]
    assert "/high_res_proxy_mp4/default/1.mp4?" in str(found["files"][0]["url"])
    assert labels(found["sidecar_files"]) == ["gpmf"]
    assert found["sprites"] == []


@pytest.mark.verifies("gopro.api")
def test_an_entry_has_two_urls_and_neither_size_nor_checksum(tmp_path: Path) -> None:
    source = embedded(video(tmp_path))["variations"][1]
    assert source["url"] != source["head"]
    assert str(source["url"]).split("?")[0] == str(source["head"]).split("?")[0]
    assert {name: source[name] for name in ("type", "item_number", "camera_position", "available", "width")} == {
        "type": "mp4",
        "item_number": 1,
        "camera_position": "default",
        "available": True,
        "width": 3840,
    }
    assert not {"size", "file_size", "checksum", "md5"} & set(source)


@pytest.mark.verifies("gopro.api")
def test_labels_narrow_the_variations(tmp_path: Path) -> None:
    with GoProServer(Library((video(tmp_path),))) as server:
        found = Client(server).json("/media/video/download", labels="source,large")
    assert labels(found["_embedded"]["variations"]) == ["source"]
    assert found["filename"] == "video.MP4"


def test_a_photos_file_is_the_original_and_its_raw_is_a_side_file(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, "source", extension="jpg"), piece(tmp_path, "raw_photo", extension="gpr")]
    found = embedded(medium("photo", [*pieces, piece(tmp_path, "large", extension="jpg")], type="Photo"))
    assert "/source/default/1.jpg?" in str(found["files"][0]["url"])
    assert labels(found["variations"]) == ["source", "large"]
    assert labels(found["sidecar_files"]) == ["raw_photo"]


def test_each_chapter_is_a_source_of_its_own(tmp_path: Path) -> None:
    chapters = [piece(tmp_path, "source", number) for number in (1, 2, 3)]
    found = embedded(medium("long", [*reversed(chapters), piece(tmp_path, "edit_proxy")]))
    sources = [entry for entry in found["variations"] if entry["label"] == "source"]
    assert [entry["item_number"] for entry in sources] == [1, 2, 3]
    assert len(found["files"]) == 1


def test_chapters_without_numbers_are_told_apart_by_their_urls_only(tmp_path: Path) -> None:
    chapters = [piece(tmp_path, "source", number) for number in (1, 2)]
    found = embedded(medium("long", chapters, numbered=False))
    assert all("item_number" not in entry for entry in found["variations"])
    paths = [str(entry["url"]).split("?")[0] for entry in found["variations"]]
    assert [path[-21:] for path in paths] == ["/source/default/1.mp4", "/source/default/2.mp4"]


def test_a_bursts_frames_are_all_in_files_and_its_source_is_only_the_cover(tmp_path: Path) -> None:
    frames = [piece(tmp_path, "source", number, "jpg") for number in range(1, 6)]
    found = embedded(medium("burst", [*frames, piece(tmp_path, "zip", extension="zip")], type="Burst"))
    assert [entry["item_number"] for entry in found["files"]] == [1, 2, 3, 4, 5]
    assert [(entry["label"], entry["item_number"]) for entry in found["variations"]] == [("source", 1)]
    assert labels(found["sidecar_files"]) == ["zip"]


def test_an_edit_has_a_baked_source_and_no_name(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, "baked_source"), piece(tmp_path, "edl_mce", extension="json")]
    one = medium("edit", pieces, type="MultiClipEdit", filename="", file_size=None, file_extension="json")
    with GoProServer(Library((one,))) as server:
        found = Client(server).json("/media/edit/download")
    assert found["filename"] == ""
    assert labels(found["_embedded"]["variations"]) == ["baked_source"]
    assert labels(found["_embedded"]["sidecar_files"]) == ["edl_mce"]


def test_what_is_not_available_yet_says_so_and_has_no_bytes(tmp_path: Path) -> None:
    waiting = replace(piece(tmp_path, "high_res_proxy_mp4"), available=False)
    one = medium("fresh", [piece(tmp_path, "source"), waiting], ready_to_view="transcoding")
    with GoProServer(Library((one,))) as server:
        client = Client(server)
        source, proxy = client.embedded("fresh")["variations"]
        assert (source["available"], proxy["available"]) == (True, False)
        assert client.fetch(source["url"]).status_code == 200
        assert client.fetch(proxy["url"]).status_code == 404


def test_a_failed_medium_may_have_proxies_only(tmp_path: Path) -> None:
    found = embedded(medium("broken", [piece(tmp_path, "edit_proxy")], ready_to_view="failure"))
    assert labels(found["variations"]) == ["edit_proxy"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["raw_photo", "source"]),
        ({"deleted": True}, []),
        ({"ready_to_view": "uploading"}, []),
        ({"ready_to_view": "failure"}, ["raw_photo", "source"]),
    ],
)
def test_a_faithful_copy_brings_originals_of_what_is_there(
    tmp_path: Path, changes: dict[str, object], expected: list[str]
) -> None:
    pieces = [piece(tmp_path, name) for name in ("source", "raw_photo", "high_res_proxy_mp4", "gpmf")]
    library = Library((medium("one", pieces, **changes),))
    assert [one.label for one in library.served("one")] == expected


def test_a_faithful_copy_brings_the_proxy_only_when_there_is_no_original(tmp_path: Path) -> None:
    library = Library((medium("one", [piece(tmp_path, "high_res_proxy_mp4"), piece(tmp_path, "edit_proxy")]),))
    assert [one.label for one in library.served("one")] == ["high_res_proxy_mp4"]


def test_a_faithful_copy_waits_for_an_original_and_leaves_out_what_the_cdn_lost(tmp_path: Path) -> None:
    first, second = piece(tmp_path, "source", 1), piece(tmp_path, "source", 2)
    waiting = Library((medium("one", [first, replace(second, available=False)]),))
    lost = Library((medium("one", [first, replace(second, cdn_deleted=True)]),))
    assert waiting.served("one") == []
    assert lost.served("one") == [first]
