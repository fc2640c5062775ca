"""The events that reach the functions: parsed once, or refused by the name of the key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.models import MediaId, PieceId
from cloud_sync_common.rules.events import (
    DownloadEvent,
    Execution,
    FailureEvent,
    ListEvent,
    UploadEvent,
    parse_control,
    parse_download,
    parse_execution,
    parse_failure,
    parse_list,
    parse_upload,
)
from cloud_sync_common.rules.outcomes import PartRange, range_event

DOWNLOAD = {
    "schema": 1,
    "run_id": "r1",
    "media_id": "m1",
    "filename": "GX010042.MP4",
    "file_size": 1_000,
    "upload_date": "2026-02-01T08:00:00Z",
}
UPLOAD = range_event("r1", MediaId("m1"), PieceId("source-1"), 3, PartRange(5, 9))
CAUGHT = {"Error": "Sandbox.Timedout", "Cause": "{}"}
EXECUTION = {"arn": "arn:aws:states:::execution:x:n1", "name": "n1", "started_at": "2026-01-31T12:00:00.123Z"}


def _without(event: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != key}


def test_the_contracts_download_event_is_understood() -> None:
    assert parse_download(DOWNLOAD) == DownloadEvent("r1", MediaId("m1"), "GX010042.MP4", 1_000, "2026-02-01T08:00:00Z")


@pytest.mark.parametrize("size", [0, None])
def test_a_size_of_zero_or_null_is_unknown(size: int | None) -> None:
    assert parse_download({**DOWNLOAD, "file_size": size}).file_size is None


def test_a_medium_without_name_or_date_is_still_a_medium() -> None:
    event = parse_download({**DOWNLOAD, "filename": "", "upload_date": None})
    assert (event.filename, event.upload_date) == ("", None)


@pytest.mark.parametrize("key", ["download_url", "auth_token", "cookies"])
def test_a_download_event_with_a_secret_or_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match=f"unexpected key '{key}'") as caught:
        parse_download({**DOWNLOAD, key: "c4n4ry"})
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file_size": -1}, "file_size must be a whole number of bytes, or null"),
        ({"file_size": True}, "file_size must be"),
        ({"file_size": "12"}, "file_size must be"),
        ({"upload_date": 5}, "upload_date must be a string or null"),
        ({"filename": None}, "filename must be a string"),
        ({"media_id": ""}, "media_id must be a non-empty string"),
        ({"run_id": 7}, "run_id must be a non-empty string"),
        ({"schema": 2}, "the event's schema is 2, this function knows 1"),
        ({"schema": "1"}, "the event's schema is '1'"),
    ],
)
def test_a_wrong_value_in_a_download_event_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_download({**DOWNLOAD, **change})


@pytest.mark.parametrize("key", ["run_id", "media_id", "filename", "schema"])
def test_a_download_event_lacking_a_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match=key):
        parse_download(_without(DOWNLOAD, key))


def test_a_range_of_the_downloader_is_what_the_uploader_understands() -> None:
    assert parse_upload(UPLOAD) == UploadEvent("r1", MediaId("m1"), PieceId("source-1"), 3, 5, 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first_part": 10}, "last_part must not be smaller than first_part"),
        ({"first_part": 0}, "first_part must be a whole number of at least 1"),
        ({"last_part": None}, "last_part must be a whole number"),
        ({"generation": True}, "generation must be a whole number"),
        ({"piece_id": ""}, "piece_id must be a non-empty string"),
    ],
)
def test_a_wrong_range_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_upload({**UPLOAD, **change})


def test_a_listing_begins_with_an_empty_cursor() -> None:
    assert parse_list({"schema": 1, "run_id": "r1", "cursor": {}}) == ListEvent("r1", {})


@pytest.mark.parametrize("cursor", [None, 3, "page 2", []])
def test_a_cursor_that_is_no_object_is_refused(cursor: object) -> None:
    with pytest.raises(InvalidInput, match="cursor must be an object"):
        parse_list({"schema": 1, "run_id": "r1", "cursor": cursor})


def test_a_failure_names_medium_and_error() -> None:
    event = {"schema": 1, "action": "record_failure", "run_id": "r1", "media_id": "m1", "error": CAUGHT}
    assert parse_control(event) == "record_failure"
    assert parse_failure(event) == FailureEvent("r1", MediaId("m1"), CAUGHT)


@pytest.mark.parametrize("error", [None, "Sandbox.Timedout", [CAUGHT]])
def test_a_failure_without_the_error_that_was_caught_is_refused(error: object) -> None:
    with pytest.raises(InvalidInput, match="error must be an object with Error and Cause"):
        parse_failure({"schema": 1, "run_id": "r1", "media_id": "m1", "error": error})


def test_an_execution_names_itself() -> None:
    assert parse_execution({"schema": 1, "execution": EXECUTION}) == Execution(**EXECUTION)


@pytest.mark.parametrize("execution", [None, "arn", {**EXECUTION, "arn": ""}, _without(EXECUTION, "started_at")])
def test_an_execution_without_identity_is_refused(execution: object) -> None:
    with pytest.raises(InvalidInput, match=r"execution|arn|started_at"):
        parse_execution({"schema": 1, "execution": execution})


PARSERS: list[Callable[[object], object]] = [
    parse_download,
    parse_upload,
    parse_list,
    parse_control,
    parse_failure,
    parse_execution,
]


@pytest.mark.parametrize("parse", PARSERS)
@given(event=st.none() | st.integers() | st.text() | st.dictionaries(st.text(), st.integers()))
def test_whatever_is_no_event_is_refused(parse: Callable[[object], object], event: object) -> None:
    with pytest.raises(InvalidInput):
        parse(event)


def test_a_run_is_named_by_its_start_and_its_execution() -> None:
    assert Execution(**EXECUTION).run_id == "20260131T120000Z-n1"


def test_a_retry_of_the_same_execution_has_the_same_run_id() -> None:
    assert Execution(**EXECUTION).run_id == Execution(**EXECUTION).run_id


def test_two_executions_of_one_second_are_two_runs() -> None:
    assert Execution(**EXECUTION).run_id != Execution(**{**EXECUTION, "name": "n2"}).run_id


START = datetime(2026, 1, 31, 12, tzinfo=UTC)
zones = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-7))])


@given(st.integers(0, 100_000), zones, zones)
def test_run_ids_sort_by_time_whatever_the_zone(seconds: int, zone: tzinfo, other: tzinfo) -> None:
    earlier, later = START.astimezone(zone), (START + timedelta(seconds=seconds)).astimezone(other)
    ids = [Execution("arn", "n", moment.isoformat()).run_id for moment in (earlier, later)]
    assert ids == sorted(ids)


@pytest.mark.parametrize("started_at", ["", "now", "2026-13-01T00:00:00Z"])
def test_a_start_that_is_no_date_is_refused(started_at: str) -> None:
    with pytest.raises(InvalidInput, match=r"execution\.started_at must be an RFC 3339 date"):
        _ = Execution("arn", "n1", started_at).run_id
