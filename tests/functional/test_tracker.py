"""The sync tracker against DynamoDB: claims, late writers, and reads that are whole or fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from cloud_sync_common.edges.table import BATCH_GET_MOST, Change, Table, key_of
from cloud_sync_common.edges.tracker import MEDIUM, Tracker
from cloud_sync_common.errors import AccessDenied, LeaseLost, TrackerUnavailable
from cloud_sync_common.models import MediaId, PieceId, Status
from cloud_sync_common.rules.events import DownloadEvent
from cloud_sync_common.rules.media_rows import listing_facts, medium_of
from tests.support.aws import TABLE, Account, failing_table, make_client
from tests.support.media import medium

M1, P1 = MediaId("m1"), PieceId("source-1")
NOW = 1_700_000_000


def _claim(tracker: Tracker, owner: str = "run-1", *, seen: int = 0, now: int = NOW, **options: Any) -> int:
    given: dict[str, Any] = {"expires": now + 900, "facts": {"run_id": owner}, **options}
    return tracker.claim(M1, seen=seen, owner=owner, now=now, **given)


def _row(tracker: Tracker) -> dict[str, Any]:
    row = tracker.medium(M1)
    assert row is not None
    return row


# Listing


def test_a_medium_nobody_listed_has_no_row(aws: Account) -> None:
    assert aws.tracker.medium(M1) is None
    assert aws.tracker.piece(M1, P1) is None
    assert aws.tracker.pieces(M1) == {}


def test_a_listed_medium_comes_back_as_it_was(aws: Account) -> None:
    one = medium(file_size=2**50, width=5_312, content_title="Überschlag 🤸")
    aws.tracker.record_listing(M1, {**listing_facts(one), "listed_at": "now"})
    row = _row(aws.tracker)
    assert medium_of(row, DownloadEvent("run-1", M1, "", None, None)) == one
    assert (row["status"], row["first_listed_at"], row["schema"]) == ("LISTED", "now", 1)


def test_listing_again_changes_neither_status_nor_lease_nor_first_date(aws: Account) -> None:
    facts = listing_facts(medium())
    aws.tracker.record_listing(M1, {**facts, "listed_at": "first"})
    _claim(aws.tracker)
    aws.tracker.record_listing(M1, {**facts, "listed_at": "second"})
    row = _row(aws.tracker)
    assert (row["status"], row["lease_owner"], row["generation"]) == ("IN_PROGRESS", "run-1", 1)
    assert (row["first_listed_at"], row["listed_at"]) == ("first", "second")


# Claims


def test_the_first_claim_of_an_unknown_medium_takes_it(aws: Account) -> None:
    assert _claim(aws.tracker) == 1
    row = _row(aws.tracker)
    assert (row["status"], row["lease_owner"], row["lease_expires_at"]) == ("IN_PROGRESS", "run-1", NOW + 900)


def test_of_two_claims_that_saw_the_same_generation_one_loses(aws: Account) -> None:
    _claim(aws.tracker)
    with pytest.raises(LeaseLost):
        _claim(aws.tracker)
    assert _row(aws.tracker)["generation"] == 1


def test_a_live_lease_of_another_run_is_respected(aws: Account) -> None:
    _claim(aws.tracker)
    with pytest.raises(LeaseLost):
        _claim(aws.tracker, "run-2", seen=1, now=NOW + 900)
    assert _row(aws.tracker)["lease_owner"] == "run-1"


def test_an_expired_lease_is_taken(aws: Account) -> None:
    _claim(aws.tracker)
    assert _claim(aws.tracker, "run-2", seen=1, now=NOW + 901) == 2
    assert _row(aws.tracker)["lease_owner"] == "run-2"


def test_the_same_run_claims_again_at_any_time(aws: Account) -> None:
    _claim(aws.tracker)
    assert _claim(aws.tracker, seen=1, now=NOW + 1) == 2


def test_the_lease_of_an_owner_known_to_be_dead_is_taken(aws: Account) -> None:
    _claim(aws.tracker)
    assert _claim(aws.tracker, "run-2", seen=1, instead_of="run-1") == 2


def test_another_owner_than_the_dead_one_keeps_the_lease(aws: Account) -> None:
    _claim(aws.tracker)
    with pytest.raises(LeaseLost):
        _claim(aws.tracker, "run-2", seen=1, instead_of="run-0")


def test_a_lease_that_was_given_back_is_free(aws: Account) -> None:
    _claim(aws.tracker)
    aws.tracker.finish_medium(M1, 1, Status.COMPLETED, {})
    assert _claim(aws.tracker, "run-2", seen=1) == 2


# Late writers


LATE: list[Callable[[Tracker], object]] = [
    lambda tracker: tracker.update_medium(M1, 1, {"stalled_passes": 3}),
    lambda tracker: tracker.finish_medium(M1, 1, Status.COMPLETED, {"note": None}),
    lambda tracker: tracker.write_piece(M1, P1, 1, {"status": Status.COMPLETED, "run_id": "run-1"}),
]


@pytest.mark.parametrize("write", LATE)
def test_a_late_writer_loses_to_a_newer_claim_and_changes_nothing(
    aws: Account, write: Callable[[Tracker], object]
) -> None:
    _claim(aws.tracker)
    _claim(aws.tracker, "run-2", seen=1, now=NOW + 901)
    before = aws.rows()
    with pytest.raises(LeaseLost):
        write(aws.tracker)
    assert aws.rows() == before


@pytest.mark.parametrize("write", LATE)
def test_nobody_writes_to_a_medium_that_was_never_claimed(aws: Account, write: Callable[[Tracker], object]) -> None:
    with pytest.raises(LeaseLost):
        write(aws.tracker)
    assert aws.rows() == []


def test_the_holder_writes_and_keeps_the_lease(aws: Account) -> None:
    _claim(aws.tracker)
    aws.tracker.update_medium(M1, 1, {"stalled_passes": 1})
    row = _row(aws.tracker)
    assert (row["stalled_passes"], row["lease_owner"], row["status"]) == (1, "run-1", "IN_PROGRESS")


def test_finishing_gives_the_lease_back_and_removes_what_is_void(aws: Account) -> None:
    _claim(aws.tracker, facts={"run_id": "run-1", "reason": "earlier trouble", "attempts": 2})
    aws.tracker.finish_medium(M1, 1, Status.COMPLETED, {"reason": None, "attempts": None, "note": "x"})
    row = _row(aws.tracker)
    assert (row["status"], row["note"], row["generation"]) == ("COMPLETED", "x", 1)
    assert not {"lease_owner", "lease_expires_at", "reason", "attempts"} & set(row)


# Media whose function died


def test_the_runs_own_medium_is_failed_and_its_function_loses_the_lease(aws: Account) -> None:
    _claim(aws.tracker)
    assert aws.tracker.fail_unfinished(M1, run_id="run-1", seen=1, now=NOW, facts={"reason": "Sandbox.Timedout"})
    row = _row(aws.tracker)
    assert (row["status"], row["reason"], row["generation"]) == ("FAILED", "Sandbox.Timedout", 2)
    assert "lease_owner" not in row
    with pytest.raises(LeaseLost):
        aws.tracker.finish_medium(M1, 1, Status.COMPLETED, {})


def test_a_medium_that_nobody_works_on_is_failed(aws: Account) -> None:
    aws.tracker.record_listing(M1, {**listing_facts(medium()), "listed_at": "now"})
    assert aws.tracker.fail_unfinished(M1, run_id="run-1", seen=0, now=NOW, facts={"reason": "x"})
    assert (_row(aws.tracker)["status"], _row(aws.tracker)["run_id"]) == ("FAILED", "run-1")


def test_a_medium_without_row_is_failed_by_name(aws: Account) -> None:
    assert aws.tracker.fail_unfinished(M1, run_id="run-1", seen=0, now=NOW, facts={"reason": "x"})
    assert _row(aws.tracker)["status"] == "FAILED"


def test_a_medium_that_finished_meanwhile_stays_completed(aws: Account) -> None:
    _claim(aws.tracker)
    aws.tracker.finish_medium(M1, 1, Status.COMPLETED, {})
    assert not aws.tracker.fail_unfinished(M1, run_id="run-1", seen=1, now=NOW, facts={"reason": "x"})
    assert _row(aws.tracker)["status"] == "COMPLETED"


def test_a_medium_of_another_run_is_left_alone(aws: Account) -> None:
    _claim(aws.tracker, "run-2")
    assert not aws.tracker.fail_unfinished(M1, run_id="run-1", seen=1, now=NOW, facts={"reason": "x"})
    assert _row(aws.tracker)["lease_owner"] == "run-2"


def test_a_medium_that_was_claimed_again_meanwhile_is_left_alone(aws: Account) -> None:
    _claim(aws.tracker)
    _claim(aws.tracker, seen=1)
    assert not aws.tracker.fail_unfinished(M1, run_id="run-1", seen=1, now=NOW, facts={"reason": "x"})
    assert _row(aws.tracker)["status"] == "IN_PROGRESS"


# Pieces


def test_a_piece_is_written_updated_and_forgotten_fact_by_fact(aws: Account) -> None:
    _claim(aws.tracker)
    aws.tracker.write_piece(M1, P1, 1, {"status": Status.IN_PROGRESS, "upload_id": "u1", "size": 3 * 2**40})
    aws.tracker.write_piece(M1, P1, 1, {"status": Status.COMPLETED, "upload_id": None})
    assert aws.tracker.piece(M1, P1) == {
        "media_id": "m1",
        "record": "PIECE#source-1",
        "piece_id": "source-1",
        "schema": 1,
        "status": "COMPLETED",
        "size": 3 * 2**40,
    }


def test_all_pieces_of_one_medium_are_found_and_no_others(aws: Account) -> None:
    for media_id in (M1, MediaId("m10")):
        aws.tracker.claim(media_id, seen=0, owner="r", now=NOW, expires=NOW, facts={})
    wanted = {PieceId(f"frame-{number}") for number in range(30)}
    for piece_id in wanted:
        aws.tracker.write_piece(M1, piece_id, 1, {"status": Status.IN_PROGRESS})
    aws.tracker.write_piece(MediaId("m10"), P1, 1, {"status": Status.IN_PROGRESS})
    assert set(aws.tracker.pieces(M1)) == wanted


def test_pieces_beyond_one_page_of_a_query_are_all_found(aws: Account) -> None:
    _claim(aws.tracker)
    for number in range(6):
        aws.tracker.write_piece(M1, PieceId(f"frame-{number}"), 1, {"padding": "x" * 250_000})
    assert len(aws.tracker.pieces(M1)) == 6


def test_the_index_shows_media_and_pieces_that_a_run_has_touched(aws: Account) -> None:
    _claim(aws.tracker)
    aws.tracker.write_piece(M1, P1, 1, {"status": Status.IN_PROGRESS, "run_id": "run-1"})
    aws.tracker.record_listing(MediaId("m2"), {**listing_facts(medium("m2")), "listed_at": "now"})
    assert sorted(row["record"] for row in aws.tracker.touched_by("run-1")) == [MEDIUM, "PIECE#source-1"]
    assert list(aws.tracker.touched_by("run-2")) == []


def test_the_index_gives_what_a_report_needs_and_leaves_the_rest(aws: Account) -> None:
    _claim(aws.tracker, facts={"run_id": "run-1", "medium": {"x": "y" * 1_000}, "signature": "s", "reason": "r"})
    (row,) = aws.tracker.touched_by("run-1")
    assert row == {
        "media_id": "m1",
        "record": MEDIUM,
        "status": "IN_PROGRESS",
        "run_id": "run-1",
        "signature": "s",
        "reason": "r",
    }


# Being synced


def test_what_tells_that_media_are_synced_is_read_without_the_rest_of_their_rows(aws: Account) -> None:
    aws.tracker.record_listing(M1, {**listing_facts(medium()), "listed_at": "now"})
    _claim(aws.tracker)
    aws.tracker.finish_medium(M1, 1, Status.COMPLETED, {"synced_signature": "s", "fallback": True, "note": "n"})
    facts = listing_facts(medium())
    assert aws.tracker.synced_facts([M1, MediaId("absent")]) == {
        M1: {
            "status": "COMPLETED",
            "synced_signature": "s",
            "fallback": True,
            "note": "n",
            "facts_hash": facts["facts_hash"],
        }
    }


def test_a_medium_to_be_looked_at_again_loses_its_proof_and_nothing_else(aws: Account) -> None:
    _claim(aws.tracker)
    aws.tracker.finish_medium(M1, 1, Status.COMPLETED, {"synced_signature": "s", "completed_run_id": "run-1"})
    before = _row(aws.tracker)
    for _ in range(2):
        aws.tracker.forget_synced(M1)
    assert _row(aws.tracker) == {name: value for name, value in before.items() if name != "synced_signature"}


# Reading many


def test_more_media_than_one_call_takes_are_read_and_absent_ones_left_out(aws: Account) -> None:
    present = [MediaId(f"m{number}") for number in range(BATCH_GET_MOST + 5)]
    for media_id in present:
        aws.dynamodb.put_item(TableName=TABLE, Item=key_of(media_id, MEDIUM))
    rows = aws.tracker.media([*present, MediaId("absent"), present[0]])
    assert set(rows) == set(present)


def test_no_media_need_no_call(aws: Account) -> None:
    assert aws.tracker.media([]) == {}


def _found(*media_ids: str) -> list[dict[str, Any]]:
    return [{"media_id": {"S": media_id}, "record": {"S": MEDIUM}} for media_id in media_ids]


def test_keys_that_dynamodb_left_unprocessed_are_asked_for_again() -> None:
    client = make_client("dynamodb")
    left = {TABLE: {"Keys": _found("m2"), "ConsistentRead": True}}
    asked = {"RequestItems": {TABLE: {"Keys": _found("m1", "m2"), "ConsistentRead": True}}}
    with Stubber(client) as stubber:
        stubber.add_response(
            "batch_get_item", {"Responses": {TABLE: _found("m1")}, "UnprocessedKeys": left}, expected_params=asked
        )
        stubber.add_response(
            "batch_get_item", {"Responses": {TABLE: _found("m2")}}, expected_params={"RequestItems": left}
        )
        assert set(Tracker(Table(client, TABLE)).media([M1, MediaId("m2")])) == {"m1", "m2"}
        stubber.assert_no_pending_responses()


def test_keys_that_stay_unprocessed_are_an_error_and_never_absent_rows() -> None:
    client, slept = make_client("dynamodb"), list[float]()
    with Stubber(client) as stubber:
        for _ in range(BATCH_GET_MOST):
            stubber.add_response(
                "batch_get_item", {"Responses": {}, "UnprocessedKeys": {TABLE: {"Keys": _found("m1")}}}
            )
        with pytest.raises(TrackerUnavailable, match="unread"):
            Tracker(Table(client, TABLE, slept.append)).media([M1])
    assert slept == sorted(slept)
    assert slept[0] > 0


# Errors


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDeniedException", 400, AccessDenied),
        ("ResourceNotFoundException", 400, AccessDenied),
        ("ValidationException", 400, AccessDenied),
        ("ProvisionedThroughputExceededException", 400, TrackerUnavailable),
        ("ThrottlingException", 400, TrackerUnavailable),
        ("RequestLimitExceeded", 400, TrackerUnavailable),
        ("InternalServerError", 500, TrackerUnavailable),
        ("ServiceUnavailable", 503, TrackerUnavailable),
        ("TransactionConflictException", 400, TrackerUnavailable),
    ],
)
def test_dynamodbs_errors_mean_what_the_workflow_has_to_do(code: str, status: int, expected: type[Exception]) -> None:
    with failing_table("update_item", code, status) as table, pytest.raises(expected, match=code):
        table.update(Change("m1", MEDIUM, sets={"x": 1}))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("ConditionalCheckFailed", LeaseLost),
        ("TransactionConflict", TrackerUnavailable),
        ("ThrottlingError", TrackerUnavailable),
        ("ProvisionedThroughputExceeded", TrackerUnavailable),
    ],
)
def test_a_cancelled_transaction_is_told_apart_by_its_reasons(reason: str, expected: type[Exception]) -> None:
    with (
        failing_table("transact_write_items", "TransactionCanceledException", reasons=(reason, "None")) as table,
        pytest.raises(expected),
    ):
        Tracker(table).write_piece(M1, P1, 1, {"status": Status.COMPLETED})


READS: dict[str, Callable[[Tracker], object]] = {
    "get_item": lambda tracker: tracker.medium(M1),
    "batch_get_item": lambda tracker: tracker.media([M1]),
    "query": lambda tracker: list(tracker.touched_by("run-1")),
}


@pytest.mark.parametrize("operation", READS)
def test_a_read_that_fails_is_never_an_empty_answer(operation: str) -> None:
    with failing_table(operation, "ThrottlingException") as table, pytest.raises(TrackerUnavailable):
        READS[operation](Tracker(table))
