"""The report out of manifest and tracker, also where the index lags behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cloud_sync_common.models import MediaId, Status
from cloud_sync_common.rules.events import Execution
from cloud_sync_common.rules.report import adds_up
from tests.support.aws import make_client
from tests.support.runs import START, Runs

THIS = Execution("arn:n1", "n1", START)
RUN = THIS.run_id
SYNCED = {"signature": "aaaa", "synced_signature": "aaaa"}
Items = list[dict[str, Any]]


@contextmanager
def lagging_index(change: Callable[[Items], Items]) -> Iterator[None]:
    """The index shows what ``change`` makes of it: global secondary indexes are eventually consistent."""
    events = make_client("dynamodb").meta.events

    def lag(parsed: dict[str, Any], **rest: Any) -> None:
        if parsed["Items"] and "run_id" in parsed["Items"][0]:
            parsed["Items"] = change(parsed["Items"])

    def only_the_index(params: dict[str, Any], **rest: Any) -> None:
        if "IndexName" in params:
            events.register_first("after-call.dynamodb.Query", lag, unique_id="lag")
        else:
            events.unregister("after-call.dynamodb.Query", unique_id="lag")

    events.register("provide-client-params.dynamodb.Query", only_the_index, unique_id="index")
    try:
        yield
    finally:
        events.unregister("provide-client-params.dynamodb.Query", unique_id="index")
        events.unregister("after-call.dynamodb.Query", unique_id="lag")


def _build(runs: Runs, execution: Execution = THIS) -> dict[str, Any]:
    return runs.reporting.build(execution, {})[0]


def _status(runs: Runs) -> dict[str, str]:
    report = _build(runs)
    assert adds_up(report["counts"])
    return {one["media_id"]: one["status"] for one in report["media"]}


def test_every_medium_of_manifest_and_summary_is_in_the_report(runs: Runs) -> None:
    skipped = [{"media_id": "m9", "filename": "m9.MP4", "reason": "beyond limit"}]
    runs.listed(THIS, "m1", "m2", "m3", "m4", "m5", "m6", already_synced=7, skipped=skipped)
    runs.finish(RUN, "m1", Status.COMPLETED)
    runs.finish(RUN, "m2", Status.FAILED, reason="KeyConflict: x")
    runs.finish(RUN, "m3", Status.NOT_READY, reason="transcoding")
    runs.finish(RUN, "m4", Status.COMPLETED, note="source_deleted")
    runs.finish("earlier", "m5", Status.COMPLETED, **SYNCED)
    runs.claim(RUN, "m6")
    report = _build(runs)
    assert report["counts"] == {
        "listed": 14,
        "completed": 1,
        "already_synced": 8,
        "not_ready": 1,
        "source_deleted": 1,
        "failed": 2,
        "skipped": 1,
    }
    assert {one["media_id"]: (one["status"], one["reason"]) for one in report["media"]} == {
        "m9": ("SKIPPED", "beyond limit"),
        "m1": ("COMPLETED", ""),
        "m2": ("FAILED", "KeyConflict: x"),
        "m3": ("NOT_READY", "transcoding"),
        "m4": ("SOURCE_DELETED", "GoPro no longer has this medium"),
        "m6": ("FAILED", "not finished by this run"),
    }


def test_a_changed_medium_that_a_stopped_run_never_reached_is_a_failure(runs: Runs) -> None:
    runs.listed(THIS, "m1")
    runs.finish("earlier", "m1", Status.COMPLETED, signature="new", synced_signature="old")
    assert _status(runs) == {"m1": "FAILED"}


def test_an_archived_medium_that_this_run_has_looked_at_is_synced(runs: Runs) -> None:
    runs.listed(THIS, "m1", "m2")
    for media_id in ("m1", "m2"):
        runs.finish("earlier", media_id, Status.COMPLETED, signature="new", synced_signature="new", fallback=True)
    runs.finish(RUN, "m1", Status.COMPLETED, completed_run_id="earlier")
    report = _build(runs)
    assert (report["counts"]["already_synced"], report["counts"]["failed"]) == (1, 1)


def test_ids_that_the_library_does_not_have_make_the_run_partial(runs: Runs) -> None:
    runs.listed(THIS, unknown=2)
    report = _build(runs)
    assert report["status"] == "PARTIAL"
    assert report["reason"] == "2 of the media_ids asked for are not in the library"


def test_a_medium_without_row_is_a_failure(runs: Runs) -> None:
    runs.listed(THIS, "m1")
    assert _status(runs) == {"m1": "FAILED"}


def test_a_medium_that_another_run_works_on_is_not_finished_by_this_one(runs: Runs) -> None:
    runs.listed(THIS, "m1")
    runs.claim("another", "m1")
    assert _status(runs) == {"m1": "FAILED"}


def test_the_bytes_of_this_run_are_added_up(runs: Runs) -> None:
    runs.listed(THIS, "m1", "m2", "m3")
    runs.finish(RUN, "m1", Status.COMPLETED, bytes_transferred=2**40)
    runs.finish(RUN, "m2", Status.FAILED, bytes_transferred=5)
    runs.finish("earlier", "m3", Status.COMPLETED, bytes_transferred=1_000)
    assert _build(runs)["bytes_transferred"] == 2**40 + 5


@pytest.mark.parametrize("started_at", [START, "2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00"])
def test_the_runs_seconds_count_from_its_start(runs: Runs, started_at: str) -> None:
    assert _build(runs, Execution("arn:n1", "n1", started_at))["seconds"] == 65


def test_a_start_in_the_future_is_no_negative_time(runs: Runs) -> None:
    runs.now -= 1_000
    assert _build(runs)["seconds"] == 0


def test_archived_pieces_are_listed_with_key_size_and_checksum(runs: Runs) -> None:
    runs.listed(THIS, "m1")
    runs.archive_piece(RUN, "m1", "source-2", position=2)
    runs.archive_piece(RUN, "m1")
    runs.finish(RUN, "m1", Status.COMPLETED, piece_count=2)
    (medium,) = _build(runs)["media"]
    assert [piece["piece"] for piece in medium["pieces"]] == ["source-1", "source-2"]
    assert medium["pieces"][0] == {
        "piece": "source-1",
        "key": "gopro-videos/2026/01/m1/source-1.MP4",
        "size": 1_000,
        "crc64nvme": "AAAAAAAAAAA=",
        "quality": "source",
    }


def test_pieces_that_an_earlier_run_archived_are_listed_too(runs: Runs) -> None:
    runs.listed(THIS, "m1")
    runs.archive_piece("earlier", "m1")
    runs.aws.tracker.claim(  # as after a run that died: the lease has expired
        MediaId("m1"), seen=1, owner=RUN, now=runs.now + 901, expires=runs.now + 2_000, facts={"run_id": RUN}
    )
    runs.archive_piece(RUN, "m1", "source-2", position=2)
    runs.finish(RUN, "m1", Status.COMPLETED, piece_count=2)
    (medium,) = _build(runs)["media"]
    assert [piece["piece"] for piece in medium["pieces"]] == ["source-1", "source-2"]


def test_pieces_of_a_failed_medium_that_did_arrive_are_named(runs: Runs) -> None:
    runs.listed(THIS, "m1")
    runs.archive_piece(RUN, "m1")
    runs.finish(RUN, "m1", Status.FAILED, reason="x")
    (medium,) = _build(runs)["media"]
    assert [piece["piece"] for piece in medium["pieces"]] == ["source-1"]


def test_the_run_lock_is_no_medium(runs: Runs) -> None:
    runs.aws.ledger.take_lock("arn:n1", {"run_id": RUN})
    runs.listed(THIS)
    assert _status(runs) == {}


def test_what_stopped_the_run_is_told_beside_the_report(runs: Runs) -> None:
    runs.aws.ledger.raise_stop_flag(RUN, "CredentialsExpired", "401")
    report, ending = runs.reporting.build(THIS, {"Error": "States.ExceedToleratedFailureThreshold", "Cause": "x"})
    assert (report["status"], ending.error) == ("FAILED", "CredentialsExpired")


# The index


def _nothing(items: Items) -> Items:
    return []


def _older(items: Items) -> Items:
    return [{**item, "status": {"S": "IN_PROGRESS"}} for item in items]


def _of_an_earlier_run(items: Items) -> Items:
    return [{**item, "completed_run_id": {"S": "earlier"}} for item in items]


@pytest.mark.parametrize("lag", [_nothing, _older, _of_an_earlier_run])
def test_a_lagging_index_makes_no_failure_of_a_completed_medium(runs: Runs, lag: Callable[[Items], Items]) -> None:
    runs.listed(THIS, "m1")
    runs.archive_piece(RUN, "m1")
    runs.finish(RUN, "m1", Status.COMPLETED, piece_count=1)
    with lagging_index(lag):
        assert _status(runs) == {"m1": "COMPLETED"}


@pytest.mark.parametrize("lag", [_nothing, _older])
def test_a_lagging_index_hides_no_piece_of_a_completed_medium(runs: Runs, lag: Callable[[Items], Items]) -> None:
    runs.listed(THIS, "m1")
    runs.archive_piece(RUN, "m1")
    runs.finish(RUN, "m1", Status.COMPLETED, piece_count=1)
    with lagging_index(lag):
        (medium,) = _build(runs)["media"]
    assert [piece["piece"] for piece in medium["pieces"]] == ["source-1"]


def test_more_media_than_one_page_of_the_index_are_all_found(runs: Runs) -> None:
    names = [f"m{number}" for number in range(6)]
    runs.listed(THIS, *names)
    for name in names:
        runs.finish(RUN, name, Status.COMPLETED, padding="x" * 250_000)
    assert set(_status(runs).values()) == {"COMPLETED"}
