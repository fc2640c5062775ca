"""What the console may ask of a run, and which media it then leaves out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.rules.run_request import MAX_MEDIA_IDS, RunRequest, parse_run_request
from tests.support.media import medium


def test_an_empty_input_asks_for_everything() -> None:
    request = parse_run_request({})
    assert request == RunRequest()
    assert request.refusal(medium(captured_at=None)) is None


def test_every_key_is_understood() -> None:
    request = parse_run_request(
        {
            "dry_run": True,
            "relist": True,
            "media_ids": ["a", "b", "a"],
            "types": ["Video"],
            "captured_after": "2026-01-01",
            "captured_before": "2026-02-01T00:00:00+02:00",
            "limit": 10,
            "max_bytes": 5,
        }
    )
    assert request == RunRequest(
        dry_run=True,
        relist=True,
        media_ids=frozenset({"a", "b"}),
        types=("Video",),
        captured_after=datetime(2026, 1, 1, tzinfo=UTC),
        captured_before=datetime(2026, 2, 1, tzinfo=timezone(timedelta(hours=2))),
        limit=10,
        max_bytes=5,
    )


@pytest.mark.parametrize("value", [None, [], "{}", 1])
def test_an_input_that_is_no_object_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(InvalidInput, match="must be a JSON object, for example"):
        parse_run_request(value)


@pytest.mark.parametrize(
    ("given_input", "message"),
    [
        ({"limits": 1}, r"unknown input key 'limits' \(did you mean limit\?\); known keys: captured_after,"),
        ({"zzz": 1}, r"unknown input key 'zzz'; known keys"),
        ({"dry_run": "yes"}, "dry_run must be true or false"),
        ({"dry_run": 1}, "dry_run must be true or false"),
        ({"relist": None}, "relist must be true or false"),
        ({"limit": 0}, "limit must be a whole number of at least 1"),
        ({"limit": True}, "limit must be a whole number"),
        ({"limit": 1.5}, "limit must be a whole number"),
        ({"max_bytes": "5"}, "max_bytes must be a whole number"),
        ({"media_ids": "m1"}, "media_ids must be a list of one or more names"),
        ({"media_ids": []}, "media_ids must be a list of one or more names"),
        ({"media_ids": ["a", 1]}, "media_ids must be a list of one or more names"),
        ({"media_ids": ["a"] * (MAX_MEDIA_IDS + 1)}, "media_ids takes at most 10000 names"),
        ({"types": [""]}, "types must be a list of one or more names"),
        ({"captured_after": "yesterday"}, 'captured_after must be a date such as "2026-01-31"'),
        ({"captured_before": 20260131}, "captured_before must be a date"),
        (
            {"captured_after": "2026-01-02", "captured_before": "2026-01-02"},
            "captured_after must be earlier than captured_before",
        ),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_the_key(given_input: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_run_request(given_input)
    assert "\n" not in str(caught.value)


def test_an_overlong_unknown_key_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_run_request({"x" * 5_000: 1})
    assert len(str(caught.value)) < 300


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
known_keys = st.sampled_from(["dry_run", "media_ids", "captured_after", "captured_before", "types", "limit", "relist"])


@given(st.dictionaries(known_keys | st.text(max_size=5), json_values, max_size=4) | json_values)
def test_any_json_is_either_understood_or_refused(value: object) -> None:
    try:
        request = parse_run_request(value)
    except InvalidInput:
        return
    assert isinstance(request, RunRequest)


@given(st.text() | st.datetimes().map(str) | st.none(), st.datetimes(), st.datetimes())
def test_no_capture_date_of_gopro_can_break_a_date_filter(captured: str | None, one: datetime, other: datetime) -> None:
    request = RunRequest(captured_after=one.replace(tzinfo=UTC), captured_before=other.replace(tzinfo=UTC))
    refusal = request.refusal(medium(captured_at=captured))
    assert refusal is None or "captur" in refusal


@pytest.mark.parametrize(
    ("captured_at", "refusal"),
    [
        ("2026-01-31T11:59:59Z", "captured before captured_after"),
        ("2026-01-31T12:00:00Z", None),
        ("2026-01-31T13:00:00+02:00", "captured before captured_after"),
        ("2026-02-01T11:59:59.999Z", None),
        ("2026-02-01T12:00:00Z", "captured at or after captured_before"),
        (None, "no capture date"),
        ("soon", "no capture date"),
    ],
)
def test_the_capture_window_includes_its_beginning_and_excludes_its_end(
    captured_at: str | None, refusal: str | None
) -> None:
    request = parse_run_request({"captured_after": "2026-01-31T12:00:00Z", "captured_before": "2026-02-01T12:00:00Z"})
    assert request.refusal(medium(captured_at=captured_at)) == refusal


def test_types_are_compared_without_case() -> None:
    request = parse_run_request({"types": ["video", "PHOTO"]})
    assert request.refusal(medium(type="Video")) is None
    assert request.refusal(medium(type="Photo")) is None
    assert request.refusal(medium(type="Burst")) == "type not asked for"


def test_other_media_than_the_named_ones_are_left_out() -> None:
    request = parse_run_request({"media_ids": ["m1"]})
    assert request.refusal(medium("m1")) is None
    assert request.refusal(medium("m2")) == "not among media_ids"
