"""AWS's limits, each at its edge: sizes, events, names, concurrency."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.functions.api import InvokeResult
from sandbox.aws.stepfunctions.engine import Engine
from sandbox.aws.stepfunctions.execution import Execution, Machine
from tests.sandbox.asl_support import CATCH_ALL, CAUGHT, distributed, inline, items
from tests.sandbox.aws_support import REGION, ROLE, Bench, machine, task

MAX_STATE_BYTES = 262_144
LOOP = {"Type": "Pass", "Next": "Again"}
FAIL = {"Type": "Fail", "Error": "Entered", "Cause": "the state before it let the data pass"}
HELD = {"held": "x" * 200_000}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


def ran(definition: dict[str, Any], data: Any, invoke: Callable[[Any], Any]) -> Execution:
    """Run a definition in an engine of its own, its functions answered by ``invoke``."""
    with engine(invoke) as running:
        arn = f"arn:aws:states:{REGION}:123456789012:execution:m:run"
        made = Machine(f"arn:aws:states:{REGION}:123456789012:stateMachine:m", "m", ROLE, definition)
        execution = running.start(made, arn=arn, name="run", data=data)
        assert execution.done.wait(30)
        return execution


@contextmanager
def engine(invoke: Callable[[Any], Any]) -> Iterator[Engine]:
    def answered(_function: str, payload: bytes, *_: Any) -> InvokeResult:
        answer = invoke(json.loads(payload))
        return answer if isinstance(answer, InvokeResult) else InvokeResult(json.dumps(answer).encode(), None)

    client = boto3.client("s3", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    with closing(client), closing(Engine(region=REGION, invoke=answered, s3=client, retry_scale=0.01)) as running:
        yield running


def sized(size: int) -> str:
    """Return a text that is ``size`` bytes of JSON, in a character of two bytes where that makes a difference."""
    text = "é" * ((size - 2) // 2)
    return text + "x" * (size - 2 - len(text.encode()))


@pytest.mark.verifies("states.data-limit")
@pytest.mark.parametrize(("size", "status"), [(MAX_STATE_BYTES, "SUCCEEDED"), (MAX_STATE_BYTES + 1, "FAILED")])
def test_a_states_output_is_measured_in_bytes_and_256_kib_are_allowed(size: int, status: str) -> None:
    execution = ran(machine(Fixed={"Type": "Pass", "Result": sized(size), "End": True}), {}, lambda _: None)
    assert execution.status == status
    assert execution.error == (None if status == "SUCCEEDED" else "States.DataLimitExceeded")


@pytest.mark.verifies("states.data-limit")
def test_the_input_of_a_task_is_measured_after_its_parameters() -> None:
    twice = {"FunctionName": "worker", "Payload": {"a.$": "$.held", "b.$": "$.held"}}
    calls: list[Any] = []
    execution = ran(machine(Work=task() | {"Parameters": twice}), HELD, calls.append)
    assert (execution.error, calls) == ("States.DataLimitExceeded", [])


@pytest.mark.verifies("states.data-limit")
def test_the_result_of_a_map_is_measured_before_its_result_path_drops_it() -> None:
    big = machine(Fixed={"Type": "Pass", "Result": "x" * 100_000, "End": True})
    state = inline(big, ItemsPath="$.list", ResultPath=None, Catch=CATCH_ALL)
    execution = ran(machine(Each=state, Caught=CAUGHT), {"list": [1, 2, 3]}, lambda _: None)
    assert execution.error == "States.DataLimitExceeded"


def test_the_input_of_an_iteration_is_measured_after_its_item_selector() -> None:
    selector = {"a.$": "$.held", "b.$": "$.held"}
    each = inline(machine(Never=FAIL), ItemsPath="$.list", ItemSelector=selector, ResultPath=None)
    execution = ran(machine(Each=each), {**HELD, "list": [1]}, lambda _: None)
    assert execution.error == "States.DataLimitExceeded"


def test_an_error_too_long_to_keep_ends_the_execution() -> None:
    failed = InvokeResult(json.dumps({"errorType": "Custom", "errorMessage": "x" * 30_000}).encode(), "Unhandled")
    data = {"held": "x" * (MAX_STATE_BYTES - 20_000)}
    execution = ran(machine(Work=task({}, Catch=CATCH_ALL), Caught=FAIL), data, lambda _: failed)
    assert execution.error == "States.DataLimitExceeded"


def test_a_cause_is_cut_at_32_768_characters() -> None:
    failed = InvokeResult(json.dumps({"errorType": "Custom", "errorMessage": "x" * 40_000}).encode(), "Unhandled")
    execution = ran(machine(Work=task({})), {}, lambda _: failed)
    assert (execution.error, len(execution.cause or "")) == ("Custom", 32_768)


@pytest.mark.verifies("states.history-limit", "states.terminal-errors")
def test_a_loop_ends_at_25_000_events_past_every_catch(bench: Bench) -> None:
    each = inline(machine(Again=LOOP), ItemsPath="$.list", Catch=CATCH_ALL)
    shown = bench.run(machine(Each=each, Caught=CAUGHT), {"list": [1]})
    assert (shown["status"], shown["error"]) == ("FAILED", "States.Runtime")
    assert "25000" in shown["cause"]
    events = bench.engine.find(shown["executionArn"]).history.events()
    assert (len(events), events[-1]["type"]) == (25_000, "ExecutionFailed")


@pytest.mark.verifies("states.history-limit")
def test_a_looping_child_ends_at_its_own_limit_and_counts_as_failed(bench: Bench) -> None:
    shown = bench.run(machine(Each=distributed(machine(Again=LOOP))), items(bench, "loop", False))
    assert shown["error"] == "States.ExceedToleratedFailureThreshold"
    execution = bench.engine.find(shown["executionArn"])
    (child,) = execution.children
    assert (child.error, len(child.history.events())) == ("States.Runtime", 25_000)
    assert len(execution.history.events()) == 7


class Meeting:
    """Counts how many calls are at work together; the first ones wait for each other and a moment for one too many."""

    def __init__(self, expected: int) -> None:
        self.peak = 0
        self._at_work = 0
        self._expected = expected
        self._over = False
        self._changed = threading.Condition()

    def __call__(self, _payload: Any) -> None:
        with self._changed:
            self._at_work += 1
            self.peak = max(self.peak, self._at_work)
            self._changed.notify_all()
            if not self._over:
                self._changed.wait_for(lambda: self.peak >= self._expected, timeout=10)
                self._changed.wait_for(lambda: self.peak > self._expected, timeout=0.3)
            self._over = True
            self._at_work -= 1


@pytest.mark.verifies("states.inline-map")
@pytest.mark.parametrize(("limit", "peak"), [({}, 40), ({"MaxConcurrency": 0}, 40), ({"MaxConcurrency": 3}, 3)])
def test_an_inline_map_has_as_many_iterations_at_work_as_allowed(limit: dict[str, int], peak: int) -> None:
    meeting = Meeting(peak)
    each = inline(machine(Work=task()), ItemsPath="$.list", ResultPath=None, **limit)
    execution = ran(machine(Each=each), {"list": list(range(90))}, meeting)
    assert (execution.status, meeting.peak) == ("SUCCEEDED", peak)


def test_a_map_within_a_map_has_a_concurrency_of_its_own() -> None:
    meeting = Meeting(6)
    inner = inline(machine(Work=task()), MaxConcurrency=3)
    outer = inline(machine(Inner=inner), ItemsPath="$.lists", MaxConcurrency=2)
    execution = ran(machine(Outer=outer), {"lists": [[1, 2, 3, 4]] * 4}, meeting)
    assert (execution.status, meeting.peak) == ("SUCCEEDED", 6)


@pytest.mark.verifies("states.executions")
def test_an_input_of_more_than_256_kib_is_not_started(bench: Bench) -> None:
    arn = bench.sfn.create_state_machine(
        name="limits", definition=json.dumps(machine(Done={"Type": "Succeed"})), roleArn=ROLE
    )["stateMachineArn"]
    with pytest.raises(bench.sfn.exceptions.InvalidExecutionInput):
        bench.sfn.start_execution(stateMachineArn=arn, input=json.dumps("x" * MAX_STATE_BYTES))
    with pytest.raises(bench.sfn.exceptions.InvalidExecutionInput):
        bench.sfn.start_execution(stateMachineArn=arn, input="{not json")
    bench.sfn.start_execution(stateMachineArn=arn, input=json.dumps("x" * (MAX_STATE_BYTES - 2)))


@pytest.mark.verifies("states.executions")
@pytest.mark.parametrize("name", ["x" * 81, "a b", "a/b", "a:b", "a#b", "a*b", 'a"b', "a\tb", "a{b}"])
def test_a_name_that_aws_refuses_is_refused(bench: Bench, name: str) -> None:
    arn = bench.sfn.create_state_machine(
        name="names", definition=json.dumps(machine(Done={"Type": "Succeed"})), roleArn=ROLE
    )["stateMachineArn"]
    with pytest.raises(ClientError) as refusal:
        bench.sfn.start_execution(stateMachineArn=arn, name=name, input="{}")
    assert refusal.value.response["Error"]["Code"] in ("InvalidName", "ValidationException")


@pytest.mark.verifies("states.executions")
def test_a_name_is_taken_even_after_its_execution_has_ended(bench: Bench) -> None:
    shown = bench.run(machine(Done={"Type": "Succeed"}))
    with pytest.raises(bench.sfn.exceptions.ExecutionAlreadyExists):
        bench.sfn.start_execution(stateMachineArn=shown["stateMachineArn"], name=shown["name"], input=shown["input"])


def test_redriving_is_refused_and_not_pretended(bench: Bench) -> None:
    shown = bench.run(machine(No={"Type": "Fail", "Error": "X"}))
    with pytest.raises(ClientError):
        bench.sfn.redrive_execution(executionArn=shown["executionArn"])
    assert bench.sfn.describe_execution(executionArn=shown["executionArn"])["status"] == "FAILED"
