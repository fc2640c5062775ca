"""``medium.json``: everything worth keeping, nothing secret, always the same bytes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.rules.record import has_hilights, medium_record, parse_hilights, record_piece

OWNER = "7d9c8a10-0000-4000-8000-c4n4ryowner1"
ANSWER: dict[str, Any] = {
    "id": "m1",
    "filename": "GX010042.MP4",
    "content_title": "Été à Nîmes",
    "content_description": "with Ana, see https://example.com/a?b=c4n4ryquery",
    "tags": ["surf", "2024"],
    "captured_at": "2024-03-09T10:11:12Z",
    "camera_model": "HERO12 Black",
    "item_durations": [1000, 2000],
    "moments_count": 2,
    "source_gumi": "0123456789abcdef0123456789abcdef",
    "location": {"lat": 43.83, "lon": 4.36},
    "music_track_name": None,
    "token": "eyJc4n4ry0000.c4n4ry",
    "gopro_user_id": OWNER,
    "user_id": OWNER,
    "folder_path": f"{OWNER}/m1/",
    "new_thing": {"thumbnail_url": "https://c4n4ry.gopro.com/x", "deep": [{"upload_token": "c4n4ry", "kept": 1}]},
    "unlabelled": "https://media.gopro.com/c4n4ry.jpg?Signature=c4n4ry",
    "note": f"of {OWNER} eyJhbGciOi.c4n4ry",
}


def kept(answer: dict[str, Any] | None = None) -> Any:
    return json.loads(medium_record(answer or ANSWER, [20, 10]))


def test_what_the_owner_would_lose_is_kept_whatever_gopro_calls_it() -> None:
    medium = kept()["medium"]
    for name in ("content_title", "tags", "captured_at", "item_durations", "source_gumi", "location", "moments_count"):
        assert medium[name] == ANSWER[name]
    assert medium["music_track_name"] is None
    assert medium["new_thing"] == {"deep": [{"kept": 1}]}
    assert kept()["hilights_ms"] == [10, 20]


def test_no_secret_no_address_and_no_account_is_kept() -> None:
    text = medium_record(ANSWER, []).decode()
    assert "c4n4ry" not in text
    assert "eyJ" not in text
    assert OWNER not in text
    assert kept()["medium"]["content_description"].startswith("with Ana, see https://example.com/a?")
    assert kept()["medium"]["unlabelled"] is None
    assert not {"token", "user_id", "gopro_user_id", "folder_path"} & set(kept()["medium"])


def test_the_same_answer_in_another_order_is_the_same_bytes() -> None:
    names = list(ANSWER)
    random.Random(3).shuffle(names)  # noqa: S311 - any disorder
    assert medium_record({name: ANSWER[name] for name in names}, [10, 20]) == medium_record(ANSWER, [20, 10])
    assert medium_record(ANSWER, [10]) != medium_record(ANSWER, [10, 20]) != medium_record(ANSWER, None)


def test_a_person_can_read_it() -> None:
    text = medium_record(ANSWER, []).decode()
    assert '\n    "content_title": "Été à Nîmes",\n' in text
    assert text.endswith("}\n")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(), max_size=9), st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=9), JSON, max_size=5))
def test_any_answer_becomes_json_that_others_can_read(answer: dict[str, Any]) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    document = json.loads(medium_record(answer, None).decode("utf-8"), parse_constant=refuse)
    assert set(document) == {"schema", "medium", "hilights_ms"}
    assert medium_record(answer, None) == medium_record(answer, None)


def test_an_answer_nested_without_end_has_one() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    assert len(medium_record({"deep": deep}, None)) < 2_000


@pytest.mark.parametrize(
    ("payload", "times"),
    [
        ({"_embedded": {"moments": [{"id": "x", "time": 1200}, {"time": "30"}, {"time": None}, "odd"]}}, [1200, 30]),
        ({"_embedded": {"moments": []}}, []),
        ({"_embedded": {}}, None),
        ([], None),
        (None, None),
    ],
)
def test_hilights_are_times_and_an_unknown_shape_is_not_taken_for_none(payload: Any, times: list[int] | None) -> None:
    assert parse_hilights(payload) == times


@pytest.mark.parametrize(("count", "asked"), [(2, True), ("3", True), (0, False), (None, False), ("x", False)])
def test_hilights_are_asked_for_where_there_are_some(count: Any, asked: bool) -> None:
    assert has_hilights({"moments_count": count}) is asked


def test_the_record_is_a_piece_that_the_medium_is_complete_without() -> None:
    piece = record_piece()
    assert (piece.piece_id, piece.label, piece.quality, piece.filename) == (
        "record-1",
        "record",
        "record",
        "medium.json",
    )
    assert piece.is_extra
