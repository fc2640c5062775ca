"""What GoPro makes of an original: copied where it is wanted and there, under a name of its own, never waited for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import NoOriginal
from cloud_sync_common.rules.extra_pieces import ALLOWED, DEFAULT, extra_name
from cloud_sync_common.rules.naming import object_key
from cloud_sync_common.rules.pieces import resolve
from tests.unit.test_pieces import PROXIES, SIDE_FILES, answer, entry, frame, ids, medium, names

FILM = {"camera_model": "HERO12 Black"}


def test_telemetry_and_track_have_names_of_their_own_and_say_what_they_are() -> None:
    resolution = resolve(medium(), answer(*PROXIES, entry("source"), sidecars=SIDE_FILES), DEFAULT)
    assert names(resolution.pieces) == ["GX010042.MP4", "GX010042.gpmf.mp4", "GX010042.gpx"]
    assert ids(resolution.pieces) == ["source-1", "gpmf-1", "gpx-1"]
    assert [piece.quality for piece in resolution.pieces] == ["source", "gpmf", "gpx"]
    assert [piece.is_extra for piece in resolution.pieces] == [False, True, True]


def test_only_what_is_wanted_is_copied() -> None:
    offered = answer(*PROXIES, entry("source"), sidecars=SIDE_FILES)
    assert ids(resolve(medium(), offered).pieces) == ["source-1"]
    assert ids(resolve(medium(), offered, ["gpx"]).pieces) == ["source-1", "gpx-1"]
    assert ids(resolve(medium(), offered, ["zip", "antishake"]).pieces) == ["source-1"]


def test_every_label_that_may_be_chosen_has_a_name_that_says_what_it_is() -> None:
    labels = sorted(ALLOWED - {"raw_photo"})
    offered = answer(entry("source"), *(entry(label, type="") for label in labels))
    pieces = resolve(medium(), offered, ALLOWED).pieces
    assert dict(zip((piece.label for piece in pieces), names(pieces), strict=True)) == {
        "source": "GX010042.MP4",
        "audio_proxy": "GX010042.audio_proxy.m4a",
        "concat": "GX010042.concat.mp4",
        "edit_proxy": "GX010042.edit_proxy.mp4",
        "edl_mce": "GX010042.edl_mce.json",
        "gpmf": "GX010042.gpmf.mp4",
        "gpx": "GX010042.gpx",
        "high_res_proxy_mp4": "GX010042.high_res_proxy.mp4",
        "large": "GX010042.large.jpg",
        "mediainfo": "GX010042.mediainfo.json",
        "medium": "GX010042.medium.jpg",
        "mp4_low": "GX010042.mp4_low.mp4",
        "timelapse_video": "GX010042.timelapse_video.mp4",
    }


def test_files_of_chapters_and_frames_are_named_after_theirs() -> None:
    chapters = [entry("source", number) for number in (2, 1)]
    tracks = [entry("gpx", number, type="gpx") for number in (2, 1)]
    pieces = resolve(medium(item_count=2), answer(*chapters, sidecars=tracks), ["gpx"]).pieces
    assert names(pieces) == ["GX010042.MP4", "GX020042.MP4", "GX010042.gpx", "GX020042.gpx"]
    burst = medium("G0020191.JPG", type="Burst", item_count=2)
    thumbnails = [entry("large", number, type="jpg") for number in (1, 2)]
    pieces = resolve(burst, answer(*thumbnails, files=[frame(1), frame(2)]), ["large"]).pieces
    assert names(pieces)[2:] == ["G0020191.large.jpg", "G0020192.large.jpg"]


@pytest.mark.parametrize("kind", ["../../etc", "MP4 ", "", "a/b", "x" * 9])
def test_an_odd_format_is_not_taken_into_the_name(kind: str) -> None:
    assert extra_name("GX010042.MP4", "gpmf", kind) == "GX010042.gpmf.mp4"


def test_what_is_offered_and_not_available_yet_is_absent_and_keeps_nothing_waiting() -> None:
    late = entry("gpx", type="gpx", available=False)
    resolution = resolve(medium(), answer(entry("source"), sidecars=[late]), DEFAULT)
    assert (ids(resolution.pieces), resolution.absent, resolution.not_ready) == (["source-1"], ("gpx-1",), None)


def test_the_telemetry_of_a_later_chapter_is_waited_for_though_the_first_ones_is_there() -> None:
    telemetry = [entry("gpmf", 1, type="mp4"), entry("gpmf", 2, type="mp4", available=False)]
    chapters = [entry("source", 1), entry("source", 2)]
    resolution = resolve(medium(item_count=2), answer(*chapters, sidecars=telemetry), ["gpmf"])
    assert (ids(resolution.pieces), resolution.absent) == (["source-1", "source-2", "gpmf-1"], ("gpmf-2",))


@pytest.mark.parametrize(
    ("fields", "absent"),
    [
        (FILM, ("gpmf-1", "gpx-1")),
        ({**FILM, "filename": "GS010042.360"}, ("gpmf-1", "gpx-1")),
        ({**FILM, "type": "TimeLapseVideo"}, ("gpmf-1", "gpx-1")),
        ({"camera_model": None}, ()),
        ({**FILM, "filename": "GOPR0001.JPG", "type": "Photo"}, ()),
        ({**FILM, "filename": "R.WAV", "type": "Audio"}, ()),
    ],
)
def test_what_gopro_makes_late_is_looked_for_where_it_can_come(fields: dict[str, Any], absent: tuple[str, ...]) -> None:
    one = medium(**fields)
    kind = one.filename.rpartition(".")[2].lower()
    assert resolve(one, answer(entry("source", type=kind)), DEFAULT).absent == absent
    assert resolve(one, answer(entry("source", type=kind)), []).absent == ()


def test_the_edit_list_of_an_edit_is_looked_for_and_no_telemetry() -> None:
    edit = medium("", type="MultiClipEdit", file_extension="json", **FILM)
    assert resolve(edit, answer(entry("baked_source")), DEFAULT).absent == ("edl_mce-1",)
    with_list = resolve(edit, answer(entry("baked_source"), sidecars=[entry("edl_mce", type="json")]), DEFAULT)
    assert (names(with_list.pieces), with_list.absent) == (["m1.mp4", "m1.edl_mce.json"], ())


def test_the_proxy_in_an_originals_place_is_one_piece_even_where_proxies_are_wanted() -> None:
    resolution = resolve(medium(), answer(*PROXIES), ["high_res_proxy_mp4", "edit_proxy"])
    assert ids(resolution.pieces) == ["high_res_proxy_mp4-1", "edit_proxy-1"]
    assert [piece.is_extra for piece in resolution.pieces] == [False, True]
    with_source = resolve(medium(), answer(entry("source"), *PROXIES), ["high_res_proxy_mp4"])
    assert names(with_source.pieces)[1] == names(resolution.pieces)[0]


def test_extra_files_are_no_reason_to_call_a_medium_whole() -> None:
    with pytest.raises(NoOriginal):
        resolve(medium(), answer(entry("mp4_low"), sidecars=SIDE_FILES), ALLOWED)
    waiting = resolve(medium(item_count=2), answer(entry("source"), sidecars=SIDE_FILES), ALLOWED)
    assert (waiting.pieces, waiting.absent) == ((), ())


OFFERS = st.lists(st.tuples(st.sampled_from(sorted(ALLOWED)), st.integers(1, 4), st.booleans()), max_size=12)


@given(OFFERS, st.sampled_from(["GX010042.MP4", "", "medium.mp4", "GX010042.gpx", "CON", "a/b.MP4", "x" * 300]))
def test_all_files_of_a_medium_have_keys_of_their_own_and_originals_come_first(
    offers: list[tuple[str, int, bool]], filename: str
) -> None:
    one = medium(filename, item_count=None)
    offered = [entry(label, number, available=there) for label, number, there in offers if label != "raw_photo"]
    resolution = resolve(one, answer(entry("source"), *offered), ALLOWED)
    keys = [object_key(one, piece).casefold() for piece in resolution.pieces]
    assert len(set(keys)) == len({piece.piece_id for piece in resolution.pieces}) == len(keys)
    assert [piece.is_extra for piece in resolution.pieces] == [False, *[True] * (len(keys) - 1)]
    assert resolution.pieces[0].filename == resolve(one, answer(entry("source"))).pieces[0].filename
