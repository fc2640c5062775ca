"""Whole runs: the real state machine over the real handlers in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.gopro.library import SimMedium
from sandbox.gopro.messages import Request, Response
from sandbox.s3.behaviour import Action, Call, Drop
from sandbox.s3.behaviour import Stage as Moment
from tests.support.holding import HeldArchive
from tests.support.pipeline import MIB, PART, make_file, make_medium, source
from tests.support.stage import Stage, open_stage, shorten_timeouts, synthesize

SETTINGS = {
    "multipart_threshold": str(5 * MIB),
    "bytes_per_function": str(PART),
    "max_concurrent_media": "1",
    "max_functions_per_medium": "2",
    "workers": "2",
}
EVENT_KEYS = {"schema", "run_id", "media_id", "filename", "file_size", "upload_date"}


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("workflow")
    assembly = synthesize(folder, SETTINGS)
    shorten_timeouts(assembly, 6)
    with open_stage(folder, assembly) as stage:
        yield stage


@pytest.fixture(name="media")
def _media(stage: Stage, tmp_path: Path, request: pytest.FixtureRequest) -> list[SimMedium]:
    """Three small videos that no other test has, served; cookies stored."""
    tag = f"{abs(hash(request.node.name)) % 10**8:08d}"
    media = [
        make_medium(
            f"{tag}{number:016x}",
            source(make_file(tmp_path / f"GX01{number:04d}.MP4", 150_000 + number, seed=number)),
            captured_at=f"2024-0{number}-01T00:00:00Z",
        )
        for number in (1, 2, 3)
    ]
    stage.serve(*media)
    stage.store_cookies()
    return media


def contents(*media: SimMedium) -> dict[str, bytes]:
    return {piece.path.name: piece.path.read_bytes() for medium in media for piece in medium.pieces}


def for_medium(stage: Stage, medium: SimMedium, act: Callable[[Request], Response | None]) -> None:
    """Let the CDN behave like ``act`` for one medium."""

    def behave(request: Request) -> Response | None:
        if medium.object_id not in request.path or request.path.startswith("/media/"):
            return None
        return act(request)

    stage.gopro_behaviour = behave


def kill_functions(stage: Stage, name: str) -> None:
    """SIGKILL every process of one function."""
    (pids,) = [found for function, found in stage.account.function_pids().items() if name in function.lower()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def entry(report: dict[str, Any], medium: SimMedium) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in report["media"] if item["media_id"] == medium.media_id)
    return found


def test_no_cookies_yet_is_a_quiet_skip(stage: Stage) -> None:
    stage.serve()
    result, report = stage.run()
    assert result.status == "SUCCEEDED"
    assert result.output["status"] == "SKIPPED"
    assert report["status"] == "SKIPPED"
    assert "no cookies" in result.output["reason"]
    assert stage.account.notifications() == []


@pytest.mark.verifies("pipeline.one-command")
def test_a_run_copies_everything_and_the_next_one_nothing(stage: Stage, media: list[SimMedium]) -> None:
    result, report = stage.run()
    assert result.status == "SUCCEEDED"
    assert (report["status"], report["counts"]["completed"]) == ("SUCCEEDED", 3)
    assert report["bytes_transferred"] == sum(medium.pieces[0].size for medium in media)
    assert stage.objects(*media) == contents(*media)
    _, second = stage.run()
    assert (second["counts"]["already_synced"], second["bytes_transferred"], second["media"]) == (3, 0, [])


def test_the_downloaders_event_is_the_contracts_and_children_return_little(
    stage: Stage, media: list[SimMedium]
) -> None:
    execution = stage.start()
    stage.wait(execution)
    records = stage.account.records(execution)
    inputs = [record.input for record in records if record.state_name == "Download medium"]
    assert len(inputs) == len(media)
    assert all(set(value) == EVENT_KEYS for value in inputs)
    outputs = [record.output for record in records if record.state_name == "Medium done"]
    assert len(outputs) == len(media)
    assert all(len(json.dumps(value)) <= 200 for value in outputs)
    child = [record.state_name for record in records if record.execution_arn == records[-3].execution_arn]
    assert len(child) <= 4 or child[0] == "Receive the input"


@pytest.mark.verifies("functions.errors")
def test_a_crashing_function_fails_its_medium_alone(stage: Stage, media: list[SimMedium]) -> None:
    for_medium(stage, media[1], lambda _: kill_functions(stage, "videodownloader"))
    result, report = stage.run({"limit": 3})
    assert result.status == "SUCCEEDED"
    assert report["status"] == "PARTIAL"
    assert entry(report, media[1])["status"] == "FAILED"
    assert "Runtime.ExitError" in entry(report, media[1])["reason"]
    assert stage.objects(media[0], media[2]) == contents(media[0], media[2])
    assert stage.objects(media[1]) == {}
    stage.gopro_behaviour = None
    _, second = stage.run()
    assert (second["counts"]["completed"], second["counts"]["already_synced"]) == (1, 2)


@pytest.mark.verifies("functions.timeout")
def test_a_function_that_times_out_fails_its_medium_alone(stage: Stage, media: list[SimMedium]) -> None:
    gate = threading.Event()

    def stall(request: Request) -> Response | None:
        gate.wait(60)
        return None

    for_medium(stage, media[0], stall)
    try:
        result, report = stage.run()
    finally:
        gate.set()
    assert result.status == "SUCCEEDED"
    assert "Sandbox.Timedout" in entry(report, media[0])["reason"]
    assert stage.objects(media[1], media[2]) == contents(media[1], media[2])


def test_a_medium_that_fails_by_itself_is_named_with_its_reason(stage: Stage, media: list[SimMedium]) -> None:
    for_medium(stage, media[2], lambda _: Response(200, {"Content-Type": "text/html"}, b"<html>sorry</html>"))
    result, report = stage.run()
    assert result.status == "SUCCEEDED"
    assert (report["status"], report["counts"]["failed"], report["counts"]["completed"]) == ("PARTIAL", 1, 2)
    assert entry(report, media[2])["reason"].startswith("WrongContent")
    assert "1 medium failed" in stage.account.notifications()[-1]["subject"]


def test_f47_a_function_killed_right_after_complete_leaves_one_object_and_a_true_row(
    stage: Stage, media: list[SimMedium], tmp_path: Path
) -> None:
    large = make_medium(f"f47{'0' * 21}", source(make_file(tmp_path / "GX010047.MP4", 6 * MIB)))
    stage.serve(large)
    struck: list[int] = []

    def kill(moment: Moment, call: Call) -> Action | None:
        if moment == Moment.ANSWER and call.operation == "CompleteMultipartUpload" and not struck:
            struck.append(1)
            kill_functions(stage, "videodownloader")
            return Drop()
        return None

    stage.s3_behaviour = kill
    _, report = stage.run()
    assert struck
    assert entry(report, large)["status"] == "COMPLETED"
    assert stage.objects(large) == contents(large)
    assert stage.s3.open_uploads(stage.deployment.archive_bucket) == []


def test_a_large_medium_is_moved_by_several_functions(stage: Stage, media: list[SimMedium], tmp_path: Path) -> None:
    large = make_medium(f"b16{'0' * 21}", source(make_file(tmp_path / "GX010016.MP4", 2 * PART + 7)))
    stage.serve(large)
    execution = stage.start()
    stage.wait(execution)
    report = stage.report_of(execution)
    assert entry(report, large)["status"] == "COMPLETED"
    assert stage.objects(large) == contents(large)
    states = [record.state_name for record in stage.account.records(execution)]
    assert states.count("Upload a range of parts") == 2
    assert report["bytes_transferred"] == large.pieces[0].size


def test_a_range_that_is_lost_is_done_again(stage: Stage, media: list[SimMedium], tmp_path: Path) -> None:
    large = make_medium(f"b17{'0' * 21}", source(make_file(tmp_path / "GX010017.MP4", 2 * PART + 7)))
    stage.serve(large)
    struck: list[int] = []

    def kill(moment: Moment, call: Call) -> Action | None:
        if call.operation == "UploadPart" and moment == Moment.REQUEST and len(struck) < 6:
            struck.append(1)
            kill_functions(stage, "multipartuploader")
            return Drop()
        return None

    stage.s3_behaviour = kill
    _, report = stage.run()
    assert len(struck) == 6, struck
    assert entry(report, large)["status"] == "COMPLETED"
    assert stage.objects(large) == contents(large)


def test_two_runs_at_once_the_second_is_skipped_and_says_who_works(stage: Stage, media: list[SimMedium]) -> None:
    hold = HeldArchive()
    stage.s3_behaviour = hold
    first = stage.start()
    assert hold.reached.wait(60)
    result, report = stage.run()
    hold.gate.set()
    assert (result.status, report["status"]) == ("SUCCEEDED", "SKIPPED")
    assert "still at work" in result.output["reason"]
    assert stage.wait(first).status == "SUCCEEDED"
    assert stage.report_of(first)["counts"]["completed"] == 3


def test_the_lock_and_the_leases_of_a_dead_run_are_taken_over(stage: Stage, media: list[SimMedium]) -> None:
    hold = HeldArchive()
    stage.s3_behaviour = hold
    first = stage.start()
    assert hold.reached.wait(60)
    stage.account.stop(first)
    assert stage.wait(first).status == "ABORTED"
    stage.s3_behaviour = None
    hold.gate.set()
    _, report = stage.run()
    assert (report["status"], report["counts"]["failed"]) == ("SUCCEEDED", 0)
    assert stage.objects(*media) == contents(*media)


def test_refused_cookies_end_the_run_once_and_the_next_one_goes_on(stage: Stage, media: list[SimMedium]) -> None:
    asked: list[str] = []

    def expire(request: Request) -> Response | None:
        if request.path.endswith("/download"):
            asked.append(request.path)
            return Response(401, {}, b"{}") if len(asked) > 1 else None
        return None

    stage.gopro_behaviour = expire
    mails = len(stage.account.notifications())
    result, report = stage.run()
    assert result.status == "FAILED"
    assert result.error == "CredentialsExpired"
    assert "fresh cookies" in (result.cause or "")
    assert report["status"] == "FAILED"
    assert report["counts"]["failed"] >= 1
    assert len(stage.account.notifications()) == mails + 1
    assert all("attempts" not in stage.row(medium) for medium in media)
    stage.gopro_behaviour = None
    _, second = stage.run()
    assert second["status"] == "SUCCEEDED"
    assert stage.objects(*media) == contents(*media)


@pytest.mark.parametrize(
    ("run_input", "says"),
    [({"dryrun": True}, "did you mean dry_run"), ({"limit": 0}, "limit must be"), ([], "must be a JSON object")],
    ids=["unknown key", "bad value", "no object"],
)
def test_a_wrong_input_fails_with_a_sentence_before_anything_runs(
    stage: Stage, media: list[SimMedium], run_input: object, says: str
) -> None:
    result, report = stage.run(run_input)
    assert (result.status, result.error) == ("FAILED", "InvalidInput")
    assert says in (result.cause or "")
    assert report["status"] == "FAILED"
    assert stage.objects(*media) == {}


def test_a_malformed_secret_fails_with_a_sentence_that_shows_nothing_of_it(
    stage: Stage, media: list[SimMedium]
) -> None:
    stage.account.put_secret(stage.deployment.secret_name, '{"cookie": "canary-value"}')
    result, report = stage.run()
    stage.store_cookies()
    assert (result.status, result.error) == ("FAILED", "CredentialsMalformed")
    assert "cookies" in (result.cause or "")
    assert "canary-value" not in json.dumps(report) + (result.cause or "")


def test_a_dry_run_says_what_it_would_copy_and_writes_no_row(stage: Stage, media: list[SimMedium]) -> None:
    before = stage.account.tracker_rows()
    result, report = stage.run({"dry_run": True})
    assert result.status == "SUCCEEDED"
    assert report["counts"]["skipped"] == 3
    assert {item["reason"] for item in report["media"]} == {"dry run: would be copied"}
    assert stage.account.tracker_rows() == before
    assert stage.objects(*media) == {}


def test_filters_leave_out_the_rest_and_the_oldest_come_first(stage: Stage, media: list[SimMedium]) -> None:
    _, report = stage.run({"limit": 1})
    assert (report["counts"]["completed"], report["counts"]["skipped"]) == (1, 2)
    assert stage.objects(*media) == contents(media[0])
    _, report = stage.run({"media_ids": [media[2].media_id]})
    assert report["counts"] == {
        "listed": 3,
        "completed": 1,
        "already_synced": 1,
        "not_ready": 0,
        "source_deleted": 0,
        "failed": 0,
        "skipped": 1,
    }


@pytest.mark.verifies("pipeline.no-secrets")
def test_no_secret_is_in_state_rows_documents_or_logs(stage: Stage, media: list[SimMedium]) -> None:
    execution = stage.start()
    stage.wait(execution)
    kept = json.dumps(stage.account.history(execution)) + json.dumps(stage.account.tracker_rows())
    kept += "".join(item.path.read_text(errors="replace") for item in stage.documents())
    kept += "".join(path.read_text(errors="replace") for path in stage.account.log_dir.iterdir())
    assert all(canary not in kept for canary in stage.gopro.canaries)
    assert "Signature=" not in kept
