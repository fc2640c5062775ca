"""The engine's states, one promise of the language each; functions run for real."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.asl_support import CATCH_ALL, CAUGHT
from tests.sandbox.aws_support import Bench, machine, task


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest.mark.verifies("states.choice", "states.context")
def test_a_pass_state_wraps_its_input_with_parameters(bench: Bench) -> None:
    state = {"Type": "Pass", "Parameters": {"input.$": "$", "error": {}, "name.$": "$$.Execution.Name"}, "End": True}
    shown = bench.run(machine(Wrap=state), {"a": 1})
    assert shown["status"] == "SUCCEEDED"
    assert shown["output"] == {"input": {"a": 1}, "error": {}, "name": shown["name"]}


def test_a_pass_states_result_replaces_its_input(bench: Bench) -> None:
    state = {"Type": "Pass", "Result": {"outcome": "X"}, "ResultPath": "$.r.s", "End": True}
    assert bench.run(machine(Fixed=state), {"a": 1})["output"] == {"a": 1, "r": {"s": {"outcome": "X"}}}


@pytest.mark.verifies("states.context")
def test_the_start_time_is_a_text_and_describing_the_execution_still_works(bench: Bench) -> None:
    state = {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.StartTime", "id.$": "$$.Execution.Id"}, "End": True}
    shown = bench.run(machine(Stamp=state))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown["output"]["at"])
    assert shown["output"]["id"] == shown["executionArn"]


@pytest.mark.verifies("states.task", "states.paths")
def test_a_task_invokes_the_function_and_selects_from_its_result(bench: Bench) -> None:
    state = task({"n.$": "$.n"}, ResultSelector={"got.$": "$.Payload.n"}, ResultPath="$.result")
    assert bench.run(machine(Work=state), {"n": 7})["output"] == {"n": 7, "result": {"got": 7}}


@pytest.mark.verifies("states.task")
def test_an_unselected_result_has_the_shape_of_lambda_invoke(bench: Bench) -> None:
    output = bench.run(machine(Work=task({"n": 1})))["output"]
    assert output["Payload"] == {"n": 1}
    assert output["StatusCode"] == 200
    assert output["ExecutedVersion"] == "$LATEST"


def test_a_null_result_path_drops_the_result(bench: Bench) -> None:
    assert bench.run(machine(Work=task({"n": 1}, ResultPath=None)), {"kept": True})["output"] == {"kept": True}


@pytest.mark.verifies("states.choice")
@pytest.mark.parametrize(
    ("rule", "data", "chosen"),
    [
        ({"StringEquals": "GO"}, {"v": "GO"}, "yes"),
        ({"StringEquals": "GO"}, {"v": "NO"}, "no"),
        ({"StringEquals": "1"}, {"v": 1}, "no"),
        ({"BooleanEquals": True}, {"v": True}, "yes"),
        ({"BooleanEquals": True}, {"v": 1}, "no"),
        ({"NumericEquals": 1}, {"v": 1.0}, "yes"),
        ({"NumericEquals": 1}, {"v": True}, "no"),
        ({"IsPresent": True}, {"v": None}, "yes"),
        ({"IsPresent": True}, {"w": 1}, "no"),
        ({"IsPresent": False}, {"w": 1}, "yes"),
    ],
)
def test_a_choice_compares_without_converting(bench: Bench, rule: dict[str, Any], data: Any, chosen: str) -> None:
    definition = machine(
        Which={"Type": "Choice", "Choices": [{"Variable": "$.v", **rule, "Next": "Yes"}], "Default": "No"},
        Yes={"Type": "Pass", "Result": "yes", "End": True},
        No={"Type": "Pass", "Result": "no", "End": True},
    )
    assert bench.run(definition, data)["output"] == chosen


@pytest.mark.verifies("states.choice")
def test_a_choice_without_a_match_and_default_fails(bench: Bench) -> None:
    rule = {"Variable": "$.v", "StringEquals": "x", "Next": "Done"}
    definition = machine(Which={"Type": "Choice", "Choices": [rule]}, Done={"Type": "Succeed"})
    assert bench.run(definition, {"v": "y"})["error"] == "States.NoChoiceMatched"


@pytest.mark.verifies("states.choice")
def test_succeed_passes_on_its_output_path_only(bench: Bench) -> None:
    assert bench.run(machine(Done={"Type": "Succeed", "OutputPath": "$.a"}), {"a": [1], "b": 2})["output"] == [1]


@pytest.mark.verifies("states.choice")
def test_fail_takes_error_and_cause_from_paths(bench: Bench) -> None:
    shown = bench.run(machine(No={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}), {"e": "Bad", "c": "why"})
    assert (shown["status"], shown["error"], shown["cause"]) == ("FAILED", "Bad", "why")


def test_fail_refuses_a_path_to_something_that_is_no_text(bench: Bench) -> None:
    shown = bench.run(machine(No={"Type": "Fail", "ErrorPath": "$.e", "Cause": "x"}), {"e": {}})
    assert shown["error"] == "States.Runtime"


@pytest.mark.verifies("states.catch", "functions.errors")
@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"action": "raise", "message": "no"}, "CustomError"),
        ({"action": "exit"}, "Runtime.ExitError"),
        ({"action": "killed"}, "Runtime.ExitError"),
        ({"action": "large", "size": 6 * 1024 * 1024 + 1000}, "Function.ResponseSizeTooLarge"),
    ],
)
def test_a_functions_failure_is_caught_by_its_name(bench: Bench, payload: dict[str, Any], error: str) -> None:
    catch = [{"ErrorEquals": [error], "ResultPath": "$.error", "Next": "Caught"}]
    shown = bench.run(machine(Work=task(payload, Catch=catch), Caught=CAUGHT), {"kept": 1})
    assert shown["status"] == "SUCCEEDED"
    assert shown["output"]["error"]["Error"] == error
    assert shown["output"]["kept"] == 1
    assert error in shown["output"]["error"]["Cause"]


def test_an_unknown_function_is_named(bench: Bench) -> None:
    state = task({})
    state["Parameters"] = {"FunctionName": "nobody", "Payload": {}}
    assert bench.run(machine(Work=state))["error"] == "Lambda.ResourceNotFoundException"


@pytest.mark.verifies("states.task")
def test_a_state_times_out_before_its_function_does(bench: Bench) -> None:
    state = task({"action": "sleep", "seconds": 2.5}, TimeoutSeconds=1, Catch=CATCH_ALL)
    output = bench.run(machine(Work=state, Caught=CAUGHT))["output"]
    assert output["error"]["Error"] == "States.Timeout"


@pytest.mark.verifies("states.catch")
def test_task_failed_does_not_catch_a_timeout(bench: Bench) -> None:
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}]
    late = task({"action": "sleep", "seconds": 2}, TimeoutSeconds=1, Catch=catch)
    assert bench.run(machine(Work=late, Caught=CAUGHT))["error"] == "States.Timeout"
    wrong = task({"action": "raise"}, Catch=catch)
    assert bench.run(machine(Work=wrong, Caught=CAUGHT))["output"]["Error"] == "CustomError"


@pytest.mark.verifies("states.terminal-errors", "states.paths")
def test_a_missing_path_ends_the_execution_past_every_catch(bench: Bench) -> None:
    state = task({"n.$": "$.missing"}, Catch=CATCH_ALL, Retry=[{"ErrorEquals": ["States.ALL"]}])
    shown = bench.run(machine(Work=state, Caught=CAUGHT))
    assert (shown["status"], shown["error"]) == ("FAILED", "States.Runtime")
    assert bench.records(shown)[0].attempts == 1


@pytest.mark.verifies("states.data-limit", "states.terminal-errors")
@pytest.mark.parametrize("result_path", ["$", None])
def test_a_result_over_256_kib_ends_the_execution_even_if_it_is_dropped(bench: Bench, result_path: str | None) -> None:
    state = task({"action": "large", "size": 270_000}, ResultPath=result_path, Catch=CATCH_ALL)
    shown = bench.run(machine(Work=state, Caught=CAUGHT))
    assert (shown["status"], shown["error"]) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.verifies("states.paths")
def test_a_result_path_through_a_text_is_a_result_path_match_failure(bench: Bench) -> None:
    state = task({"n": 1}, ResultPath="$.a.b")
    assert bench.run(machine(Work=state), {"a": "text"})["error"] == "States.ResultPathMatchFailure"


@pytest.mark.verifies("states.retry", "states.retry-scale")
def test_a_retrier_gives_up_after_its_attempts(bench: Bench) -> None:
    retry = [{"ErrorEquals": ["CustomError"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 3}]
    shown = bench.run(machine(Work=task({"action": "raise"}, Retry=retry)))
    record = bench.records(shown)[0]
    assert shown["error"] == "CustomError"
    assert record.attempts == 4
    assert [wait["stated"] for wait in record.retry_waits] == [2, 6, 18]
    assert [wait["waited"] for wait in record.retry_waits] == pytest.approx([0.02, 0.06, 0.18])


@pytest.mark.verifies("states.retry")
def test_a_retry_that_succeeds_is_a_success(bench: Bench, tmp_path: Path) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxDelaySeconds": 5, "JitterStrategy": "FULL"}]
    state = task({"action": "fail_first", "dir": str(tmp_path), "times": 2}, Retry=retry)
    shown = bench.run(machine(Work=state))
    assert shown["output"]["Payload"] == {"tries": 3}
    assert all(0 <= wait["stated"] <= 2 for wait in bench.records(shown)[0].retry_waits)


@pytest.mark.verifies("states.catch")
def test_errors_have_no_inheritance_and_no_prefixes(bench: Bench) -> None:
    catch = [{"ErrorEquals": ["Custom", "Exception"], "Next": "Caught"}]
    assert bench.run(machine(Work=task({"action": "raise"}, Catch=catch), Caught=CAUGHT))["error"] == "CustomError"


@pytest.mark.verifies("states.executions")
def test_stopping_an_execution_interrupts_a_wait_for_a_function(bench: Bench) -> None:
    arn = bench.start(machine(Work=task({"action": "sleep", "seconds": 3})))
    bench.sfn.stop_execution(executionArn=arn)
    assert bench.wait(arn, 2)["status"] == "ABORTED"


@pytest.mark.verifies("states.executions")
def test_the_same_name_and_input_starts_once_while_it_runs(bench: Bench) -> None:
    arn = bench.start(machine(Work=task({"action": "sleep", "seconds": 1})))
    shown = bench.sfn.describe_execution(executionArn=arn)
    again = bench.sfn.start_execution(
        stateMachineArn=shown["stateMachineArn"], name=shown["name"], input=shown["input"]
    )
    assert again["executionArn"] == arn
    bench.wait(arn)
    with pytest.raises(bench.sfn.exceptions.ExecutionAlreadyExists):
        bench.sfn.start_execution(stateMachineArn=shown["stateMachineArn"], name=shown["name"], input="{}")


def test_every_visit_is_recorded_with_input_and_output(bench: Bench) -> None:
    shown = bench.run(machine(Work=task({"action": "raise"}, Catch=CATCH_ALL), Caught=CAUGHT), {"a": 1})
    work, caught = bench.records(shown)
    assert (work.state_name, work.state_type, work.input) == ("Work", "Task", {"a": 1})
    assert (work.error, work.attempts) == ("CustomError", 1)
    assert caught.input == work.output
    assert caught.exited_at is not None
    assert caught.exited_at >= caught.entered_at


@pytest.mark.verifies("states.context")
def test_a_retry_knows_how_many_came_before_it(bench: Bench) -> None:
    retry = [{"ErrorEquals": ["CustomError"], "MaxAttempts": 2}]
    state = task({"action": "raise", "message.$": "$$.State.Name"}, Retry=retry)
    state["Parameters"]["Payload"]["count.$"] = "$$.State.RetryCount"
    shown = bench.run(machine(Work=state))
    events = bench.sfn.get_execution_history(executionArn=shown["executionArn"])["events"]
    sent = [
        json.loads(event["taskScheduledEventDetails"]["parameters"])["Payload"]["count"]
        for event in events
        if event["type"] == "TaskScheduled"
    ]
    assert sent == [0, 1, 2]


def test_stopping_an_execution_interrupts_a_wait_for_a_retry(bench: Bench) -> None:
    retry = [{"ErrorEquals": ["CustomError"], "IntervalSeconds": 3000, "MaxAttempts": 1}]
    arn = bench.start(machine(Work=task({"action": "raise"}, Retry=retry)))
    while not any(record.retry_waits for record in bench.engine.records(arn)):
        assert not bench.engine.find(arn).done.wait(0.01), "the wait was skipped"
    bench.sfn.stop_execution(executionArn=arn)
    assert bench.wait(arn, 2)["status"] == "ABORTED"
