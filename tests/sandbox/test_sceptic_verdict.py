"""Children of the Map that fail within its tolerance: Step Functions calls that a success, and so does the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.run.execution import failed_children
from sandbox.run.fingerprints import Fingerprint
from sandbox.run.results import COUNTS, RunResult
from sandbox.run.verdict import failed_media


@dataclass(frozen=True)
class Served:
    """A file of the library."""

    fingerprint: Fingerprint
    required: bool = True


RUN = "arn:aws:states:us-east-1:123456789012:execution:sync:run-1"
CHILD = "arn:aws:states:us-east-1:123456789012:execution:sync/Each:"
REPORT = {"status": "SUCCEEDED", "counts": dict.fromkeys(COUNTS, 0), "media": []}


def run(**errors: int) -> RunResult:
    named = {error.replace("_", "."): number for error, number in errors.items()}
    return RunResult(1, RUN, succeeded=True, seconds=1.0, arrived=0, report=REPORT, failed_children=named)


def failed(arn: str, **details: str) -> dict[str, Any]:
    return {"type": "ExecutionFailed", "executionArn": arn, "executionFailedEventDetails": details}


@pytest.mark.verifies("pipeline.broken-is-red", "states.tolerance")
def test_a_child_that_fails_within_the_tolerance_is_a_problem() -> None:
    [problem] = failed_media([run(States_DataLimitExceeded=2)], disturbed=False)
    assert "2 children of the Map failed with States.DataLimitExceeded, within its tolerance" in problem
    assert failed_media([run(Sandbox_Timedout=1)], disturbed=False)
    assert failed_media([run()], disturbed=False) == []


def test_a_disturbed_child_may_fail_but_not_of_its_own_definition_or_answer() -> None:
    assert failed_media([run(Sandbox_Timedout=1)], disturbed=True) == []
    assert failed_media([run(States_Runtime=1)], disturbed=True)


def test_a_medium_may_fail_only_if_the_library_has_no_original_of_it() -> None:
    media = [{"media_id": name, "status": "FAILED"} for name in ("lost", "there")]
    report = {**REPORT, "counts": dict.fromkeys(COUNTS, 0) | {"failed": 2}, "media": media}
    runs = [RunResult(1, RUN, succeeded=True, seconds=1.0, arrived=0, report=report)]
    piece = Served(Fingerprint(0, "", ""))
    library: dict[str, list[Served]] = {"there": [piece], "lost": [Served(piece.fingerprint, required=False)]}
    [problem] = failed_media(runs, disturbed=False, served=lambda media_id: library[media_id])
    assert problem == "run 1: 1 medium failed; the report has the reasons"
    assert failed_media(runs, disturbed=False) == ["run 1: 2 media failed; the report has the reasons"]
    library["there"] = []
    assert failed_media(runs, disturbed=False, served=lambda media_id: library[media_id]) == []


def test_failed_children_are_counted_by_their_errors_and_the_run_itself_is_none() -> None:
    history = [
        {"type": "ExecutionStarted", "executionArn": RUN},
        failed(f"{CHILD}1", error="States.Runtime"),
        failed(f"{CHILD}2", error="States.Runtime"),
        failed(f"{CHILD}3"),
        failed(RUN, error="States.ExceedToleratedFailureThreshold"),
    ]
    assert failed_children(RUN, history) == {"States.Runtime": 2, "no error name": 1}
