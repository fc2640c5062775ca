"""``run_control``: begins a run under the lock, records what died, ends a run with its report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from cloud_sync_common.errors import InvalidInput, LeaseLost
from cloud_sync_common.models import MediaId, Outcome, Status
from cloud_sync_common.rules.outcomes import download_result
from cloud_sync_common.rules.report import COUNTS
from cloud_sync_common.services.run_control import MAIL_BYTES, RUN_ROW_DAYS
from tests.support.kill_switch import Killed
from tests.support.runs import NO_MEDIA, Runs

TIMED_OUT = {"Error": "Sandbox.Timedout", "Cause": '{"errorMessage": "2026 Task timed out after 900.00 seconds"}'}
BEGUN = {
    "run_id",
    "status",
    "counts",
    "bytes_transferred",
    "seconds",
    "report_key",
    "error",
    "reason",
    "decision",
    "results_prefix",
    "limits",
}


def _owner(runs: Runs) -> object:
    return (runs.aws.ledger.lock() or {}).get("lock_owner")


@pytest.fixture
def ready(runs: Runs) -> Runs:
    """An account whose secret has a value."""
    runs.store_cookies()
    return runs


# Begin


def test_a_run_begins_with_lock_row_and_request(ready: Runs) -> None:
    execution = ready.start("n1")
    begun = ready.control.begin(execution, {"limit": 3})
    assert set(begun) == BEGUN
    assert (begun["decision"], begun["run_id"], begun["error"]) == ("PROCEED", "20260131T120000Z-n1", "")
    assert begun["limits"] == {"max_concurrency": 8, "tolerated_failures": 5}
    assert begun["results_prefix"] == "runs/20260131T120000Z-n1/results"
    assert _owner(ready) == execution.arn
    assert ready.document(execution, "request.json") == {"limit": 3}
    row = ready.aws.ledger.run(execution.run_id) or {}
    assert (row["status"], row["execution_arn"]) == ("RUNNING", execution.arn)
    assert row["expires_at"] == ready.now + RUN_ROW_DAYS * 86_400


def test_beginning_again_is_the_same(ready: Runs) -> None:
    execution = ready.start("n1")
    first = ready.control.begin(execution, {})
    assert ready.control.begin(execution, {}) == first


@pytest.mark.parametrize("raw", [{"limits": 1}, [], None, {"limit": 0}])
def test_a_wrong_input_is_refused_before_anything_is_written(ready: Runs, raw: object) -> None:
    execution = ready.start("n1")
    with pytest.raises(InvalidInput):
        ready.control.begin(execution, raw)
    assert ready.aws.rows() == []
    assert ready.document(execution, "request.json") is None


def test_without_cookies_a_run_is_skipped_and_holds_no_lock(runs: Runs) -> None:
    execution = runs.start("n1")
    begun = runs.control.begin(execution, {})
    assert set(begun) == BEGUN
    assert (begun["decision"], begun["status"]) == ("SKIP", "SKIPPED")
    assert begun["reason"] == "no cookies are stored yet in the secret gopro/credentials"
    assert runs.document(execution, "report.json")["status"] == "SKIPPED"
    assert (runs.aws.rows(), runs.mails()) == ([], [])


def test_a_second_run_is_skipped_while_the_first_is_alive(ready: Runs) -> None:
    first, second = ready.start("n1"), ready.start("n2")
    ready.control.begin(first, {})
    begun = ready.control.begin(second, {})
    assert (begun["decision"], begun["reason"]) == ("SKIP", f"run {first.run_id} is still at work")
    assert _owner(ready) == first.arn
    assert ready.aws.ledger.run(second.run_id) is None


def test_the_lock_of_a_run_that_died_is_taken_over(ready: Runs) -> None:
    first, second = ready.start("n1"), ready.start("n2")
    ready.control.begin(first, {})
    ready.stop(first)
    assert ready.control.begin(second, {})["decision"] == "PROCEED"
    assert _owner(ready) == second.arn
    assert (ready.aws.ledger.run(first.run_id) or {})["status"] == "ABANDONED"


@pytest.mark.parametrize("call", range(1, 8))
def test_a_dead_run_is_abandoned_even_if_its_successor_was_killed_in_the_middle_of_beginning(
    ready: Runs, call: int
) -> None:
    first, second, third = ready.start("n1"), ready.start("n2"), ready.start("n3")
    ready.control.begin(first, {})
    ready.stop(first)
    with suppress(Killed), _killed_after(ready, call):
        ready.control.begin(second, {})
    ready.stop(second)
    assert ready.control.begin(third, {})["decision"] == "PROCEED"
    assert _owner(ready) == third.arn
    for dead in (first, second):
        assert (ready.aws.ledger.run(dead.run_id) or {"status": "never begun"})["status"] != "RUNNING"


@contextmanager
def _killed_after(runs: Runs, call: int) -> Iterator[None]:
    """Raise ``Killed`` when the table has carried out its n-th call."""
    seen: list[int] = []

    def strike(**_: object) -> None:
        seen.append(1)
        if len(seen) == call:
            raise Killed

    events: Any = runs.aws.dynamodb.meta.events
    events.register("after-call.dynamodb", strike, unique_id="killed-after")
    try:
        yield
    finally:
        events.unregister("after-call.dynamodb", unique_id="killed-after")


def test_the_lock_of_an_execution_that_nobody_remembers_is_taken_over(ready: Runs) -> None:
    ready.aws.ledger.take_lock("arn:aws:states:eu-central-1:123456789012:execution:sync:gone", {"run_id": "old"})
    assert ready.control.begin(ready.start("n1"), {})["decision"] == "PROCEED"


def test_the_lock_of_another_state_machine_is_taken_over_whatever_became_of_it(ready: Runs) -> None:
    execution = ready.start("n1")
    former = ready.start_elsewhere("old-sync", "n0")
    assert ready.aws.ledger.take_lock(former, {"run_id": "old"})
    assert ready.control.begin(execution, {})["decision"] == "PROCEED"
    assert _owner(ready) == execution.arn


def test_how_a_run_ended_is_not_rewritten_by_whoever_takes_its_lock(ready: Runs) -> None:
    first = ready.start("n1")
    ready.control.begin(first, {})
    ready.aws.ledger.end(first.run_id, {"status": "SUCCEEDED", "ended_at": "then"})
    ready.stop(first)
    ready.control.begin(ready.start("n2"), {})
    row = ready.aws.ledger.run(first.run_id) or {}
    assert (row["status"], row["ended_at"]) == ("SUCCEEDED", "then")


def test_a_dry_run_needs_no_lock_and_writes_no_row(ready: Runs) -> None:
    ready.control.begin(ready.start("n1"), {})
    before = ready.aws.rows()
    dry = ready.start("n2")
    assert ready.control.begin(dry, {"dry_run": True})["decision"] == "PROCEED"
    ready.listed(dry)
    assert ready.control.end(dry, {})["counts"]["failed"] == 0
    assert ready.aws.rows() == before


# Failures


def test_a_medium_whose_function_died_is_failed_with_the_reason(ready: Runs) -> None:
    generation = ready.claim("r1", "m1")
    assert ready.control.record_failure("r1", MediaId("m1"), TIMED_OUT) == download_result(
        MediaId("m1"), Outcome.FAILED
    )
    row = ready.aws.tracker.medium(MediaId("m1")) or {}
    assert (row["status"], row["attempts"]) == ("FAILED", 1)
    assert row["reason"] == "Sandbox.Timedout: the function did not finish"
    assert json.loads(ready.metrics.getvalue())["ErrorType"] == "Sandbox.Timedout"
    with pytest.raises(LeaseLost):
        ready.aws.tracker.update_medium(MediaId("m1"), generation, {"x": 1})


def test_an_error_of_ours_keeps_its_own_words(ready: Runs) -> None:
    ready.claim("r1", "m1")
    cause = json.dumps({"errorType": "SourceGone", "errorMessage": "GoPro lists the medium, but not its file"})
    ready.control.record_failure("r1", MediaId("m1"), {"Error": "SourceGone", "Cause": cause})
    row = ready.aws.tracker.medium(MediaId("m1")) or {}
    assert row["reason"] == "SourceGone: GoPro lists the medium, but not its file"
    assert json.loads(ready.metrics.getvalue())["ErrorType"] == "SourceGone"


def test_an_error_that_nobody_has_heard_of_is_one_of_a_closed_list_in_the_metrics(ready: Runs) -> None:
    ready.claim("r1", "m1")
    ready.control.record_failure("r1", MediaId("m1"), {"Error": "KeyError", "Cause": "{}"})
    assert (ready.aws.tracker.medium(MediaId("m1")) or {})["reason"] == "KeyError: the function did not finish"
    assert json.loads(ready.metrics.getvalue())["ErrorType"] == "Other"


def test_recording_a_failure_again_counts_no_more_than_one_more_attempt(ready: Runs) -> None:
    ready.claim("r1", "m1")
    for _ in range(2):
        ready.control.record_failure("r1", MediaId("m1"), TIMED_OUT)
    assert (ready.aws.tracker.medium(MediaId("m1")) or {})["status"] == "FAILED"


@pytest.mark.parametrize("owner", ["r1", "r2"])
def test_a_failure_is_harmless_for_what_finished_or_belongs_to_another_run(ready: Runs, owner: str) -> None:
    ready.claim(owner, "m1")
    if owner == "r1":
        ready.finish("r1", "m1", Status.COMPLETED)
    before = ready.aws.rows()
    ready.control.record_failure("r1", MediaId("m1"), TIMED_OUT)
    assert ready.aws.rows() == before
    assert ready.metrics.getvalue() == ""


# End


def test_a_run_ends_with_report_row_and_free_lock(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    ready.listed(execution, "m1", already_synced=2)
    ready.finish(execution.run_id, "m1", Status.COMPLETED, bytes_transferred=1_000)
    ended = ready.control.end(execution, {})
    assert ended == {
        "run_id": execution.run_id,
        "status": "SUCCEEDED",
        "counts": {**dict.fromkeys(COUNTS, 0), "listed": 3, "completed": 1, "already_synced": 2},
        "bytes_transferred": 1_000,
        "seconds": 65,
        "report_key": f"runs/{execution.run_id}/report.json",
        "error": "",
        "reason": "",
    }
    report = ready.document(execution, "report.json")
    assert report["counts"] == ended["counts"]
    assert (ready.aws.ledger.run(execution.run_id) or {})["status"] == "SUCCEEDED"
    assert ready.aws.ledger.lock() is None
    assert ready.mails() == []


def test_ending_again_gives_the_same_result(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    ready.listed(execution)
    assert ready.control.end(execution, {}) == ready.control.end(execution, {})


def test_a_person_is_told_of_failed_media_once(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    ready.listed(execution, "m1")
    ready.finish(execution.run_id, "m1", Status.FAILED, reason="KeyConflict: other bytes")
    ended = ready.control.end(execution, {})
    assert (ended["status"], ended["error"]) == ("PARTIAL", "")
    (mail,) = ready.mails()
    assert mail["Subject"] == "GoPro sync PARTIAL: 1 medium failed"
    assert "`m1.MP4` (m1): KeyConflict: other bytes" in mail["Message"]


def test_a_stopped_run_fails_with_the_first_cause_and_one_mail(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    ready.listed(execution, "m1", "m2")
    ready.aws.ledger.raise_stop_flag(execution.run_id, "CredentialsExpired", "GoPro refuses the cookies (401)")
    ended = ready.control.end(execution, {"Error": "States.ExceedToleratedFailureThreshold", "Cause": "c4n4ry"})
    assert (ended["status"], ended["error"]) == ("FAILED", "CredentialsExpired")
    assert ended["reason"] == "CredentialsExpired: GoPro refuses the cookies (401)"
    assert ended["counts"]["failed"] == 2
    assert len(ready.mails()) == 1
    assert ready.aws.ledger.lock() is None


def test_a_failed_run_has_an_error_name_for_the_state_machine(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    assert ready.control.end(execution, {"Error": "States.Timeout", "Cause": "x"})["error"] == "States.Timeout"
    ready.runs.put_json(f"runs/{execution.run_id}/summary.json", {**NO_MEDIA, "listed": 2})
    assert ready.control.end(execution, {})["error"] == "RunFailed"


def test_a_run_whose_listing_failed_reports_that_it_listed_nothing(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    cause = json.dumps({"errorMessage": "no list at `_embedded.media`"})
    ended = ready.control.end(execution, {"Error": "SchemaChanged", "Cause": cause})
    assert (ended["status"], ended["counts"]) == ("FAILED", dict.fromkeys(COUNTS, 0))
    assert ended["reason"] == (
        "SchemaChanged: no list at `_embedded.media`; look for a new version of this project; nothing was lost"
    )


def test_a_mail_of_any_length_and_script_fits_into_what_sns_takes(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    names = [f"m{number}" for number in range(20)]
    ready.listed(execution, *names)
    for name in names:
        ready.finish(execution.run_id, name, Status.FAILED, reason="\u6ed1\u96ea" * 2_000)
    ready.control.end(execution, {})
    (mail,) = ready.mails()
    text, _, end = mail["Message"].rpartition("\n\n")
    assert MAIL_BYTES - 3 <= len(text.encode()) <= MAIL_BYTES
    assert end == "Cut here; report.md in the runs bucket has the rest."
    assert "\ufffd" not in mail["Message"]


def test_a_subject_is_shorter_than_100_characters_of_ascii(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    cause = json.dumps({"errorMessage": "\u6ed1\n" * 200})
    ready.control.end(execution, {"Error": "SchemaChanged", "Cause": cause})
    (mail,) = ready.mails()
    assert len(mail["Subject"]) == 99
    assert mail["Subject"].isascii()
    assert mail["Subject"].isprintable()


def test_a_mail_that_cannot_be_sent_fails_no_run(ready: Runs) -> None:
    execution = ready.start("n1")
    ready.control.begin(execution, {})
    ready.listed(execution, "m1")
    ready.lose_the_topic()
    assert ready.control.end(execution, {})["status"] == "PARTIAL"
    assert ready.aws.ledger.lock() is None


def test_ending_leaves_the_lock_of_another_run_alone(ready: Runs) -> None:
    first, second = ready.start("n1"), ready.start("n2")
    ready.control.begin(first, {})
    ready.stop(first)
    ready.control.begin(second, {})
    ready.control.end(first, {})
    assert _owner(ready) == second.arn
