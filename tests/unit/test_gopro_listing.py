"""One page of the listing: everything may be odd, no medium may be lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import SchemaChanged
from cloud_sync_common.models import Medium
from cloud_sync_common.rules.listing_row import FIELDS, parse_medium, parse_page, signature

ROW = {
    "id": "64f0aa11bb22cc33dd44ee55",
    "filename": "GX010042.MP4",
    "file_extension": "mp4",
    "file_size": 136606373,
    "type": "Video",
    "captured_at": "2024-03-09T10:11:12Z",
    "created_at": "2024-03-10T10:11:12Z",
    "ready_to_view": "ready",
    "camera_model": "HERO11 Black",
    "item_count": 2,
    "source_duration": "9280",
    "width": 3840,
    "height": 3360,
    "content_title": None,
    "play_as": "video",
    "reprocessed_at": None,
    "revision_number": 0,
}


def page(*rows: Any, **pages: Any) -> dict[str, Any]:
    return {"_pages": pages, "_embedded": {"media": list(rows), "errors": []}}


def medium(**changes: Any) -> Medium:
    found = parse_medium({**ROW, **changes})
    assert found is not None
    return found


def test_a_full_row_is_read() -> None:
    found = medium()
    assert (found.media_id, found.file_size, found.item_count) == (ROW["id"], 136606373, 2)
    assert (found.source_duration_ms, found.width, found.height, found.revision_number) == (9280, 3840, 3360, 0)


def test_every_field_that_is_asked_for_is_read_and_no_token_is_asked_for() -> None:
    assert set(ROW) == set(FIELDS)
    assert "token" not in FIELDS


def test_an_id_alone_is_a_medium() -> None:
    found = parse_medium({"id": 1234567890123456789})
    assert found is not None
    assert found.media_id == "1234567890123456789"
    assert (found.filename, found.file_size, found.type, found.ready_to_view) == ("", None, "Unknown", "unknown")


@pytest.mark.parametrize("field", [name for name in ROW if name != "id"])
@pytest.mark.parametrize("value", [None, "", [], {}, True, -1, 1.5, "x", float("inf")])
def test_no_odd_field_loses_the_medium(field: str, value: object) -> None:
    assert medium(**{field: value}).media_id == ROW["id"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (0, 0),
        ("12", 12),
        (" 12 ", 12),
        (12.0, 12),
        (-1, None),
        (True, None),
        ("1e3", None),
        ("\u0661\u0662", None),
        (None, None),
    ],
)
def test_numbers_come_as_numbers_or_text(given: object, read: int | None) -> None:
    assert medium(file_size=given).file_size == read


def test_half_a_surrogate_pair_does_not_reach_utf_8() -> None:
    assert medium(filename="a\ud800.mp4").filename == "a?.mp4"


def test_new_types_and_states_are_kept_as_they_are() -> None:
    found = medium(type="Hologram", ready_to_view="Hibernating")
    assert (found.type, found.ready_to_view) == ("Hologram", "hibernating")


@pytest.mark.parametrize("row", [None, "x", [], {}, {"id": None}, {"id": ""}, {"id": ".."}, {"id": " "}, {"id": True}])
def test_a_row_that_names_no_medium_is_counted(row: object) -> None:
    found = parse_page(page(ROW, row))
    assert (len(found.media), found.problems, found.rows) == (1, 1, 2)


def test_errors_that_gopro_reports_beside_the_rows_are_counted() -> None:
    payload = page(ROW)
    payload["_embedded"]["errors"] = [{"reason": "x"}]
    assert parse_page(payload).problems == 1


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (None, "_embedded"),
        ([], "_embedded"),
        ({"media": [ROW]}, "_embedded"),
        ({"_embedded": []}, "_embedded"),
        ({"_embedded": {"items": [ROW]}}, "media"),
        ({"_embedded": {"media": None}}, "media"),
        (page({"medium_id": ROW["id"]}), "`id`"),
    ],
)
def test_a_page_of_another_shape_is_a_changed_schema_and_not_an_empty_library(payload: object, key: str) -> None:
    with pytest.raises(SchemaChanged, match=key) as change:
        parse_page(payload)
    assert str(ROW["id"]) not in str(change.value)


def test_an_empty_library_is_an_empty_page() -> None:
    found = parse_page(page(total_items=0, total_pages=0, per_page=200))
    assert (found.media, found.total_items, found.is_last) == ((), 0, True)


@pytest.mark.parametrize(
    ("number", "rows", "pages", "is_last"),
    [
        (1, 2, {"total_pages": 1, "per_page": 2}, False),
        (1, 1, {"total_pages": 1, "per_page": 2}, True),
        (1, 1, {"total_pages": 3, "per_page": 2}, False),
        (1, 1, {}, False),
        (9, 0, {"total_pages": 99, "per_page": 2}, True),
    ],
)
def test_the_listing_ends_where_no_medium_can_follow(
    number: int, rows: int, pages: dict[str, int], is_last: bool
) -> None:
    assert parse_page(page(*[ROW] * rows, **pages), number).is_last is is_last


@pytest.mark.parametrize("pages", [None, [], "x", {"total_items": None, "per_page": "many"}])
def test_missing_totals_are_unknown_totals(pages: object) -> None:
    found = parse_page({"_pages": pages, "_embedded": {"media": [ROW]}})
    assert (found.total_items, found.total_pages, found.per_page) == (None, None, None)


@pytest.mark.parametrize(
    "change", [{"reprocessed_at": "2025-01-01T00:00:00Z"}, {"revision_number": 1}, {"file_size": 1}, {"item_count": 3}]
)
def test_the_signature_changes_with_the_file_at_gopro(change: dict[str, Any]) -> None:
    assert signature(medium(**change)) != signature(medium())


def test_the_signature_ignores_what_people_edit() -> None:
    assert signature(replace(medium(), content_title="new", captured_at="2020-01-01T00:00:00Z")) == signature(medium())


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["_embedded", "media", "_pages", "errors", "id", "filename"]), inner),
    ),
))  # fmt: skip
def test_any_json_is_a_page_or_a_changed_schema(payload: object) -> None:
    try:
        found = parse_page(payload)
    except SchemaChanged:
        return
    assert len(found.media) + found.problems >= found.rows
