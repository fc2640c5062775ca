"""One trace for a whole tree of executions: states pass it on to functions, Maps to their children."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.functions.api import InvokeResult, RequestTooLarge
from sandbox.aws.stepfunctions.engine import Engine
from sandbox.aws.stepfunctions.execution import Execution, Machine
from sandbox.aws.tracing.attempts import ExecutionTrace
from sandbox.aws.tracing.header import TraceHeader
from sandbox.aws.tracing.segments import Segment
from sandbox.aws.tracing.tree import trace_tree
from tests.sandbox.aws_support import ROLE, Bench, machine, spec, task

ARN = "arn:aws:states:us-east-1:123456789012"


class Functions:
    """In the place of the functions' host: answers at once and keeps the headers; some functions fail."""

    def __init__(self) -> None:
        self.headers: list[TraceHeader] = []
        self._lock = threading.Lock()

    def invoke(self, function: str, _payload: bytes, trace: TraceHeader) -> InvokeResult:
        with self._lock:
            self.headers.append(trace)
            first = len(self.headers) == 1
        if function == "large":
            raise RequestTooLarge("Request must be smaller than 6291456 bytes for the InvokeFunction operation")
        if function == "fails once" and first:
            return InvokeResult(b'{"errorType": "Odd"}', "Unhandled", "", "Odd")
        return InvokeResult(b"{}", None)


class Scene:
    """An engine whose segments are kept."""

    def __init__(self, bench: Bench) -> None:
        self.functions = Functions()
        self.segments: list[Segment] = []
        self.engine = Engine(
            region="us-east-1",
            invoke=self.functions.invoke,
            s3=bench.s3,
            retry_scale=0.0,
            rng=random.Random(1),  # noqa: S311 - a fixed seed for jitter
            traces=self.segments.append,
        )

    def run(self, definition: dict[str, Any], data: Any = None) -> Execution:
        arn = f"{ARN}:execution:m:{len(self.segments)}"
        started = self.engine.start(
            Machine(f"{ARN}:stateMachine:m", "m", ROLE, definition), arn=arn, name="run", data=data
        )
        assert started.done.wait(30)
        return started


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as made:
        yield made


@pytest.fixture
def scene(bench: Bench) -> Iterator[Scene]:
    made = Scene(bench)
    with closing(made.engine):
        yield made


@pytest.mark.verifies("traces.platform")
def test_every_attempt_has_a_segment_that_its_invocation_is_told_of(scene: Scene) -> None:
    retry = [{"ErrorEquals": ["Odd"], "MaxAttempts": 2}]
    state = task(Retry=retry, Parameters={"FunctionName": "fails once", "Payload.$": "$"})
    execution = scene.run(machine(First=state | {"Next": "Second", "End": None}, Second=task()))
    headers = scene.functions.headers
    assert [each.id for each in scene.segments] == [header.parent for header in headers]
    assert {header.root for header in headers} == {execution.trace.trace_id}
    assert {each.parent_id for each in scene.segments} == {execution.trace.id}
    assert [(each.name, each.error_type, each.fault) for each in scene.segments] == [
        ("First", "Odd", True),
        ("First", "", False),
        ("Second", "", False),
    ]
    assert all(each.resource == execution.arn and each.end is not None for each in scene.segments)


def test_executions_do_not_share_a_trace(scene: Scene) -> None:
    first, second = (scene.run(machine(Only=task())) for _ in range(2))
    assert first.trace.trace_id != second.trace.trace_id


def test_a_child_stays_in_its_parents_trace() -> None:
    parent = ExecutionTrace.begin()
    children = [parent.child(), parent.child()]
    assert {child.trace_id for child in children} == {parent.trace_id}
    assert {child.parent_id for child in children} == {parent.id}
    assert len({parent.id, *(child.id for child in children)}) == 3


def distributed(**state: Any) -> dict[str, Any]:
    """Return a machine with one Distributed Map over ``$.items``, each of whose children invokes once."""
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **machine(Work=task())}
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "runs", "Key": "items.json"},
    }
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "runs", "Prefix": "results"}}
    fields = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "ResultWriter": writer, "End": True}
    return machine(Each=fields | state)


@pytest.mark.verifies("traces.platform")
def test_the_children_of_a_map_are_in_the_trace_of_its_execution(scene: Scene, bench: Bench) -> None:
    bench.s3.put_object(Bucket="runs", Key="items.json", Body=json.dumps([{"n": n} for n in range(3)]))
    parent = scene.run(distributed())
    assert {header.root for header in scene.functions.headers} == {parent.trace.trace_id}
    assert {child.trace.parent_id for child in parent.children} == {parent.trace.id}
    assert sorted(str(each.parent_id) for each in scene.segments) == sorted(child.trace.id for child in parent.children)


def test_the_iterations_of_an_inline_map_are_told_apart(scene: Scene) -> None:
    inline = {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": machine(Work=task()), "End": True}
    scene.run(machine(Each=inline), {"items": [1, 2]})
    assert sorted(each.iteration for each in scene.segments) == ["Each[0]", "Each[1]"]


def test_an_event_that_is_too_large_is_an_error_of_the_state(scene: Scene) -> None:
    execution = scene.run(machine(Only=task(Parameters={"FunctionName": "large", "Payload.$": "$"})))
    assert execution.error == "Lambda.RequestEntityTooLargeException"
    assert "6291456" in str(execution.cause)
    assert [each.error_type for each in scene.segments] == ["Lambda.RequestEntityTooLargeException"]


def test_a_run_of_real_functions_is_one_tree(bench: Bench, tmp_path: Path) -> None:
    segments: list[Segment] = []
    bench.host._traces = segments.append
    bench.host.register(spec(tmp_path / "code"))
    bench.s3.put_object(Bucket="runs", Key="items.json", Body=json.dumps([{"media_id": f"m{n}"} for n in range(3)]))
    engine = Engine(region="us-east-1", invoke=bench.host.invoke, s3=bench.s3, traces=segments.append)
    with closing(engine):
        definition = distributed()
        arn = f"{ARN}:execution:m:real"
        started = engine.start(Machine(f"{ARN}:stateMachine:m", "m", ROLE, definition), arn=arn, name="real", data={})
        assert started.done.wait(30)
        tree = trace_tree(engine.records(arn), segments, bench.host.invocations())
    [execution] = tree.executions
    [each] = execution.children
    assert sorted(child.name for child in each.children) == ["m0", "m1", "m2"]
    invocations = [child.children[0].children[0] for child in each.children]
    assert [node.name for node in invocations] == ["worker"] * 3
    assert any(node.cold for node in invocations)
    assert tree.astray == 0
