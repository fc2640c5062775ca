"""A run as a tree: who called whom, how long it took, what went wrong; bounded for big libraries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.aws.functions.api import Invoked
from sandbox.aws.stepfunctions.records import ExecutionRecord, iso
from sandbox.aws.tracing.segments import FUNCTION, LAMBDA, STATE, Segment
from sandbox.aws.tracing.tree import trace_tree

TRACE = "1-5759e988-bd862e3fe1be46a994272793"
OTHER = "1-5759e988-000000000000000000000000"
PARENT = "arn:aws:states:us-east-1:123456789012:execution:sync:run-1"
MAP_RUN = "arn:aws:states:us-east-1:123456789012:mapRun:sync/Sync each medium:5"


class Story:
    """Records and segments of a run, told in seconds since its start."""

    def __init__(self) -> None:
        self.records: list[ExecutionRecord] = []
        self.segments: list[Segment] = []
        self.invoked: list[Invoked] = []
        self._last = 0

    def visit(self, arn: str, name: str, start: float, end: float | None, kind: str = "Task", **rest: Any) -> None:
        moments = [None if each is None else iso(datetime.fromtimestamp(1000 + each, UTC)) for each in (start, end)]
        parent_map = None if arn == PARENT else MAP_RUN
        given = rest.pop("given", {})
        record = ExecutionRecord(arn, parent_map, name, kind, str(moments[0]), given, exited_at=moments[1], **rest)
        self.records.append(record)

    def segment(self, name: str, start: float, end: float | None, parent: str | None = None, **rest: Any) -> str:
        self._last += 1
        own = f"{self._last:016x}"
        ended = None if end is None else 1000 + end
        trace = rest.pop("trace", TRACE)
        self.segments.append(Segment(trace, own, name, 1000 + start, ended, parent, **rest))
        return own

    def invocation(self, arn: str, state: str, start: float, end: float, **rest: Any) -> str:
        """Tell of one attempt of a state and its invocation; return the id that subsegments hang under."""
        cold, error, iteration = rest.get("cold", False), rest.get("error", ""), rest.get("iteration", "")
        attempt = self.segment(state, start, end, origin=STATE, resource=arn, iteration=iteration)
        call = self.segment("worker", start, end, attempt, origin=LAMBDA, error_type=error, http_status=200)
        work = self.segment("worker", start, end, call, origin=FUNCTION)
        self.invoked.append(Invoked("worker", f"id-{work}", work, cold, 90.0 if cold else None, 5.0, 61.4, error))
        return work

    def lines(self, **limits: int) -> list[str]:
        return trace_tree(self.records, self.segments, self.invoked, {"worker": "downloader"}).lines(**limits)

    def json(self, **limits: int) -> dict[str, Any]:
        return trace_tree(self.records, self.segments, self.invoked).as_json(**limits)


@pytest.fixture
def story() -> Story:
    return Story()


def child(number: int) -> str:
    return f"arn:aws:states:us-east-1:123456789012:execution:sync/Sync each medium:{number}"


def library(story: Story, media: int) -> None:
    """Tell of a Map over ``media`` media; the later, the longer."""
    story.visit(PARENT, "Begin the run", 0, 1)
    story.visit(PARENT, "Sync each medium", 1, 500, "Map")
    for number in range(1, media + 1):
        given = {"media_id": f"medium-{number}", "filename": f"GX{number:04}.MP4", "upload_date": None}
        story.visit(child(number), "Download medium", 2, 2 + number, given=given)
        work = story.invocation(child(number), "Download medium", 2, 2 + number, cold=number == 1)
        story.segment("cloudfront_download", 2, 2 + number / 2, work)
    story.visit(PARENT, "End the run", 500, 501)


def test_a_run_reads_from_the_execution_down_to_the_subsegments(story: Story) -> None:
    library(story, 2)
    assert story.lines() == [
        "execution run-1  501.00 s",
        "  state Begin the run  1000 ms",
        "  state Sync each medium  499.00 s",
        "    execution medium-1 GX0001.MP4  1000 ms",
        "      state Download medium  1000 ms",
        "        invocation downloader  1000 ms, cold, 61 MB",
        "          subsegment cloudfront_download  500 ms",
        "    execution medium-2 GX0002.MP4  2000 ms",
        "      state Download medium  2000 ms",
        "        invocation downloader  2000 ms, 61 MB",
        "          subsegment cloudfront_download  1000 ms",
        "  state End the run  1000 ms",
    ]


def test_of_a_big_library_the_slowest_media_are_shown_and_the_others_counted(story: Story) -> None:
    library(story, 300)
    lines = story.lines(limit=2)
    assert [line.split()[1] for line in lines if "execution medium" in line] == ["medium-300", "medium-299"]
    assert "    ... 298 more media, each faster than these" in lines
    assert len(lines) < 20
    [run] = story.json(limit=2)["executions"]
    [node] = [state for state in run["children"] if state["name"] == "Sync each medium"]
    assert (len(node["children"]), node["not_shown"]) == (2, 298)
    assert len(story.json()["executions"][0]["children"][1]["children"]) == 300


def test_every_attempt_of_a_state_is_an_invocation_of_its_own(story: Story) -> None:
    story.visit(PARENT, "List media", 0, 9, attempts=2)
    story.invocation(PARENT, "List media", 0, 3, error="Sandbox.Timedout")
    story.invocation(PARENT, "List media", 5, 9)
    story.visit(PARENT, "List media", 9, 12)
    story.invocation(PARENT, "List media", 9.5, 12)
    assert story.lines()[1:] == [
        "  state List media  9000 ms",
        "    invocation downloader  3000 ms, 61 MB  ERROR Sandbox.Timedout",
        "    invocation downloader  4000 ms, 61 MB",
        "  state List media  3000 ms",
        "    invocation downloader  2500 ms, 61 MB",
    ]
    assert story.json()["executions"][0]["children"][0]["attempts"] == 2


def test_a_state_that_is_entered_again_in_the_same_millisecond_has_its_own_invocations(story: Story) -> None:
    for number in range(3):
        story.visit(PARENT, "Download medium", number, number + 1)
        story.invocation(PARENT, "Download medium", number + 0.0004, number + 1)
    assert story.lines()[1:] == 3 * ["  state Download medium  1000 ms", "    invocation downloader  1000 ms, 61 MB"]


def test_iterations_of_an_inline_map_hang_below_it(story: Story) -> None:
    story.visit(PARENT, "Upload parts", 0, 9, "Map")
    for index in range(2):
        story.visit(PARENT, "Upload range", 1, 4 + index, iteration=f"Upload parts[{index}]")
        story.invocation(PARENT, "Upload range", 1, 4 + index, iteration=f"Upload parts[{index}]")
    story.visit(PARENT, "Done", 9, 9, "Succeed")
    assert story.lines() == [
        "execution run-1  9000 ms",
        "  state Upload parts  9000 ms",
        "    state Upload range (Upload parts[0])  3000 ms",
        "      invocation downloader  3000 ms, 61 MB",
        "    state Upload range (Upload parts[1])  4000 ms",
        "      invocation downloader  4000 ms, 61 MB",
        "  state Done  0 ms",
    ]


def test_subsegments_that_differ_in_a_number_only_are_summed_up(story: Story) -> None:
    story.visit(PARENT, "Download medium", 0, 9)
    work = story.invocation(PARENT, "Download medium", 0, 9)
    for number in range(1, 31):
        story.segment(f"s3_upload_part_{number}", number / 10, number / 10 + number / 100, work, fault=number == 3)
    story.segment(
        "s3_complete_multipart_upload", 5, 6, work, namespace="aws", http_status=503, error_type="ClientError"
    )
    assert story.lines()[3:] == [
        "      s3_upload_part_N: 30 times, median 155 ms, slowest 300 ms, 1 with errors; the slowest:",
        "        subsegment s3_upload_part_30  300 ms",
        "        subsegment s3_upload_part_29  290 ms",
        "      subsegment s3_complete_multipart_upload  1000 ms, aws, HTTP 503  ERROR ClientError",
    ]


def test_what_never_ended_says_so_and_is_the_slowest(story: Story) -> None:
    library(story, 3)
    story.records[2].exited_at = None
    lines = story.lines(limit=1)
    assert "    execution medium-1 GX0001.MP4  never ended" in lines
    assert not any("medium-3" in line for line in lines)


def test_a_failed_execution_carries_its_last_states_error(story: Story) -> None:
    story.visit(PARENT, "List media", 0, 1, error="RunError")
    story.visit(PARENT, "Failed", 1, 2, "Fail", error="RunFailed")
    assert story.lines()[0] == "execution run-1  2000 ms  ERROR RunFailed"


def test_segments_of_other_runs_stay_away_and_lost_parents_are_counted(story: Story) -> None:
    library(story, 1)
    story.segment("retrieve_credentials", 3, 4, "f" * 16)
    story.segment("retrieve_credentials", 3, 4, "e" * 16, trace=OTHER)
    story.segment("List media", 0, 1, origin=STATE, resource="arn:another", trace=OTHER)
    assert story.lines()[-1] == "1 subsegments have no known parent"
    assert story.json()["astray"] == 1


def test_the_tree_is_plain_json(story: Story) -> None:
    library(story, 1)
    found = json.loads(json.dumps(story.json()))
    medium = found["executions"][0]["children"][1]["children"][0]
    assert medium["start"] == "1970-01-01T00:16:42.000+00:00"
    assert medium["arn"] == child(1)
    invocation = medium["children"][0]["children"][0]
    assert (invocation["kind"], invocation["cold"], invocation["init_ms"]) == ("invocation", True, 90.0)
    assert (invocation["request_id"][:3], invocation["peak_mb"]) == ("id-", 61.4)


def test_a_run_without_traces_is_still_a_tree_and_no_run_is_none(story: Story) -> None:
    story.visit(PARENT, "Begin the run", 0, 1)
    assert story.lines() == ["execution run-1  1000 ms", "  state Begin the run  1000 ms"]
    assert trace_tree([], [], []).lines() == []
