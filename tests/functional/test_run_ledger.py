"""Runs, their stop flag, and the run lock."""

from __future__ import annotations

import pytest

from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.errors import AccessDenied, TrackerUnavailable
from tests.support.aws import Account, failing_table

RUN = "20260131T120000Z-n1"
ARN, OTHER = "arn:aws:states:::execution:x:n1", "arn:aws:states:::execution:x:n2"


def _owner(ledger: RunLedger) -> object:
    return (ledger.lock() or {}).get("lock_owner")


def test_a_run_begins_as_running_and_ends_as_told(aws: Account) -> None:
    aws.ledger.begin(RUN, {"execution_arn": ARN, "expires_at": 1_800_000_000})
    assert aws.ledger.run(RUN) == {
        "media_id": f"RUN#{RUN}",
        "record": "RUN",
        "schema": 1,
        "status": "RUNNING",
        "execution_arn": ARN,
        "expires_at": 1_800_000_000,
    }
    aws.ledger.end(RUN, {"status": "PARTIAL"})
    assert (aws.ledger.run(RUN) or {})["status"] == "PARTIAL"


def test_beginning_again_does_not_revive_a_run_or_lower_its_flag(aws: Account) -> None:
    aws.ledger.begin(RUN, {"execution_arn": ARN})
    aws.ledger.raise_stop_flag(RUN, "CredentialsExpired", "401")
    aws.ledger.end(RUN, {"status": "FAILED"})
    aws.ledger.begin(RUN, {"execution_arn": ARN})
    row = aws.ledger.run(RUN) or {}
    assert (row["status"], row["stop_error"]) == ("FAILED", "CredentialsExpired")


def test_a_run_that_never_began_has_no_row(aws: Account) -> None:
    assert aws.ledger.run(RUN) is None


def test_the_first_reason_to_stop_stays(aws: Account) -> None:
    aws.ledger.begin(RUN, {})
    aws.ledger.raise_stop_flag(RUN, "CredentialsExpired", "GoPro refuses the cookies")
    aws.ledger.raise_stop_flag(RUN, "ArchiveDenied", "later")
    row = aws.ledger.run(RUN) or {}
    assert (row["stop_error"], row["stop_reason"]) == ("CredentialsExpired", "GoPro refuses the cookies")


def test_a_flag_raised_before_the_runs_row_exists_is_kept(aws: Account) -> None:
    aws.ledger.raise_stop_flag(RUN, "CredentialsExpired", "401")
    aws.ledger.begin(RUN, {})
    assert (aws.ledger.run(RUN) or {})["stop_error"] == "CredentialsExpired"


def test_a_free_lock_is_taken(aws: Account) -> None:
    assert aws.ledger.lock() is None
    assert aws.ledger.take_lock(ARN, {"run_id": RUN})
    assert aws.ledger.lock() == {
        "media_id": "LOCK",
        "record": "LOCK",
        "status": "HELD",
        "schema": 1,
        "lock_owner": ARN,
        "run_id": RUN,
    }


def test_a_held_lock_is_refused_to_others_and_granted_to_its_owner_again(aws: Account) -> None:
    assert aws.ledger.take_lock(ARN, {})
    assert not aws.ledger.take_lock(OTHER, {})
    assert aws.ledger.take_lock(ARN, {})
    assert _owner(aws.ledger) == ARN


def test_a_released_lock_is_free(aws: Account) -> None:
    aws.ledger.take_lock(ARN, {})
    aws.ledger.release_lock(ARN)
    aws.ledger.release_lock(ARN)
    assert aws.ledger.lock() is None
    assert aws.ledger.take_lock(OTHER, {})


def test_nobody_releases_the_lock_of_another(aws: Account) -> None:
    aws.ledger.take_lock(ARN, {})
    aws.ledger.release_lock(OTHER)
    assert _owner(aws.ledger) == ARN


def test_the_lock_of_a_dead_owner_is_taken_over_once(aws: Account) -> None:
    aws.ledger.take_lock(ARN, {})
    assert aws.ledger.take_lock(OTHER, {}, instead_of=ARN)
    assert aws.ledger.take_lock(OTHER, {}, instead_of=ARN)
    assert not aws.ledger.take_lock("arn:third", {}, instead_of=ARN)
    assert _owner(aws.ledger) == OTHER


def test_the_late_dead_owner_cannot_release_what_was_taken_over(aws: Account) -> None:
    aws.ledger.take_lock(ARN, {})
    aws.ledger.take_lock(OTHER, {}, instead_of=ARN)
    aws.ledger.release_lock(ARN)
    assert _owner(aws.ledger) == OTHER


def test_a_lock_that_cannot_be_asked_for_is_an_error_and_not_a_refusal() -> None:
    with failing_table("put_item", "ThrottlingException") as table, pytest.raises(TrackerUnavailable):
        RunLedger(table).take_lock(ARN, {})
    with failing_table("delete_item", "AccessDeniedException") as table, pytest.raises(AccessDenied):
        RunLedger(table).release_lock(ARN)


def test_media_with_odd_answers_are_counted_once_each_and_for_each_run(aws: Account) -> None:
    aws.ledger.begin(RUN, {})
    counted = [aws.ledger.count_odd_medium(RUN, media_id) for media_id in ("m1", "m2", "m1", "m3")]
    assert counted == [1, 2, 2, 3]
    assert aws.ledger.count_odd_medium("another", "m1") == 1
    row = aws.ledger.run(RUN) or {}
    assert (row["odd_media"], row["status"]) == (["m1", "m2", "m3"], "RUNNING")
