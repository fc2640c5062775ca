"""What the report says beside a medium's status: changed, a proxy, side files missing, waiting for too long, gone."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_sync_common.rules.report import (
    CHANGED,
    INCOMPLETE,
    OVERDUE,
    PROXY,
    Ending,
    Findings,
    build_report,
    classify,
    tell,
)
from cloud_sync_common.rules.report_text import SHOWN_MOST, to_markdown

RUN = "20260131T120000Z-n1"
NOW = 1_769_860_800
DAY = 86_400
ITEM = {"media_id": "m1", "filename": "GX010042.MP4"}


def told(status: str, *pieces: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The entry of a medium that this run has brought to an end."""
    row = {"media_id": "m1", "status": status, "run_id": RUN, "completed_run_id": RUN, **fields}
    return tell(ITEM, row, pieces, Findings(RUN, 1, alarm_days=7), NOW)


def report_of(*media: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return build_report(Findings(RUN, 1, listed=len(media), media=list(media), alarm_days=7, **fields))


def piece(**fields: Any) -> dict[str, Any]:
    return {
        **{"piece_id": "source-1", "key": "k", "size": 1, "crc64nvme": "A", "quality": "source", "status": "COMPLETED"},
        **fields,
    }


# Readiness


@pytest.mark.parametrize(
    ("waited", "reason", "overdue"),
    [
        (0, "transcoding", False),
        (DAY - 1, "transcoding", False),
        (DAY, "transcoding (for 1 day)", False),
        (7 * DAY - 1, "transcoding (for 6 days)", False),
        (7 * DAY, "transcoding (for 7 days)", True),
        (-DAY, "transcoding", False),
    ],
)
def test_a_medium_that_is_not_ready_says_for_how_long(waited: int, reason: str, overdue: bool) -> None:
    entry = told("NOT_READY", reason="transcoding", not_ready_since=NOW - waited)
    assert (entry["status"], entry["reason"]) == ("NOT_READY", reason)
    assert entry["remarks"] == ([OVERDUE] if overdue else [])


def test_a_medium_whose_wait_nobody_noted_is_new() -> None:
    assert told("NOT_READY", reason="transcoding")["remarks"] == []


def test_waiting_for_too_long_is_a_reason_to_tell_a_person() -> None:
    waiting = told("NOT_READY", reason="transcoding", not_ready_since=NOW - 8 * DAY)
    report = report_of(waiting, told("NOT_READY", reason="uploading"))
    assert (report["status"], report["counts"]["not_ready"]) == ("PARTIAL", 2)
    assert report["reason"] == "1 medium has not become ready at GoPro for 7 days or more"
    assert "## Not ready for too long (1)\n\n- `GX010042.MP4` (m1)\n" in to_markdown(report)


def test_waiting_for_a_while_is_no_trouble() -> None:
    assert report_of(told("NOT_READY", reason="transcoding", not_ready_since=NOW - 3 * DAY))["status"] == "SUCCEEDED"


# Versions and proxies


def test_a_medium_whose_older_version_is_kept_is_on_a_line_of_its_own() -> None:
    entry = told("COMPLETED", piece(superseded_keys=["old"], run_id=RUN))
    assert (entry["remarks"], entry["reason"]) == (
        [CHANGED],
        "changed at GoPro: the older version is kept beside this one",
    )
    text = to_markdown(report_of(entry))
    assert "## Changed at GoPro, archived beside the older version (1)\n\n- `GX010042.MP4` (m1)\n" in text


def test_a_medium_that_changed_in_an_earlier_run_is_not_told_again() -> None:
    entry = told("COMPLETED", piece(superseded_keys=["old"], run_id="earlier"), piece(superseded_keys=[], run_id=RUN))
    assert entry["remarks"] == []


def test_a_proxy_is_on_a_line_of_its_own() -> None:
    entry = told("COMPLETED", fallback=True)
    assert (entry["remarks"], entry["reason"]) == ([PROXY], "a proxy: GoPro has no original")
    assert "## Without an original at GoPro: a proxy was archived (1)" in to_markdown(report_of(entry))


def test_side_files_that_could_not_be_had_are_named() -> None:
    entry = told("COMPLETED", side_files_missing=["gpx-1: WrongContent: a web page"])
    assert entry["remarks"] == [INCOMPLETE]
    assert entry["reason"] == "side files missing: gpx-1: WrongContent: a web page"
    assert "## With side files missing (1)" in to_markdown(report_of(entry))


def test_several_remarks_are_all_said() -> None:
    entry = told("COMPLETED", piece(superseded_keys=["old"], run_id=RUN), fallback=True)
    assert set(entry["remarks"]) == {CHANGED, PROXY}
    assert entry["reason"].startswith("a proxy: GoPro has no original; changed at GoPro")


def test_a_plain_success_has_no_remark() -> None:
    assert told("COMPLETED", piece())["remarks"] == []


def test_an_archived_medium_that_only_lacks_late_files_is_no_failure_of_a_run_that_stopped() -> None:
    row = {"status": "COMPLETED", "run_id": "earlier", "completed_run_id": "earlier", "side_files_due": NOW + DAY}
    synced = {**row, "signature": "new", "synced_signature": "new"}
    assert classify(synced, RUN, Ending("CredentialsExpired", "log in"))[0] == "ALREADY_SYNCED"
    assert classify({**synced, "synced_signature": "old"}, RUN, Ending("CredentialsExpired", "log in"))[0] == "FAILED"


# The library

BALANCED = {
    "listed": 3,
    "search_total": 3,
    "account_total": 3,
    "readings": 1,
    "settled": True,
    "trash_was_read": True,
}


def balance(**fields: Any) -> str:
    """The Markdown between the bytes and the first heading."""
    text = to_markdown(report_of(library={**BALANCED, **fields}))
    return text.partition(" s.\n")[2].partition("##")[0].strip()


def test_counts_that_agree_are_not_worth_a_line() -> None:
    assert balance() == ""
    assert balance(search_total=None, account_total=None) == ""


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"account_total": 1_971}, "GoPro counts 1,971 media in the account; listed were 3."),
        ({"search_total": 2}, "GoPro counts 2 media in its listing; listed were 3."),
        (
            {"settled": False, "readings": 3},
            "The library moved during all 3 readings of it: the next run looks again.",
        ),
        ({"trash_was_read": False}, "GoPro's trash could not be read."),
    ],
)
def test_a_difference_is_named_with_both_numbers_and_fails_no_medium(fields: dict[str, Any], line: str) -> None:
    assert balance(**fields) == line
    media = told("COMPLETED", piece())
    status = "SUCCEEDED" if fields.get("settled", True) else "PARTIAL"
    assert report_of(media, library={**BALANCED, **fields})["status"] == status


def test_a_library_that_never_stood_still_makes_no_green_run_for_a_medium_may_have_slipped_through() -> None:
    library = {**BALANCED, "settled": False, "readings": 3}
    report = report_of(told("COMPLETED", piece()), library=library)
    assert (report["status"], report["reason"]) == (
        "PARTIAL",
        "the library moved while it was listed: media may be missing from this run",
    )


def test_what_is_gone_has_a_section_of_its_own_and_counts_as_nothing() -> None:
    gone = [
        {"media_id": "m7", "filename": "GX010007.MP4", "where": "trash", "archived": False},
        {"media_id": "m8", "filename": "", "where": "nowhere", "archived": True},
        {"media_id": "m9", "filename": "GX010009.MP4", "where": "trash", "archived": True},
    ]
    report = report_of(told("COMPLETED", piece()), gone_from_gopro=gone)
    assert (report["status"], report["counts"]["listed"], report["gone_from_gopro"]) == ("SUCCEEDED", 1, gone)
    assert to_markdown(report).endswith(
        "## Gone from GoPro (3)\n\n"
        "- `GX010007.MP4` (m7): in GoPro's trash, NOT archived; restore it at GoPro to have it copied\n"
        "- m8: no longer at GoPro, archived\n"
        "- `GX010009.MP4` (m9): in GoPro's trash, archived\n"
    )


def test_of_many_gone_media_the_first_few_are_shown() -> None:
    gone = [{"media_id": f"m{n}", "filename": "", "where": "nowhere", "archived": True} for n in range(SHOWN_MOST + 2)]
    text = to_markdown(report_of(gone_from_gopro=gone))
    assert text.count("no longer at GoPro") == SHOWN_MOST
    assert "- and 2 more, all in report.json" in text
