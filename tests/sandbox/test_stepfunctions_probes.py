"""The probes of moto's interpreter, put to ours: each feature is right, or refused by its name before anything runs.

Features that are right have their tests in the files beside this one; here are those that the engine does not have.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.asl_gate import UnsupportedDefinition, admit
from tests.sandbox.asl_support import FAIL_ON_MARK, distributed, inline
from tests.sandbox.aws_support import machine, task

DONE = machine(Done={"Type": "Succeed"})


def single(**state: Any) -> dict[str, Any]:
    return machine(Probe=state if {"Next", "End", "Choices"} & state.keys() else {**state, "End": True})


def resource(arn: str) -> dict[str, Any]:
    return single(Type="Task", Resource=arn, Parameters={"FunctionName": "f"})


def reader(**fields: Any) -> dict[str, Any]:
    state = distributed(DONE)
    state["ItemReader"] = {**state["ItemReader"], **fields}
    return machine(Probe=state)


def config(**fields: Any) -> dict[str, Any]:
    state = distributed(DONE)
    state["ItemProcessor"]["ProcessorConfig"] |= fields
    return machine(Probe=state)


def without(*names: str, **fields: Any) -> dict[str, Any]:
    state = {name: value for name, value in distributed(DONE).items() if name not in names}
    return machine(Probe={**state, **fields})


def choice(**rule: Any) -> dict[str, Any]:
    state = {"Type": "Choice", "Choices": [{"Next": "Done", **rule}]}
    return machine(Probe=state, Done={"Type": "Succeed"})


SERVICES = (
    "arn:aws:lambda:us-east-1:123456789012:function:f",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "arn:aws:states:::sns:publish",
    "arn:aws:states:::sqs:sendMessage",
    "arn:aws:states:::events:putEvents",
    "arn:aws:states:::dynamodb:putItem",
    "arn:aws:states:::aws-sdk:dynamodb:query",
    "arn:aws:states:::aws-sdk:cloudwatch:putMetricData",
    "arn:aws:states:::aws-sdk:s3:getObject",
    "arn:aws:states:::aws-sdk:sfn:describeExecution",
    "arn:aws:states:::states:startExecution.sync:2",
    "arn:aws:states:::http:invoke",
    "arn:aws:states:us-east-1:123456789012:activity:a",
)

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "Wait": (single(Type="Wait", Seconds=1), "type Wait"),
    "Parallel": (single(Type="Parallel", Branches=[DONE]), "type Parallel"),
    "intrinsic functions": (single(Type="Pass", Parameters={"x.$": "States.UUID()"}), "does not start with '$'"),
    "path expressions": (single(Type="Pass", InputPath="$.list[*].id"), "not a plain reference path"),
    "variables": (single(Type="Pass", InputPath="$name"), "not a plain reference path"),
    "Assign": (single(Type="Pass", Assign={"n": 1}), "field Assign"),
    "JSONata, whole machine": ({**DONE, "QueryLanguage": "JSONata"}, "field QueryLanguage"),
    "JSONata, one state": (single(Type="Pass", QueryLanguage="JSONata"), "field QueryLanguage"),
    "JSONata, Output": (single(Type="Pass", Output="{% 1 %}"), "field Output"),
    "JSONata, Arguments": (machine(Probe=task(Arguments={})), "field Arguments"),
    "JSONata, Items": (machine(Probe=inline(DONE, Items="{% [1] %}")), "field Items"),
    "TimeoutSeconds of the machine": ({**DONE, "TimeoutSeconds": 5}, "field TimeoutSeconds"),
    "TimeoutSecondsPath": (machine(Probe=task(TimeoutSecondsPath="$.t")), "field TimeoutSecondsPath"),
    "HeartbeatSeconds": (machine(Probe=task(HeartbeatSeconds=5)), "field HeartbeatSeconds"),
    "Credentials": (machine(Probe=task(Credentials={})), "field Credentials"),
    "Iterator": (single(Type="Map", Iterator=DONE), "field Iterator"),
    "Map with Parameters": (machine(Probe=inline(DONE, Parameters={})), "field Parameters"),
    "comparison And": (choice(And=[]), "field And"),
    "comparison StringMatches": (choice(Variable="$.a", StringMatches="x*"), "field StringMatches"),
    "comparison TimestampEquals": (choice(Variable="$.a", TimestampEquals="2016-08-18T17:33:00Z"), "field Timestamp"),
    "comparison StringEqualsPath": (choice(Variable="$.a", StringEqualsPath="$.b"), "field StringEqualsPath"),
    "comparison NumericGreaterThan": (choice(Variable="$.a", NumericGreaterThan=1), "field NumericGreaterThan"),
    "comparison IsNull": (choice(Variable="$.a", IsNull=True), "field IsNull"),
    "Distributed Map over an array of the input": (without("ItemReader", ItemsPath="$"), "field ItemsPath"),
    "Distributed Map without ItemReader": (without("ItemReader"), "ItemReader must be"),
    "Distributed Map without ResultWriter": (without("ResultWriter"), "ResultWriter must be"),
    "ItemReader CSV": (reader(ReaderConfig={"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}), "ItemReader must"),
    "ItemReader JSONL": (reader(ReaderConfig={"InputType": "JSONL"}), "ItemReader must be"),
    "ItemReader MANIFEST": (reader(ReaderConfig={"InputType": "MANIFEST"}), "ItemReader must be"),
    "ItemReader MaxItems": (reader(ReaderConfig={"InputType": "JSON", "MaxItems": 2}), "ItemReader must be"),
    "ItemReader listObjectsV2": (reader(Resource="arn:aws:states:::s3:listObjectsV2"), "ItemReader must be"),
    "ItemReader Version": (reader(Parameters={"Bucket": "b", "Key": "k", "VersionId": "v"}), "Bucket and Key alone"),
    "ItemBatcher": (without(ItemBatcher={"MaxItemsPerBatch": 2}), "field ItemBatcher"),
    "WriterConfig": (without(ResultWriter={"WriterConfig": {"OutputType": "JSONL"}}), "ResultWriter must be"),
    "EXPRESS children": (config(ExecutionType="EXPRESS"), "ProcessorConfig"),
    "Distributed Map within a Map": (machine(Probe=inline(machine(Inner=distributed(DONE)))), "within a Map"),
    **{f"resource {arn}": (resource(arn), f"resource {arn}") for arn in SERVICES},
}


@pytest.mark.verifies("states.gate")
@pytest.mark.parametrize("feature", REFUSED)
def test_a_feature_that_the_engine_does_not_have_is_refused_by_name(feature: str) -> None:
    definition, words = REFUSED[feature]
    with pytest.raises(UnsupportedDefinition) as refusal:
        admit(definition)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_the_engine_has_is_admitted() -> None:
    for admitted in (DONE, FAIL_ON_MARK, machine(Probe=distributed(DONE)), machine(Probe=inline(DONE))):
        admit(admitted)
