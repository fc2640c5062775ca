"""The event history, event by event, as AWS writes it: what is counted here is what the limit of 25,000 counts there.

The orders and the numbers of the events are those of histories that LocalStack's own tests recorded against AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.asl_support import CATCH_ALL, CAUGHT, FAIL_ON_MARK, distributed, inline, items
from tests.sandbox.aws_support import Bench, machine, task

TASK = ["TaskScheduled", "TaskStarted", "TaskSucceeded"]
FAILED_TASK = ["TaskScheduled", "TaskStarted", "TaskFailed"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


def events(bench: Bench, arn: str) -> list[dict[str, Any]]:
    """Return an execution's events through the API."""
    pages = bench.sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
    found = [event for page in pages for event in page["events"]]
    assert [event["id"] for event in found] == list(range(1, len(found) + 1))
    return found


def kinds(bench: Bench, shown: dict[str, Any]) -> list[str]:
    return [event["type"] for event in events(bench, shown["executionArn"])]


def visited(kind: str, *between: str) -> list[str]:
    return [f"{kind}StateEntered", *between, f"{kind}StateExited"]


@pytest.mark.verifies("states.history")
def test_a_pass_and_a_task_leave_their_events_in_order(bench: Bench) -> None:
    shown = bench.run(machine(First={"Type": "Pass", "Next": "Work"}, Work=task({"n": 1})))
    found = events(bench, shown["executionArn"])
    assert [event["type"] for event in found] == [
        "ExecutionStarted", *visited("Pass"), *visited("Task", *TASK), "ExecutionSucceeded",
    ]  # fmt: skip
    assert [event["previousEventId"] for event in found] == [0, 0, *range(2, len(found))]


def test_a_choice_and_the_ends_leave_their_events(bench: Bench) -> None:
    assert kinds(bench, bench.run(FAIL_ON_MARK, {"fail": False})) == [
        "ExecutionStarted", *visited("Choice"), *visited("Succeed"), "ExecutionSucceeded",
    ]  # fmt: skip
    assert kinds(bench, bench.run(FAIL_ON_MARK, {"fail": True})) == [
        "ExecutionStarted", *visited("Choice"), "FailStateEntered", "ExecutionFailed",
    ]  # fmt: skip


@pytest.mark.verifies("states.history")
def test_every_attempt_is_scheduled_again_and_a_caught_task_exits(bench: Bench) -> None:
    retry = [{"ErrorEquals": ["CustomError"], "MaxAttempts": 1}]
    work = task({"action": "raise"}, Retry=retry, Catch=CATCH_ALL)
    assert kinds(bench, bench.run(machine(Work=work, Caught=CAUGHT))) == [
        "ExecutionStarted", *visited("Task", *FAILED_TASK, *FAILED_TASK), *visited("Pass"), "ExecutionSucceeded",
    ]  # fmt: skip


def test_a_state_that_times_out_says_so(bench: Bench) -> None:
    shown = bench.run(machine(Work=task({"action": "sleep", "seconds": 2}, TimeoutSeconds=1)))
    assert kinds(bench, shown) == [
        "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskTimedOut", "ExecutionFailed",
    ]  # fmt: skip


def test_a_path_that_fails_before_the_work_leaves_no_event_of_it(bench: Bench) -> None:
    shown = bench.run(machine(Work=task({"n.$": "$.missing"})))
    assert kinds(bench, shown) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


@pytest.mark.verifies("states.history")
def test_the_iterations_of_an_inline_map_are_events_of_the_same_history(bench: Bench) -> None:
    each = inline(machine(Mark={"Type": "Pass", "End": True}), ItemsPath="$.list", MaxConcurrency=1)
    shown = bench.run(machine(Each=each), {"list": [1, 2]})
    iteration = ["MapIterationStarted", *visited("Pass"), "MapIterationSucceeded"]
    assert kinds(bench, shown) == [
        "ExecutionStarted",
        *visited("Map", "MapStateStarted", *iteration, *iteration, "MapStateSucceeded"),
        "ExecutionSucceeded",
    ]
    started = events(bench, shown["executionArn"])[2]
    assert started["mapStateStartedEventDetails"] == {"length": 2}


def test_a_failed_iteration_fails_the_map_state(bench: Bench) -> None:
    each = inline(machine(Work=task({"action": "raise"})), ItemsPath="$.list", MaxConcurrency=1, Catch=CATCH_ALL)
    shown = bench.run(machine(Each=each, Caught=CAUGHT), {"list": [1, 2]})
    lost = ["MapIterationStarted", "TaskStateEntered", *FAILED_TASK, "MapIterationFailed"]
    assert kinds(bench, shown) == [
        "ExecutionStarted", *visited("Map", "MapStateStarted", *lost, "MapStateFailed"), *visited("Pass"),
        "ExecutionSucceeded",
    ]  # fmt: skip


def test_an_iteration_that_is_stopped_by_another_ones_failure_is_aborted(bench: Bench) -> None:
    data = {"list": [{"action": "raise"}, {"action": "sleep", "seconds": 3}]}
    found = kinds(bench, bench.run(machine(Each=inline(machine(Work=task()), ItemsPath="$.list")), data))
    assert found[-4:] == ["TaskStateAborted", "MapIterationAborted", "MapStateFailed", "ExecutionFailed"]
    assert found.count("MapIterationFailed") == 1


@pytest.mark.verifies("states.history")
def test_a_map_run_is_three_events_whatever_its_children_do(bench: Bench) -> None:
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK)), items(bench, "history", False, False))
    found = events(bench, shown["executionArn"])
    assert [event["type"] for event in found] == [
        "ExecutionStarted",
        *visited("Map", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded"),
        "ExecutionSucceeded",
    ]
    assert found[2]["mapStateStartedEventDetails"] == {"length": 0}
    assert found[3]["mapRunStartedEventDetails"]["mapRunArn"] == shown["output"]["MapRunArn"]


@pytest.mark.verifies("states.history")
def test_a_child_has_a_history_of_its_own(bench: Bench) -> None:
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK)), items(bench, "children", False))
    (child,) = bench.engine.find(shown["executionArn"]).children
    assert [event["type"] for event in child.history.events()] == [
        "ExecutionStarted", *visited("Choice"), *visited("Succeed"), "ExecutionSucceeded",
    ]  # fmt: skip


@pytest.mark.verifies("states.history", "states.tolerance")
def test_a_map_run_beyond_its_tolerance_fails_run_and_state(bench: Bench) -> None:
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK)), items(bench, "exceeded", True))
    found = events(bench, shown["executionArn"])
    assert [event["type"] for event in found][1:] == [
        "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed",
    ]  # fmt: skip
    assert found[4]["mapRunFailedEventDetails"]["error"] == "States.ExceedToleratedFailureThreshold"


def test_items_that_cannot_be_read_fail_the_map_run(bench: Bench) -> None:
    found = kinds(bench, bench.run(machine(Each=distributed(FAIL_ON_MARK)), {"key": "no-such-key"}))
    assert found[2:] == ["MapStateStarted", "MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_a_bad_concurrency_ends_the_execution_before_the_map_starts(bench: Bench) -> None:
    each = distributed(FAIL_ON_MARK, MaxConcurrencyPath="$.limit")
    shown = bench.run(machine(Each=each), {"key": "x", "limit": "three"})
    assert kinds(bench, shown) == ["ExecutionStarted", "MapStateEntered", "ExecutionFailed"]


def test_a_bad_tolerance_ends_the_execution_before_the_map_run(bench: Bench) -> None:
    each = distributed(FAIL_ON_MARK, ToleratedFailureCountPath="$.limit")
    shown = bench.run(machine(Each=each), {"key": "x", "limit": "three"})
    assert kinds(bench, shown) == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "ExecutionFailed"]
