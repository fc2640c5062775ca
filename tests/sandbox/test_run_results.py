"""What a run came to: the report is believed only as far as it adds up, and the summary says what happened."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.run.comparison import Comparison
from sandbox.run.documents import object_document, plain, tracker_document, write_json
from sandbox.run.leaks import Leak
from sandbox.run.results import RunResult, reported_completed
from sandbox.run.summary import Summary, json_document, run_line
from sandbox.run.verdict import problems, sentence, unlisted

EQUAL = Comparison("content", 1, 1, ())


def report(**changes: Any) -> dict[str, Any]:
    counts = {"listed": 3, "completed": 1, "already_synced": 1, "not_ready": 1}
    counts |= {"source_deleted": 0, "failed": 0, "skipped": 0}
    media = [
        {"media_id": "m1", "filename": "GX010001.MP4", "status": "COMPLETED", "reason": None, "pieces": [{"size": 5}]},
        {"media_id": "m2", "filename": None, "status": "NOT_READY", "reason": "transcoding", "pieces": []},
    ]
    good = {"run": "r1", "status": "SUCCEEDED", "counts": counts, "bytes_transferred": 5, "seconds": 1, "media": media}
    return {**good, **changes}


def run(**changes: Any) -> RunResult:
    good = RunResult(1, "arn:aws:states:us-east-1:1:execution:m:run-1", succeeded=True, seconds=2.0, arrived=5)
    return dataclasses.replace(good, **{"report": report(), **changes})


def test_a_good_run_has_no_problems() -> None:
    assert run().problems() == []
    assert run().status == "SUCCEEDED"


def test_a_partial_run_whose_report_adds_up_is_no_problem() -> None:
    partial = run(report=report(status="PARTIAL"))
    assert partial.problems() == []
    assert partial.status == "PARTIAL"


def test_a_failed_execution_is_told_in_the_pipelines_own_words() -> None:
    failed = run(succeeded=False, error="InvalidInput: unknown key 'bogus'", report=report(status="FAILED"))
    assert failed.problems() == ["run 1 failed: InvalidInput: unknown key 'bogus'"]
    assert failed.status == "FAILED"


def test_an_execution_that_failed_is_failed_whatever_its_report_says() -> None:
    assert run(succeeded=False, report=report(status="SUCCEEDED")).status == "FAILED"


def test_a_run_without_report_is_named_with_its_reason() -> None:
    skipped = run(report=None, output={"status": "SKIPPED", "reason": "another run is at work"})
    assert skipped.problems() == ["run 1 wrote no report: another run is at work"]
    assert skipped.status == "SKIPPED"
    assert sum(skipped.counts.values()) == 0


def test_a_report_that_does_not_add_up_is_named() -> None:
    lost = report()
    lost["counts"]["listed"] = 4
    assert "run 1: the report does not add up: 4 media listed, 3 accounted for" in run(report=lost).problems()


def test_a_report_that_forgets_a_medium_is_named() -> None:
    forgetful = report()
    forgetful["media"].pop()
    assert run(report=forgetful).problems() == ["run 1: the report names 1 media instead of 2"]


def test_a_run_over_everything_must_list_the_whole_library() -> None:
    assert unlisted([run()], 3, {}) == []
    assert unlisted([run()], 4, {}) == ["run 1 listed 3 of the library's 4 media"]
    assert unlisted([run()], 4, {"limit": 3}) == []
    assert unlisted([run()], None, {}) == []


def test_every_kind_of_problem_reaches_the_one_line() -> None:
    comparison = Comparison("content", 1, 1, ("key is missing",))
    leak = Leak("cookie", Path("logs/x.log"))
    found = problems([run(succeeded=False, error="boom")], comparison, [leak], ["a Cookie header reached the CDN"])
    assert len(found) == 4
    assert problems([run()], EQUAL, [], []) == []
    line = sentence(found)
    assert line.startswith("run 1 failed: boom; key is missing; a secret (cookie) leaked into logs/x.log")
    assert line.endswith("; and 1 more")


def test_only_completed_media_are_expected_in_the_bucket() -> None:
    assert reported_completed([run(), run(report=None)]) == {"m1"}


def test_a_second_run_that_copied_nothing_says_so() -> None:
    counts = {**report()["counts"], "completed": 0, "already_synced": 2}
    nothing = run(number=2, arrived=0, report=report(counts=counts, bytes_transferred=0))
    assert run_line(nothing) == "run 2 copied 0 bytes: everything was already synced (2 media)"
    assert "already synced (" not in run_line(dataclasses.replace(nothing, arrived=7))


@dataclass(frozen=True)
class Thing:
    """An object of the bucket, as the S3 server describes it."""

    key: str = "gopro-videos/2024/05/m1/GX010001.MP4"
    size: int = 5
    checksums: dict[str, str] = field(default_factory=lambda: {"CRC64NVME": "AAAAAAAAAAA="})
    checksum_type: str = "FULL_OBJECT"
    metadata: dict[str, str] = field(default_factory=lambda: {"source-media-id": "m1"})
    tags: dict[str, str] = field(default_factory=lambda: {"Source": "GoPro"})
    storage_class: str = "GLACIER_IR"
    encryption: dict[str, str] = field(default_factory=dict)
    content_type: str = "video/mp4"
    etag: str = '"e"'
    last_modified: datetime = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Numbers:
    """What was measured of a function."""

    cold: int = 2
    warm: int = 7
    import_ms_median: float = 287.6
    init_ms_median: float = 512.4
    cold_ms_median: float = 733.3
    warm_ms_median: float = 9.6
    warm_ms_least: float = 4.4
    peak_mb: float = 81.25
    errors: int = 3


@dataclass(frozen=True)
class Gap:
    """Something that is not emulated."""

    type: str = "AWS::CloudWatch::Alarm"
    why: str = "no alarms here"


def test_the_summary_shows_report_bucket_functions_and_gaps() -> None:
    stream = io.StringIO()
    summary = Summary(stream)
    summary.runs([run(report_text="# Run r1\nall is well\n")])
    summary.bucket([Thing()])
    summary.functions({"video_downloader": Numbers()}, 210.4)
    summary.not_emulated([Gap(), Gap(), Gap(type="AWS::SNS::Topic")])
    summary.comparison(EQUAL)
    summary.comparison(Comparison("checksum", 5, 7, (), earlier_media=4, earlier_objects=5))
    text = stream.getvalue()
    for expected in (
        "all is well",
        Thing().key,
        "GLACIER_IR",
        "AAAAAAAAAAA=",
        "video_downloader",
        "81",
        "512",
        "210 MB",
    ):
        assert expected in text
    assert "Compared by content: 1 object of 1 medium: equal\n" in text
    assert "Compared by size and checksum: 2 objects of 1 medium: equal (5 objects compared in earlier runs)\n" in text
    (gap,) = [line for line in text.splitlines() if "no alarms here" in line]
    assert "CloudWatch Alarm, SNS Topic" in gap


@pytest.mark.parametrize(
    ("comparison", "failed", "line"),
    [
        (EQUAL, 2, "Compared by content: 1 object of 1 medium: equal; 2 media failed, see the report"),
        (Comparison("content", 0, 0, ()), 1, "Compared by content: nothing new; 1 medium failed, see the report"),
        (
            Comparison("content", 1, 1, (), earlier_media=1, earlier_objects=1),
            0,
            "Compared by content: nothing new (1 object compared in earlier runs)",
        ),
        (Comparison("content", 1, 0, ("gone",)), 0, "Compared by content: 0 objects of 1 medium: 1 difference"),
    ],
)
def test_nothing_compared_is_not_called_equal_and_failed_media_are_told_beside_it(
    comparison: Comparison, failed: int, line: str
) -> None:
    stream = io.StringIO()
    Summary(stream).comparison(comparison, failed)
    assert stream.getvalue() == f"{line}\n"


@pytest.mark.parametrize(
    ("numbers", "cells"),
    [
        (Numbers(), ["2", "7", "288", "512", "733", "10", "4", "81", "3"]),
        (Numbers(warm=0), ["2", "0", "288", "512", "733", "-", "-", "81", "3"]),
        (Numbers(0, 0), ["0", "0", "288", "512", "-", "-", "-", "-", "3"]),
        (Numbers(0, 0, 0.0, 0.0, errors=0), ["0", "0", "-", "-", "-", "-", "-", "-", "0"]),
    ],
)
def test_what_was_never_measured_is_no_number(numbers: Numbers, cells: list[str]) -> None:
    stream = io.StringIO()
    Summary(stream).functions({"media_lister": numbers}, 1)
    [row] = [line for line in stream.getvalue().splitlines() if "media_lister" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")[1:]] == cells


@dataclass(frozen=True)
class Judged:
    """What the permissions check found."""

    ungranted: tuple[str, ...]

    def lines(self) -> list[str]:
        return [*self.ungranted, "run_control did not use sns:Publish"]


@pytest.mark.parametrize(
    ("ungranted", "verdict"),
    [((), "every call was granted"), (("somebody called s3:GetObject",), "some calls were not granted")],
)
def test_the_summary_tells_permissions_traces_and_faults(ungranted: tuple[str, ...], verdict: str) -> None:
    stream = io.StringIO()
    summary = Summary(stream)
    summary.permissions(Judged(ungranted))
    summary.traces(4, lambda limit: [f"the {limit} slowest"])
    summary.faults([])
    assert "injected" not in stream.getvalue()
    summary.faults(["faults injected: 1 (1 reset)"])
    for expected in (verdict, *ungranted, "did not use sns:Publish", "Trace of run 4", "the 3 slowest", "(1 reset)"):
        assert expected in stream.getvalue()


def test_a_long_report_says_how_much_it_leaves_out() -> None:
    stream = io.StringIO()
    Summary(stream).runs([run(report_text="line\n" * 130)])
    assert stream.getvalue().count("line\n") == 120
    assert "... and 10 more lines" in stream.getvalue()


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    stream = io.StringIO()
    Summary(stream).bucket([Thing(key=f"key{number:03}") for number in range(45)])
    assert "45 objects" in stream.getvalue()
    assert "... and 5 more" in stream.getvalue()


def test_the_json_line_is_the_last_run_with_every_run_below() -> None:
    document = json.loads(
        json.dumps(json_document([run(), run(number=2)], EQUAL, {"run_control": Numbers()}, {"faults": 0}))
    )
    assert set(document) == {"status", "counts", "bytes", "seconds", "functions", "runs", "compared", "faults"}
    assert (document["status"], document["bytes"], document["seconds"]) == ("SUCCEEDED", 5, 2.0)
    assert document["functions"] == {
        "run_control": {
            "cold": 2,
            "warm": 7,
            "import_ms": 288,
            "init_ms": 512,
            "cold_ms": 733,
            "warm_ms": 10,
            "warm_ms_least": 4,
            "peak_mb": 81.2,
            "errors": 3,
        }
    }
    assert [each["run"] for each in document["runs"]] == ["r1", "r1"]
    assert document["compared"]["equal"] is True


def test_the_tracker_is_written_with_each_mediums_own_row_last() -> None:
    rows: list[dict[str, Any]] = [
        {"media_id": "m1", "record": "MEDIUM", "status": "COMPLETED", "generation": Decimal(3)},
        {"media_id": "m1", "record": "PIECE#source-1", "status": "COMPLETED", "size": Decimal(5)},
        {"media_id": "RUN#r1", "record": "RUN"},
    ]
    documents = tracker_document(rows)
    assert [row["record"] for row in documents] == ["RUN", "PIECE#source-1", "MEDIUM"]
    assert [row["status"] for row in documents] == ["RUN", "COMPLETED", "COMPLETED"]
    assert documents[2]["generation"] == 3
    assert {row["media_id"]: row for row in documents}["m1"]["record"] == "MEDIUM"


def test_an_object_is_described_with_its_checksum_and_type() -> None:
    document = object_document(Thing())
    assert document["checksum"] == {"crc64nvme": "AAAAAAAAAAA=", "type": "FULL_OBJECT"}
    assert {"key", "size", "metadata", "tags", "storage_class", "encryption"} <= set(document)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": Decimal(5), "b": Decimal("1.5")}, {"a": 5, "b": 1.5}),
        ({"b", "a"}, ["a", "b"]),
        (b"\x00\xff", "AP8="),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Gap(), {"type": "AWS::CloudWatch::Alarm", "why": "no alarms here"}),
        (Path("a/b"), "a/b"),
    ],
)
def test_values_that_json_does_not_know_are_written_plainly(tmp_path: Path, value: Any, expected: Any) -> None:
    assert plain(value) == expected
    write_json(tmp_path / "x.json", [value])
    assert json.loads((tmp_path / "x.json").read_text()) == [expected]
