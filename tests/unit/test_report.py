"""The run's report: it accounts for every listed medium, or says that it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.models import Status
from cloud_sync_common.rules.report import (
    COUNTS,
    SKIPPED,
    Ending,
    Findings,
    adds_up,
    build_report,
    classify,
    entry,
    skipped_report,
)
from cloud_sync_common.rules.report_text import SHOWN_MOST, to_markdown

RUN = "20260131T120000Z-n1"
SYNCED = {"signature": "new", "synced_signature": "new", "completed_run_id": "earlier"}
CHANGED = {**SYNCED, "synced_signature": "old"}
STOPPED = Ending("CredentialsExpired", "CredentialsExpired: log in again")


def _row(status: str, **fields: Any) -> dict[str, Any]:
    return {"media_id": "m1", "status": status, "run_id": RUN, **fields}


def _piece(piece_id: str = "source-1", **fields: Any) -> dict[str, Any]:
    return {
        "piece_id": piece_id,
        "key": f"gopro-videos/2026/01/m1/{piece_id}.MP4",
        "size": 1_000,
        "crc64nvme": "AAAAAAAAAAA=",
        "quality": "source",
        "label": "source",
        "position": 1,
        "status": "COMPLETED",
        **fields,
    }


def _medium(status: str, media_id: str = "m1", reason: str = "") -> dict[str, Any]:
    return entry(media_id, "GX010042.MP4", status, reason, ())


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, ("FAILED", "not finished by this run")),
        (_row("LISTED"), ("FAILED", "not finished by this run")),
        (_row("IN_PROGRESS"), ("FAILED", "not finished by this run")),
        (_row("COMPLETED", completed_run_id=RUN), ("COMPLETED", "")),
        (_row("COMPLETED", completed_run_id=RUN, fallback=True), ("COMPLETED", "a proxy: GoPro has no original")),
        (_row("COMPLETED", completed_run_id="earlier"), ("ALREADY_SYNCED", "")),
        (_row("COMPLETED"), ("ALREADY_SYNCED", "")),
        (
            _row("COMPLETED", completed_run_id=RUN, note="source_deleted"),
            ("SOURCE_DELETED", "GoPro no longer has this medium"),
        ),
        (_row("COMPLETED", run_id="earlier", **SYNCED), ("ALREADY_SYNCED", "")),
        (_row("COMPLETED", run_id="earlier", completed_run_id="earlier"), ("FAILED", "not finished by this run")),
        (_row("COMPLETED", run_id="earlier", **CHANGED), ("FAILED", "not finished by this run")),
        (_row("COMPLETED", run_id="earlier", **SYNCED, fallback=True), ("FAILED", "not finished by this run")),
        (_row("COMPLETED", run_id="earlier", **SYNCED, note="source_deleted"), ("FAILED", "not finished by this run")),
        (_row("COMPLETED", **CHANGED), ("ALREADY_SYNCED", "")),
        (_row("FAILED", reason="KeyConflict: other bytes"), ("FAILED", "KeyConflict: other bytes")),
        (_row("NOT_READY", reason="still transcoding"), ("NOT_READY", "still transcoding")),
        (_row("NOT_READY", run_id="earlier", reason="old"), ("FAILED", "not finished by this run")),
        (_row("FAILED", run_id="earlier", reason="old"), ("FAILED", "not finished by this run")),
    ],
)
def test_a_row_says_what_became_of_its_medium(row: dict[str, Any] | None, expected: tuple[str, str]) -> None:
    assert classify(row, RUN, Ending()) == expected


@pytest.mark.parametrize(
    "row", [None, _row("IN_PROGRESS"), _row("FAILED", run_id="earlier"), _row("COMPLETED", run_id="earlier", **CHANGED)]
)
def test_what_a_stopped_run_left_unfinished_names_the_reason(row: dict[str, Any] | None) -> None:
    assert classify(row, RUN, STOPPED) == ("FAILED", "not finished: the run stopped (CredentialsExpired)")


rows = st.none() | st.fixed_dictionaries(
    {"status": st.sampled_from([*Status, "SOMETHING_NEW"]), "run_id": st.sampled_from([RUN, "earlier"])},
    optional={
        "completed_run_id": st.sampled_from([RUN, "earlier"]),
        "note": st.sampled_from(["source_deleted", "other"]),
        "fallback": st.booleans(),
        "signature": st.sampled_from(["old", "new"]),
        "synced_signature": st.sampled_from(["old", "new"]),
        "reason": st.text(max_size=5),
    },
)


@given(st.lists(rows, max_size=12), st.integers(0, 5), st.integers(0, 5), st.sampled_from([Ending(), STOPPED]))
def test_classified_media_always_add_up(
    given_rows: list[dict[str, Any] | None], skipped: int, synced: int, ending: Ending
) -> None:
    media = [_medium(*_classified(row, ending)) for row in given_rows]
    media += [_medium(SKIPPED) for _ in range(skipped)]
    listed = len(given_rows) + skipped + synced
    report = build_report(Findings(RUN, 1, listed=listed, already_synced=synced, media=media, ending=ending))
    assert report["counts"]["listed"] == sum(report["counts"][name] for name in COUNTS if name != "listed")
    assert "add up" not in report["reason"]
    assert all(one["status"] != "ALREADY_SYNCED" for one in report["media"])


def _classified(row: dict[str, Any] | None, ending: Ending) -> tuple[str, str, str]:
    status, reason = classify(row, RUN, ending)
    return status, "m1", reason


def test_a_report_that_does_not_add_up_is_a_failed_run() -> None:
    report = build_report(Findings(RUN, 1, listed=2, media=[_medium("COMPLETED")]))
    assert not adds_up(report["counts"])
    assert report["status"] == "FAILED"
    assert report["reason"] == "the report does not add up: a listed medium is unaccounted for"


def test_a_run_without_trouble_succeeded() -> None:
    media = [_medium("COMPLETED"), _medium("NOT_READY"), _medium("SOURCE_DELETED"), _medium(SKIPPED)]
    report = build_report(Findings(RUN, 7, listed=5, already_synced=1, bytes_transferred=99, media=media))
    assert (report["status"], report["reason"]) == ("SUCCEEDED", "")
    assert report["counts"] == {**dict.fromkeys(COUNTS, 1), "listed": 5, "failed": 0}
    assert (report["run"], report["seconds"], report["bytes_transferred"]) == (RUN, 7, 99)


def test_an_empty_library_is_no_plain_success() -> None:
    report = build_report(Findings(RUN, 1))
    assert report["status"] == "PARTIAL"
    assert "library is empty" in report["reason"]


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        (Findings(RUN, 1, listed=1, media=[_medium("FAILED")]), "1 medium failed"),
        (Findings(RUN, 1, missing=3), "GoPro counts 3 more media than its listing showed"),
        (Findings(RUN, 1, problems=2), "2 rows of the listing name no medium"),
        (Findings(RUN, 1, unknown=2), "2 of the media_ids asked for are not in the library"),
    ],
)
def test_a_run_with_trouble_in_some_media_is_partial_and_says_which(findings: Findings, reason: str) -> None:
    report = build_report(findings)
    assert (report["status"], report["reason"]) == ("PARTIAL", reason)


def test_a_stopped_run_failed_whatever_it_had_done() -> None:
    report = build_report(Findings(RUN, 1, listed=1, media=[_medium("COMPLETED")], ending=STOPPED))
    assert (report["status"], report["reason"]) == ("FAILED", STOPPED.reason)


def test_a_skipped_run_has_the_whole_shape_and_its_reason() -> None:
    report = skipped_report(RUN, "no cookies are stored yet")
    assert (report["status"], report["reason"]) == ("SKIPPED", "no cookies are stored yet")
    assert set(report) == set(build_report(Findings(RUN, 0)))


def test_an_entry_lists_archived_pieces_in_order_and_no_others() -> None:
    pieces = [
        _piece("source-2", position=2),
        _piece("source-10", position=10),
        _piece("gpmf-1", label="gpmf", quality="gpmf"),
        _piece("source-1"),
        {"piece_id": "source-3", "label": "source", "position": 3, "status": "IN_PROGRESS", "upload_id": "secret"},
    ]
    listed = entry("m1", "GX010042.MP4", "COMPLETED", "", pieces)
    assert [one["piece"] for one in listed["pieces"]] == ["gpmf-1", "source-1", "source-2", "source-10"]
    assert set(listed["pieces"][0]) == {"piece", "key", "size", "crc64nvme", "quality"}
    assert set(listed) == {"media_id", "filename", "status", "reason", "remarks", "pieces"}


def test_markdown_has_every_count_and_names_what_went_wrong() -> None:
    media = [
        _medium("FAILED", "m1", "KeyConflict: other bytes"),
        entry("m2", "GX010043.MP4", "COMPLETED", "", [_piece(size=1_234_567)]),
        entry("m3", "", SKIPPED, "beyond limit", ()),
    ]
    text = to_markdown(build_report(Findings(RUN, 65, listed=3, bytes_transferred=1_234_567, media=media)))
    assert text.startswith(f"# Run {RUN}: PARTIAL\n\n**1 medium failed**\n")
    assert "| listed | 3 |" in text
    assert "| already synced | 0 |" in text
    assert "1,234,567 bytes copied in 65 s." in text
    assert "- `GX010042.MP4` (m1): KeyConflict: other bytes" in text
    assert "  - `gopro-videos/2026/01/m1/source-1.MP4` (1,234,567 bytes, source)" in text
    assert "- m3: beyond limit" in text


def test_markdown_shows_failures_first_and_the_first_few_of_many() -> None:
    media = [_medium("COMPLETED", f"m{number}") for number in range(SHOWN_MOST + 7)]
    text = to_markdown(build_report(Findings(RUN, 1, listed=len(media) + 1, media=[*media, _medium("FAILED")])))
    assert text.index("## Failed (1)") < text.index(f"## Completed ({SHOWN_MOST + 7})")
    assert "- and 7 more, all in report.json" in text
    assert text.count("\n- ") == SHOWN_MOST + 2


@given(st.text(max_size=30))
def test_no_file_name_can_break_out_of_its_line_of_the_report(filename: str) -> None:
    report = build_report(Findings(RUN, 1, listed=1, media=[entry("m1", filename, "FAILED", "", ())]))
    plain = build_report(Findings(RUN, 1, listed=1, media=[entry("m1", "x", "FAILED", "", ())]))
    assert len(to_markdown(report).splitlines()) == len(to_markdown(plain).splitlines())
