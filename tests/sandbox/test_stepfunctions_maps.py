"""Maps of both kinds: concurrency, tolerance, result files, stopping; functions run for real."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.asl_support import CATCH_ALL, CAUGHT, FAIL_ON_MARK, distributed, inline, items
from tests.sandbox.aws_support import Bench, machine, task


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Bench(tmp_path_factory.mktemp("bench")) as running:
        yield running


def results(bench: Bench, output: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest and the result files that it lists, by status."""
    details = output["ResultWriterDetails"]
    manifest = json.loads(bench.s3.get_object(Bucket=details["Bucket"], Key=details["Key"])["Body"].read())
    assert manifest["DestinationBucket"] == "runs"
    assert manifest["MapRunArn"] == output["MapRunArn"]
    found = {}
    for status, files in manifest["ResultFiles"].items():
        bodies = [bench.s3.get_object(Bucket="runs", Key=file["Key"])["Body"].read() for file in files]
        assert [file["Size"] for file in files] == [len(body) for body in bodies]
        found[status] = [entry for body in bodies for entry in json.loads(body)]
    return found


@pytest.mark.verifies("states.distributed-map", "states.result-writer", "states.item-reader")
def test_children_are_counted_and_written_to_result_files(bench: Bench) -> None:
    data = items(bench, "written", False, True, False)
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK, ToleratedFailureCount=1)), data)
    assert shown["status"] == "SUCCEEDED"
    found = results(bench, shown["output"])
    assert [json.loads(entry["Output"])["id"] for entry in found["SUCCEEDED"]] == [0, 2]
    assert [(entry["Error"], entry["Status"]) for entry in found["FAILED"]] == [("RunStopped", "FAILED")]
    assert found["PENDING"] == []
    assert shown["output"]["MapRunArn"].split(":")[5] == "mapRun"


@pytest.mark.verifies("states.tolerance")
@pytest.mark.parametrize(
    ("tolerance", "failed", "status"),
    [
        ({}, 0, "SUCCEEDED"),
        ({}, 1, "FAILED"),
        ({"ToleratedFailureCount": 2}, 2, "SUCCEEDED"),
        ({"ToleratedFailureCount": 2}, 3, "FAILED"),
        ({"ToleratedFailureCountPath": "$.limit"}, 1, "SUCCEEDED"),
        ({"ToleratedFailureCountPath": "$.limit"}, 2, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, 2, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 50}, 3, "FAILED"),
        ({"ToleratedFailurePercentage": 100}, 4, "SUCCEEDED"),
    ],
)
def test_a_map_fails_beyond_its_tolerance_and_not_at_it(
    bench: Bench, tolerance: dict[str, Any], failed: int, status: str
) -> None:
    data = items(bench, "tolerated", *(index < failed for index in range(4))) | {"limit": 1}
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK, **tolerance)), data)
    assert shown["status"] == status
    if status == "FAILED":
        assert shown["error"] == "States.ExceedToleratedFailureThreshold"


@pytest.mark.verifies("states.tolerance", "states.result-writer")
def test_an_exceeded_threshold_is_caught_and_leaves_the_rest_pending(bench: Bench) -> None:
    data = items(bench, "stopped", True, False, False)
    definition = machine(Each=distributed(FAIL_ON_MARK, MaxConcurrency=1, Catch=CATCH_ALL), Caught=CAUGHT)
    output = bench.run(definition, data)["output"]
    assert output["error"]["Error"] == "States.ExceedToleratedFailureThreshold"
    listed = bench.s3.list_objects_v2(Bucket="runs", Prefix="stopped/")["Contents"]
    assert sorted(entry["Key"].rsplit("/", 1)[1] for entry in listed) == [
        "FAILED_0.json", "PENDING_0.json", "manifest.json",
    ]  # fmt: skip


@pytest.mark.verifies("states.tolerance", "states.terminal-errors")
def test_a_child_that_ends_with_a_runtime_error_counts_as_failed(bench: Bench) -> None:
    broken = machine(Work={"Type": "Pass", "InputPath": "$.missing", "End": True})
    definition = machine(Each=distributed(broken, Catch=CATCH_ALL), Caught=CAUGHT)
    output = bench.run(definition, items(bench, "broken", False))["output"]
    assert output["error"]["Error"] == "States.ExceedToleratedFailureThreshold"


@pytest.mark.verifies("states.distributed-map", "states.context")
def test_a_child_is_an_execution_of_its_own(bench: Bench) -> None:
    ids = machine(Who={"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "in.$": "$"}, "End": True})
    selector = {"n.$": "$$.Map.Item.Value.id", "index.$": "$$.Map.Item.Index", "key.$": "$.key"}
    shown = bench.run(machine(Each=distributed(ids, ItemSelector=selector)), items(bench, "own", False, False))
    outputs = [json.loads(entry["Output"]) for entry in results(bench, shown["output"])["SUCCEEDED"]]
    assert [each["in"] for each in outputs] == [{"n": n, "index": n, "key": "own"} for n in (0, 1)]
    children = {record.execution_arn for record in bench.records(shown) if record.parent_map is not None}
    assert {each["id"] for each in outputs} == children
    child = bench.sfn.describe_execution(executionArn=outputs[0]["id"])
    assert (child["status"], child["stateMachineArn"].rsplit("/", 1)[1]) == ("SUCCEEDED", "Each")


@pytest.mark.verifies("states.item-reader")
@pytest.mark.parametrize("body", [b"{}", b"not json", None])
def test_items_that_cannot_be_read_fail_the_map_by_name(bench: Bench, body: bytes | None) -> None:
    if body is not None:
        bench.s3.put_object(Bucket="runs", Key="unreadable", Body=body)
    key = "unreadable" if body is not None else "absent"
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK)), {"key": key})
    assert shown["error"] == "States.ItemReaderFailed"


@pytest.mark.verifies("states.result-writer")
def test_results_that_cannot_be_written_fail_the_map_by_name(bench: Bench) -> None:
    state = distributed(FAIL_ON_MARK)
    state["ResultWriter"]["Parameters"]["Bucket"] = "no-such-bucket"
    assert bench.run(machine(Each=state), items(bench, "unwritten", False))["error"] == "States.ResultWriterFailed"


@pytest.mark.verifies("states.distributed-map", "states.result-writer")
def test_a_map_over_nothing_succeeds_with_an_empty_manifest(bench: Bench) -> None:
    shown = bench.run(machine(Each=distributed(FAIL_ON_MARK)), items(bench, "nothing"))
    assert results(bench, shown["output"]) == {"SUCCEEDED": [], "FAILED": [], "PENDING": []}


@pytest.mark.verifies("states.distributed-map")
@pytest.mark.parametrize("limit", [{"MaxConcurrency": 2}, {"MaxConcurrencyPath": "$.limit"}])
def test_children_run_together_up_to_the_limit(bench: Bench, tmp_path: Path, limit: dict[str, Any]) -> None:
    meet = {"action": "meet", "dir": str(tmp_path), "together": 2}
    processor = machine(Meet=task(meet, OutputPath="$.Payload"))
    data = items(bench, "together", False, False) | {"limit": 2}
    shown = bench.run(machine(Each=distributed(processor, **limit)), data)
    assert [entry["Output"] for entry in results(bench, shown["output"])["SUCCEEDED"]] == ["2", "2"]


@pytest.mark.verifies("states.distributed-map")
def test_one_at_a_time_is_one_at_a_time(bench: Bench) -> None:
    processor = machine(Work=task({"action": "sleep", "seconds": 0.05}, OutputPath="$.Payload"))
    data = items(bench, "single", False, False, False) | {"limit": 1}
    shown = bench.run(machine(Each=distributed(processor, MaxConcurrencyPath="$.limit")), data)
    spans = [(each.entered_at, str(each.exited_at)) for each in bench.records(shown) if each.state_name == "Work"]
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@pytest.mark.parametrize("value", ["3", None, -1, True])
def test_a_concurrency_that_is_no_number_ends_the_execution(bench: Bench, value: Any) -> None:
    state = distributed(FAIL_ON_MARK, MaxConcurrencyPath="$.limit", Catch=CATCH_ALL)
    shown = bench.run(machine(Each=state, Caught=CAUGHT), items(bench, "bad", False) | {"limit": value})
    assert shown["error"] == "States.Runtime"


@pytest.mark.verifies("states.executions")
def test_stopping_the_parent_aborts_its_children(bench: Bench) -> None:
    processor = machine(Work=task({"action": "sleep", "seconds": 2}))
    arn = bench.start(machine(Each=distributed(processor)), items(bench, "abort", False, False))
    started = threading.Event()
    for _ in range(100):
        if any(record.state_name == "Work" for record in bench.engine.records(arn)):
            break
        started.wait(0.02)
    bench.sfn.stop_execution(executionArn=arn)
    assert bench.wait(arn, 2)["status"] == "ABORTED"
    assert {str(child.status) for child in bench.engine.find(arn).children} == {"ABORTED"}


@pytest.mark.verifies("states.inline-map", "states.context")
def test_an_inline_map_keeps_the_order_of_its_items(bench: Bench) -> None:
    processor = machine(Mark={"Type": "Pass", "Parameters": {"item.$": "$", "n.$": "$$.Map.Item.Index"}, "End": True})
    shown = bench.run(machine(Each=inline(processor, ItemsPath="$.list")), {"list": ["a", "b", "c"]})
    assert shown["output"] == [{"item": item, "n": n} for n, item in enumerate("abc")]


def test_an_inline_iteration_catches_its_own_failure(bench: Bench) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Lost"}]
    processor = machine(Work=task(Catch=catch, OutputPath="$.Payload"), Lost=CAUGHT | {"Result": "lost"})
    data = [{"action": "raise"}, {"n": 1}]
    shown = bench.run(machine(Each=inline(processor, MaxConcurrency=1)), data)
    assert shown["output"] == ["lost", {"n": 1}]


@pytest.mark.verifies("states.inline-map")
def test_an_uncaught_iteration_fails_the_inline_map_with_its_own_error(bench: Bench) -> None:
    processor = machine(Work=task())
    data = {"list": [{"action": "raise"}, {"action": "sleep", "seconds": 3}]}
    state = inline(processor, ItemsPath="$.list", ResultPath=None, Catch=CATCH_ALL)
    assert bench.run(machine(Each=state, Caught=CAUGHT), data)["output"]["error"]["Error"] == "CustomError"


@pytest.mark.verifies("states.terminal-errors")
def test_a_runtime_error_in_an_iteration_passes_every_catch(bench: Bench) -> None:
    processor = machine(Work={"Type": "Pass", "InputPath": "$.missing", "End": True})
    state = inline(processor, ItemsPath="$.list", Catch=CATCH_ALL)
    assert bench.run(machine(Each=state, Caught=CAUGHT), {"list": [{}]})["error"] == "States.Runtime"


def test_an_inline_map_over_nothing_gives_an_empty_list(bench: Bench) -> None:
    assert bench.run(machine(Each=inline(machine(Work=task()), ItemsPath="$.list")), {"list": []})["output"] == []


def test_items_that_are_no_list_end_the_execution(bench: Bench) -> None:
    shown = bench.run(machine(Each=inline(machine(Work=task()), ItemsPath="$.list")), {"list": {}})
    assert shown["error"] == "States.Runtime"


def test_iterations_are_recorded_by_index(bench: Bench) -> None:
    processor = machine(Mark={"Type": "Pass", "End": True})
    shown = bench.run(machine(Each=inline(processor, MaxConcurrency=1, ItemsPath="$.list")), {"list": [1, 2]})
    assert [record.iteration for record in bench.records(shown)] == [None, "Each[0]", "Each[1]"]
