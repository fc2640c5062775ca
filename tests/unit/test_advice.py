"""What a person is told when a run stopped: the first cause, what to do, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import CloudSyncError, RunError
from cloud_sync_common.rules.advice import ERROR_NAMES, LONGEST, ending_of, failure_of
from cloud_sync_common.rules.report import Ending


def _caught(name: str, message: str) -> dict[str, str]:
    return {"Error": name, "Cause": json.dumps({"errorMessage": message, "errorType": name, "stackTrace": []})}


def _leaves(kind: type[CloudSyncError]) -> Iterator[str]:
    for child in kind.__subclasses__():
        yield child.__name__
        yield from _leaves(child)


def test_a_run_without_error_has_nothing_to_tell() -> None:
    assert ending_of({}, None) == Ending()
    assert ending_of({}, {"status": "RUNNING"}) == Ending()


def test_the_stop_flag_is_the_cause_whatever_the_state_machine_caught() -> None:
    run = {"stop_error": "CredentialsExpired", "stop_reason": "GoPro refuses the cookies (401)"}
    ending = ending_of(_caught("States.ExceedToleratedFailureThreshold", "many"), run)
    assert ending.error == "CredentialsExpired"
    assert ending.reason == "CredentialsExpired: GoPro refuses the cookies (401)"


def test_a_functions_error_is_told_with_its_message() -> None:
    ending = ending_of(_caught("ArchiveDenied", "S3 or KMS\nrefuses access"), None)
    assert ending == Ending(
        "ArchiveDenied",
        "ArchiveDenied: S3 or KMS refuses access; check the archive bucket's and the key's policies, then run again",
    )


@pytest.mark.parametrize("cause", [None, 7, "", "{}", "[]", '{"errorMessage": 3}'])
def test_an_error_without_message_is_told_by_its_name(cause: object) -> None:
    assert ending_of({"Error": "AccessDenied", "Cause": cause}, None).reason == (
        "AccessDenied: check the functions' roles, then run again"
    )


def test_a_plain_cause_is_told_as_it_is() -> None:
    ending = ending_of({"Error": "States.Timeout", "Cause": "The state\n timed out"}, None)
    assert ending.reason == (
        "States.Timeout: The state timed out; see the function's logs; the next run goes on where this one stopped"
    )


@pytest.mark.parametrize("name", sorted(_leaves(RunError)))
def test_no_error_that_stops_a_run_sends_people_into_the_logs(name: str) -> None:
    reason = ending_of(_caught(name, "what is wrong; what to do"), None).reason
    assert reason.startswith(f"{name}: what is wrong; what to do")
    assert "see the function's logs" not in reason


@given(st.text(max_size=3_000), st.text(max_size=3_000))
def test_the_reason_is_one_bounded_line_for_any_cause(name: str, cause: str) -> None:
    reason = ending_of({"Error": name, "Cause": cause}, None).reason
    assert len(reason) <= LONGEST


@pytest.mark.parametrize(
    "message",
    [
        "GET https://cdn.gopro.com/u/1/a.mp4?Signature=c4n4ry&Key-Pair-Id=c4n4ry failed",
        "header Cookie: gp_access_token=c4n4ry; gp_user_id=c4n4ry",
        "Authorization: Bearer c4n4ry",
    ],
)
def test_no_secret_of_a_cause_reaches_the_report(message: str) -> None:
    assert "c4n4ry" not in ending_of(_caught("SourceUnavailable", message), None).reason
    assert "c4n4ry" not in ending_of({}, {"stop_error": "SchemaChanged", "stop_reason": message}).reason


# A medium's failure


def test_our_own_error_is_a_mediums_reason_in_its_own_words() -> None:
    name, reason = failure_of(_caught("SourceGone", "GoPro lists the medium, but not its file"))
    assert (name, reason) == ("SourceGone", "SourceGone: GoPro lists the medium, but not its file")


def test_every_error_of_ours_is_known_by_its_name() -> None:
    assert set(_leaves(CloudSyncError)) <= ERROR_NAMES


@pytest.mark.parametrize(
    "error",
    [
        _caught("Sandbox.Timedout", "2026-01-31T12:00:00Z 1b9d Task timed out after 900.00 seconds"),
        _caught("KeyError", "'size'"),
        {"Error": "States.Timeout", "Cause": "whatever"},
        {"Error": "SourceGone"},
        {"Error": "SourceGone", "Cause": "{}"},
    ],
)
def test_an_error_that_says_nothing_to_people_is_told_by_its_name(error: dict[str, str]) -> None:
    assert failure_of(error) == (error["Error"], f"{error['Error']}: the function did not finish")


@pytest.mark.parametrize("error", [{}, {"Error": ""}, {"Error": None, "Cause": "x"}])
def test_a_failure_without_a_name_is_unknown(error: dict[str, str]) -> None:
    assert failure_of(error) == ("Unknown", "Unknown: the function did not finish")


def test_a_mediums_reason_is_bounded_and_holds_no_secret() -> None:
    url = "https://cdn.gopro.com/u/1/a.mp4?Signature=c4n4ry&Key-Pair-Id=c4n4ry"
    _, reason = failure_of(_caught("SourceUnavailable", f"GET {url} failed " + "x" * 3_000))
    assert "c4n4ry" not in reason
    assert len(reason) <= LONGEST
