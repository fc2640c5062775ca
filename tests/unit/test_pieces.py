"""Which files make up a medium: chosen by label, whole or not at all, never a proxy in silence."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import NoOriginal, SchemaChanged
from cloud_sync_common.models import MediaId, Medium, Piece
from cloud_sync_common.rules.extra_pieces import ALLOWED
from cloud_sync_common.rules.naming import object_key
from cloud_sync_common.rules.piece_names import chapter_name, frame_name, unique
from cloud_sync_common.rules.pieces import resolve

CDN = "https://media-cdn-vod.gopro.com/user/123"


def medium(filename: str = "GX010042.MP4", **fields: Any) -> Medium:
    known: dict[str, Any] = {
        "media_id": MediaId("m1"),
        "file_extension": filename.rpartition(".")[2].lower() if "." in filename else "",
        "file_size": 10,
        "type": "Video",
        "captured_at": "2024-03-09T10:11:12Z",
        "created_at": None,
        "ready_to_view": "ready",
        "item_count": 1,
    }
    return Medium(**{**known, "filename": filename, **fields})


def entry(label: str, number: int | None = 1, *, path_number: int | None = None, **fields: Any) -> dict[str, Any]:
    extension = fields.get("type") or "mp4"
    place = f"{label}/default/{path_number or number or 1}.{extension}"
    item: dict[str, Any] = {"label": label, "type": extension, "url": f"{CDN}/{place}?Signature=u", "available": True}
    item["head"] = f"{CDN}/{place}?Signature=h"
    if number is not None:
        item["item_number"] = number
    return {**item, **fields}


def frame(number: int, **fields: Any) -> dict[str, Any]:
    item = {**entry("files", number, type="jpg"), "type": None, **fields}
    return {key: value for key, value in item.items() if key != "label"}


def answer(
    *variations: dict[str, Any], files: Any = (), sidecars: Any = (), filename: str | None = None
) -> Mapping[str, Any]:
    embedded = {"files": list(files), "variations": list(variations), "sidecar_files": list(sidecars), "sprites": []}
    return {"filename": filename, "_embedded": embedded}


PROXIES = (entry("edit_proxy"), entry("high_res_proxy_mp4"), entry("mp4_low"), entry("audio_proxy", type="m4a"))
SIDE_FILES = (entry("gpmf"), entry("gpx", type="gpx"), entry("mediainfo", type="json"))


def names(pieces: tuple[Piece, ...]) -> list[str]:
    return [piece.filename for piece in pieces]


def ids(pieces: tuple[Piece, ...]) -> list[str]:
    return [piece.piece_id for piece in pieces]


def test_a_video_is_its_source_wherever_it_stands_in_the_list() -> None:
    resolution = resolve(
        medium(), answer(*PROXIES, entry("source"), files=[entry("", path_number=9)], sidecars=SIDE_FILES)
    )
    (piece,) = resolution.pieces
    assert (piece.piece_id, piece.label, piece.quality, piece.position) == ("source-1", "source", "source", 1)
    assert piece.filename == "GX010042.MP4"
    assert piece.url == f"{CDN}/source/default/1.mp4?Signature=u"
    assert piece.head_url == f"{CDN}/source/default/1.mp4?Signature=h"
    assert (resolution.fallback, resolution.not_ready, resolution.warnings) == (False, None, ())


def test_missing_available_means_available_and_an_empty_head_means_none() -> None:
    source = entry("source", head="")
    del source["available"]
    assert resolve(medium(), answer(source)).pieces[0].head_url is None


@pytest.mark.parametrize("extra", [{}, {"item_number": None}, {"item_number": "2"}, {"item_number": 0}])
def test_null_and_odd_item_numbers_of_a_single_source_do_not_matter(extra: dict[str, Any]) -> None:
    source = {**entry("source"), **extra}
    resolution = resolve(medium(item_count=None), answer(source))
    if extra.get("item_number") == "2":
        assert resolution.not_ready == "GoPro offers 1 of 2 files of this medium"
    else:
        assert ids(resolution.pieces) == ["source-1"]


@pytest.mark.parametrize("style", ["field", "text", "zero based", "path"])
def test_chapters_are_told_apart_by_number_or_by_path_and_never_by_order(style: str) -> None:
    chapters = []
    for number in (1, 2, 3, 10, 4, 5, 6, 7, 8, 9):
        field: Any = {"field": number, "text": str(number), "zero based": number - 1, "path": None}[style]
        chapters.append(entry("source", field, path_number=number))
    random.Random(7).shuffle(chapters)  # noqa: S311 - any fixed disorder
    pieces = resolve(medium(item_count=10), answer(*chapters, entry("concat"), *PROXIES)).pieces
    assert ids(pieces) == [f"source-{number}" for number in range(1, 11)]
    assert names(pieces) == [f"GX{number:02d}0042.MP4" for number in range(1, 11)]
    assert [f"/{number}.mp4" in piece.url for number, piece in enumerate(pieces, 1)] == [True] * 10


def test_a_gap_in_the_numbers_of_paths_is_a_missing_chapter() -> None:
    chapters = [entry("source", None, path_number=number) for number in (1, 3)]
    assert "2 of 3" in (resolve(medium(item_count=None), answer(*chapters)).not_ready or "")


def test_chapters_without_any_number_come_in_the_order_listed() -> None:
    chapters = [{"label": "source", "url": f"{CDN}/{letter}?S=1"} for letter in "xyz"]
    pieces = resolve(medium(item_count=3), answer(*chapters)).pieces
    assert [piece.url[len(CDN) + 1] for piece in pieces] == ["x", "y", "z"]


def test_one_file_offered_twice_is_one_piece() -> None:
    again = entry("source", url=f"{CDN}/source/default/1.mp4?Signature=other")
    assert ids(resolve(medium(), answer(entry("source"), again)).pieces) == ["source-1"]


@pytest.mark.parametrize(
    ("item_count", "numbers", "reason"),
    [(3, [1, 2], "2 of 3"), (3, [1, 3], "2 of 3"), (None, [1, 3], "2 of 3"), (2, [2], "1 of 2")],
)
def test_a_recording_with_missing_chapters_is_not_ready(
    item_count: int | None, numbers: list[int], reason: str
) -> None:
    resolution = resolve(medium(item_count=item_count), answer(*(entry("source", number) for number in numbers)))
    assert resolution.pieces == ()
    assert reason in (resolution.not_ready or "")


def test_more_files_than_listed_are_all_copied_and_reported() -> None:
    resolution = resolve(medium(item_count=1), answer(entry("source", 1), entry("source", 2)))
    assert len(resolution.pieces) == 2
    assert len(resolution.warnings) == 1


@pytest.mark.parametrize("missing", [{"available": False}, {"url": ""}, {"url": None}])
def test_an_original_that_is_not_available_yet_makes_the_medium_not_ready(missing: dict[str, Any]) -> None:
    resolution = resolve(medium(item_count=2), answer(entry("source", 1), {**entry("source", 2), **missing}, *PROXIES))
    assert (resolution.pieces, resolution.fallback) == ((), False)
    assert resolution.not_ready == "1 of 2 originals are not available yet"


@pytest.mark.parametrize(
    "state",
    ["registered", "uploading", "pretranscoding", "transcoding", "rendering", "stabilizing", "loading", "processing",
     "updating", "live"],
)  # fmt: skip
def test_a_medium_at_work_is_not_ready_even_if_files_are_offered(state: str) -> None:
    resolution = resolve(medium(ready_to_view=state), answer(entry("source"), *PROXIES))
    assert resolution.pieces == ()
    assert state in (resolution.not_ready or "")


@pytest.mark.parametrize("state", ["failure", "unknown", "hibernating", ""])
def test_originals_are_copied_in_any_final_or_unknown_state(state: str) -> None:
    assert ids(resolve(medium(ready_to_view=state), answer(*PROXIES, entry("source"))).pieces) == ["source-1"]


def test_a_failed_medium_without_original_is_named_and_its_proxy_is_not_taken() -> None:
    for variations in (PROXIES, (*PROXIES, entry("source", available=False))):
        with pytest.raises(NoOriginal):
            resolve(medium(ready_to_view="failure"), answer(*variations))


def test_an_unknown_state_without_original_waits_and_takes_no_proxy() -> None:
    resolution = resolve(medium(ready_to_view="hibernating"), answer(*PROXIES))
    assert resolution.pieces == ()
    assert "hibernating" in (resolution.not_ready or "")


def test_a_proxy_stands_in_under_its_own_name_only_for_a_ready_medium_without_original() -> None:
    resolution = resolve(medium(), answer(*PROXIES, files=[entry("")]))
    (piece,) = resolution.pieces
    assert resolution.fallback
    assert len(resolution.warnings) == 1
    assert (piece.piece_id, piece.quality) == ("high_res_proxy_mp4-1", "high_res_proxy_mp4")
    assert piece.filename == "GX010042.high_res_proxy.mp4"


def test_a_proxy_that_is_not_available_yet_is_waited_for() -> None:
    assert resolve(medium(), answer(entry("high_res_proxy_mp4", available=False))).not_ready


def test_a_ready_medium_with_nothing_but_small_proxies_has_no_original() -> None:
    with pytest.raises(NoOriginal):
        resolve(medium(), answer(entry("mp4_low"), entry("edit_proxy"), files=[entry("")]))


@pytest.mark.parametrize("kind", ["Burst", "Continuous", "TimeLapse", "NightLapse"])
def test_a_group_of_photos_is_every_frame_and_not_its_cover(kind: str) -> None:
    files = [frame(number) for number in (3, 1, 2)]
    group = medium("G0020191.JPG", type=kind, item_count=3)
    pieces = resolve(
        group, answer(entry("source", type="jpg"), files=files, sidecars=[entry("zip", type="zip")])
    ).pieces
    assert ids(pieces) == ["frame-1", "frame-2", "frame-3"]
    assert names(pieces) == ["G0020191.JPG", "G0020192.JPG", "G0020193.JPG"]
    assert {piece.quality for piece in pieces} == {"source"}


@pytest.mark.parametrize("fields", [{"type": "Photo"}, {"type": "Session", "play_as": "multi_shot_photo"}])
def test_several_photos_are_a_group_whatever_the_type_says(fields: dict[str, Any]) -> None:
    pieces = resolve(medium("IMG_7.JPG", item_count=2, **fields), answer(files=[frame(1), frame(2)])).pieces
    assert names(pieces) == ["IMG_7.JPG", "IMG_7-2.JPG"]


def test_frames_without_numbers_are_all_copied() -> None:
    files = [{"url": f"{CDN}/frames/{number}.jpg?S=1"} for number in (191, 192)]
    pieces = resolve(medium("G0020191.JPG", type="Burst", item_count=2), answer(files=files)).pieces
    assert ids(pieces) == ["frame-1", "frame-2"]


def test_a_group_with_fewer_frames_than_listed_is_not_ready() -> None:
    group = medium("G0020191.JPG", type="Burst", item_count=5)
    assert "3 of 5" in (resolve(group, answer(files=[frame(1), frame(2), frame(3)])).not_ready or "")


@pytest.mark.parametrize("item_count", [None, 5])
def test_the_cover_alone_is_no_group(item_count: int | None) -> None:
    group = medium("G0020191.JPG", type="Burst", item_count=item_count)
    assert resolve(group, answer(entry("source", type="jpg"))).not_ready


def test_a_time_lapse_that_is_a_film_is_its_source_and_not_its_proxy_file() -> None:
    film = medium("GX010005.MP4", type="TimeLapse")
    assert ids(resolve(film, answer(entry("source"), *PROXIES, files=[entry("")])).pieces) == ["source-1"]


def test_a_photo_is_its_source_or_else_its_only_file() -> None:
    photo = medium("GOPR0003.JPG", type="Photo")
    assert "/source/" in resolve(photo, answer(entry("source", type="jpg"), files=[frame(1)])).pieces[0].url
    assert "/files/" in resolve(photo, answer(entry("large", type="jpg"), files=[frame(1)])).pieces[0].url


def test_the_raw_of_a_photo_is_an_original_too_where_it_is_wanted() -> None:
    photo = medium("GOPR0003.JPG", type="Photo")
    offered = answer(entry("source", type="jpg"), sidecars=[entry("raw_photo", type="gpr")])
    pieces = resolve(photo, offered, ["raw_photo"]).pieces
    assert ids(pieces) == ["source-1", "raw_photo-1"]
    assert names(pieces) == ["GOPR0003.JPG", "GOPR0003.GPR"]
    assert not any(piece.is_extra for piece in pieces)
    assert ids(resolve(photo, offered).pieces) == ["source-1"]


def test_a_raw_that_is_wanted_and_not_there_yet_is_waited_for() -> None:
    photo = medium("GOPR0003.JPG", type="Photo")
    raw = entry("raw_photo", type="gpr", available=False)
    assert resolve(photo, answer(entry("source", type="jpg"), sidecars=[raw]), ["raw_photo"]).not_ready
    assert resolve(photo, answer(entry("source", type="jpg"), sidecars=[raw])).pieces


def test_the_raws_of_a_burst_are_named_like_their_frames() -> None:
    raws = [entry("raw_photo", number, type="gpr") for number in (2, 1)]
    group = medium("G0020191.jpg", type="Burst", item_count=2)
    pieces = resolve(group, answer(files=[frame(1), frame(2)], sidecars=raws), ["raw_photo"]).pieces
    assert names(pieces) == ["G0020191.jpg", "G0020192.jpg", "G0020191.gpr", "G0020192.gpr"]


@pytest.mark.parametrize("kind", ["MultiClipEdit", "Edit"])
def test_an_edit_is_its_rendered_film_named_from_the_id(kind: str) -> None:
    edit = medium("", type=kind, file_extension="json", file_size=None, item_count=7)
    (piece,) = resolve(edit, answer(entry("baked_source"), *PROXIES, sidecars=[entry("edl_mce", type="json")])).pieces
    assert (piece.piece_id, piece.filename, piece.quality) == ("baked_source-1", "m1.mp4", "source")


def test_an_edit_with_a_name_keeps_its_stem() -> None:
    edit = medium("Holiday.json", type="MultiClipEdit")
    assert names(resolve(edit, answer(entry("baked_source"))).pieces) == ["Holiday.mp4"]


def test_source_and_rendering_of_one_medium_are_both_copied_under_two_names() -> None:
    pieces = resolve(medium(), answer(entry("baked_source"), entry("source"))).pieces
    assert names(pieces) == ["GX010042.MP4", "GX010042.baked_source-1.MP4"]


@pytest.mark.parametrize(
    ("filename", "kind"), [("R.WAV", "Audio"), ("PXL_1.mp4", "ExternalVideo"), ("GHAA0001.MP4", "LoopedVideo"),
                           ("GS010001.360", "Video"), ("X.ABC", "Hologram")],
)  # fmt: skip
def test_every_type_known_or_not_is_copied_by_the_same_rules(filename: str, kind: str) -> None:
    assert names(resolve(medium(filename, type=kind), answer(entry("source"), *PROXIES)).pieces) == [filename]


@pytest.mark.parametrize(
    ("filename", "extension", "answered", "kind", "expected"),
    [
        ("", "MP4", "", "mp4", "m1.MP4"),
        ("", "", "", "mp4", "m1.mp4"),
        ("", "json", "", "mp4", "m1.mp4"),
        ("", "", "GX010042.MP4", "mp4", "GX010042.MP4"),
        ("clip", "mov", "", "mp4", "clip.mov"),
        ("  ", "", "", "", "m1"),
    ],
)
def test_a_missing_name_or_extension_is_made_up_from_what_is_known(
    filename: str, extension: str, answered: str, kind: str, expected: str
) -> None:
    source = {**entry("source"), "type": kind}
    assert names(resolve(medium(filename, file_extension=extension), answer(source, filename=answered)).pieces) == [
        expected
    ]


def test_two_lenses_are_two_pieces() -> None:
    sources = [entry("source", camera_position=lens, url=f"{CDN}/{lens}/1.mp4") for lens in ("front", "back")]
    pieces = resolve(medium(), answer(*sources)).pieces
    assert ids(pieces) == ["source-1-back", "source-1-front"]
    assert names(pieces) == ["GX010042-back.MP4", "GX010042-front.MP4"]


@pytest.mark.parametrize(
    "download",
    [
        None,
        [],
        {},
        {"_embedded": None},
        {"_embedded": {}},
        {"_embedded": {"variations": {}}},
        {"_embedded": {"variations": ["x"]}},
    ],
)
def test_an_answer_of_another_shape_is_a_changed_schema(download: Any) -> None:
    with pytest.raises(SchemaChanged) as change:
        resolve(medium(), download)
    assert "secret" not in str(change.value)


def test_null_lists_are_empty_lists() -> None:
    with pytest.raises(NoOriginal):
        resolve(medium(), {"_embedded": {"files": None, "variations": None, "sidecar_files": None}})


@pytest.mark.parametrize(
    ("first", "number", "expected"),
    [
        ("GH010042.MP4", 3, "GH030042.MP4"),
        ("gx010042.mp4", 2, "gx020042.mp4"),
        ("GS010042.360", 2, "GS020042.360"),
        ("GOPR0042.MP4", 2, "GP010042.MP4"),
        ("GOPR0042.MP4", 3, "GP020042.MP4"),
        ("GP010042.MP4", 2, "GP020042.MP4"),
        ("GX990042.MP4", 2, "GX990042-2.MP4"),
        ("My film.mp4", 2, "My film-2.mp4"),
        ("GX010042", 2, "GX020042"),
    ],
)
def test_chapters_are_named_as_cameras_do(first: str, number: int, expected: str) -> None:
    assert chapter_name(first, number) == expected


@pytest.mark.parametrize(
    ("first", "number", "expected"),
    [
        ("G0020191.JPG", 30, "G0020220.JPG"),
        ("GOPR0003.JPG", 2, "GOPR0004.JPG"),
        ("G0029999.JPG", 2, "G0029999-2.JPG"),
        ("IMG_7.jpg", 2, "IMG_7-2.jpg"),
        ("frame", 2, "frame-2"),
    ],
)
def test_frames_are_named_as_cameras_do(first: str, number: int, expected: str) -> None:
    assert frame_name(first, number) == expected


WISHES = st.lists(st.text(st.sampled_from("aA.-1éE\u0301s\u00df"), max_size=8), max_size=12)


@given(WISHES)
def test_names_within_a_medium_differ_on_any_disk(wished: list[str]) -> None:
    found = unique((f"source-{number}", name) for number, name in enumerate(wished, 1))
    assert len({name.casefold() for name in found}) == len(wished)
    assert found[:1] == wished[:1]


@given(
    st.sampled_from(["GX010042.MP4", "G0020191.JPG", "", "CON", "a/b", "x" * 300]), st.integers(1, 120), st.randoms()
)
def test_any_number_of_files_get_keys_of_their_own_whatever_the_order(
    filename: str, count: int, rng: random.Random
) -> None:
    burst = medium(filename, type="Burst", item_count=count, file_extension="jpg")
    files = [frame(number) for number in range(1, count + 1)]
    in_order = resolve(burst, answer(files=files)).pieces
    rng.shuffle(files)
    assert resolve(burst, answer(files=files)).pieces == in_order
    assert len({object_key(burst, piece).casefold() for piece in in_order}) == count


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {"url": st.one_of(JSON, st.text(max_size=20))},
    optional=dict.fromkeys(("type", "head", "item_number", "camera_position", "available"), JSON)
    | {
        "label": st.sampled_from(["source", "baked_source", "raw_photo", "high_res_proxy_mp4", "gpmf", "gpx", "", None])
    },
)


@given(*[st.lists(ENTRY, max_size=4)] * 3, st.sampled_from(["ready", "failure", "new", "live"]), st.booleans())
def test_whatever_gopro_answers_the_result_is_whole_or_says_why_not(
    variations: list[Any], files: list[Any], sidecars: list[Any], state: str, everything: bool
) -> None:
    one = replace(medium(), ready_to_view=state)
    offered = {"_embedded": {"variations": variations, "files": files, "sidecar_files": sidecars}}
    try:
        resolution = resolve(one, offered, ALLOWED if everything else ())
    except (NoOriginal, SchemaChanged):
        return
    assert bool(resolution.pieces) != bool(resolution.not_ready)
    assert len({piece.piece_id for piece in resolution.pieces}) == len(resolution.pieces)
    assert len({piece.filename.casefold() for piece in resolution.pieces}) == len(resolution.pieces)
    assert all(piece.url for piece in resolution.pieces)


def test_a_burst_is_all_its_frames_whatever_extension_the_listing_gives() -> None:
    frames = [entry("", number, type="jpg") for number in range(1, 6)]
    burst = medium(type="Burst", filename="G0010020.JPG", file_extension="mp4", item_count=None)
    resolution = resolve(burst, answer(entry("source", 1), files=frames))
    assert [piece.piece_id for piece in resolution.pieces] == [f"frame-{number}" for number in range(1, 6)]


def test_an_original_without_url_is_not_available_yet() -> None:
    without = {name: value for name, value in entry("source").items() if name != "url"}
    assert resolve(medium(), answer(without, *PROXIES)).not_ready == "1 of 1 originals are not available yet"


def test_a_later_piece_of_another_kind_has_its_own_extension() -> None:
    resolution = resolve(
        medium(filename="a.jpg", file_extension="jpg", item_count=2),
        answer(entry("source", 1, type="jpg"), entry("source", 2, type="mp4")),
    )
    assert [piece.filename for piece in resolution.pieces] == ["a.jpg", "a-2.mp4"]
