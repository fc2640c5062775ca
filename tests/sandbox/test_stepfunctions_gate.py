"""The gate: what is not verified is refused, in one line that names the state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.asl_gate import UnsupportedDefinition, admit

PROJECT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any]], Any]


def resolved() -> dict[str, Any]:
    """Return the project's own definition with all substitutions made."""
    text = (PROJECT / "cloud_sync" / "state_machine.asl.json").read_text(encoding="utf-8")
    for name in ("RunControl", "MediaLister", "VideoDownloader", "MultipartUploader"):
        text = text.replace(f"${{{name}FunctionArn}}", f"arn:aws:lambda:us-east-1:123456789012:function:{name}")
    found: dict[str, Any] = json.loads(text.replace("${RunsBucketName}", "runs"))
    return found


def state(definition: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a state by its path of names through item processors."""
    found: dict[str, Any] = definition["States"][names[0]]
    for name in names[1:]:
        found = found["ItemProcessor"]["States"][name]
    return found


@pytest.mark.verifies("states.gate")
def test_the_projects_own_definition_is_admitted() -> None:
    admit(resolved())


@pytest.mark.verifies("states.gate")
@pytest.mark.parametrize(
    ("names", "change", "words"),
    [
        (("Begin the run",), {"HeartbeatSeconds": 3}, "field HeartbeatSeconds"),
        (("Begin the run",), {"Type": "Wait"}, "type Wait"),
        (("Begin the run",), {"Resource": "arn:aws:states:::sns:publish"}, "resource arn:aws:states:::sns:publish"),
        (("Begin the run",), {"Next": "Nowhere"}, "leads to 'Nowhere'"),
        (("Begin the run",), {"End": True}, "either Next or End"),
        (("Begin the run",), {"QueryLanguage": "JSONata"}, "field QueryLanguage"),
        (("Begin the run",), {"ResultSelector": {"n.$": "States.Format('x')"}}, "does not start with '$'"),
        (("Begin the run",), {"ResultSelector": {"n.$": "$.list[*].id"}}, "not a plain reference path"),
        (("Begin the run",), {"Parameters": {"FunctionName": "${Missing}"}}, "${Missing} was not substituted"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["States.Runtime"]}]}, "ErrorEquals States.Runtime"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["A"], "Delay": 1}]}, "field Delay"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["A"], "JitterStrategy": "SOME"}]}, "JitterStrategy"),
        (("May the run proceed?",), {"Choices": [{"Variable": "$.a", "StringMatches": "x*", "Next": "Skipped"}]},
         "field StringMatches"),
        (("May the run proceed?",), {"Choices": [{"Not": {}, "Next": "Skipped"}]}, "field Not"),
        (("May the run proceed?",), {"Choices": [{"Variable": "$.a", "Next": "Skipped"}]}, "one comparison"),
        (("Skipped",), {"Next": "List media"}, "field Next"),
        (("Sync each medium",), {"ItemBatcher": {}}, "field ItemBatcher"),
        (("Sync each medium",), {"ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {}}},
         "ItemReader must be"),
        (("Sync each medium",), {"ResultWriter": {"WriterConfig": {}}}, "ResultWriter must be"),
        (("Sync each medium", "Download medium"), {"TimeoutSecondsPath": "$.t"}, "field TimeoutSecondsPath"),
        (("Sync each medium", "Upload parts"), {"ToleratedFailureCount": 1}, "field ToleratedFailureCount"),
        (("Sync each medium",), {"MaxConcurrency": 3}, "MaxConcurrency is given twice"),
        (("Sync each medium",), {"ToleratedFailurePercentage": 101}, "ToleratedFailurePercentage must be a number"),
        (("Sync each medium",), {"Label": "Sync each medium"}, "Label must be 1 to 40"),
        (("Sync each medium",), {"ItemSelector": "$$.Map.Item.Value"}, "ItemSelector must be an object"),
        (("Begin the run",), {"TimeoutSeconds": 0}, "TimeoutSeconds must be a whole number from 1"),
        (("Begin the run",), {"TimeoutSeconds": "120"}, "not '120'"),
        (("Begin the run",), {"Retry": {"ErrorEquals": ["A"]}}, "Retry: must be a list"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["A"], "BackoffRate": 0.5}]}, "BackoffRate must be"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["A"], "MaxAttempts": True}]}, "MaxAttempts must be"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 9, "MaxDelaySeconds": 9}]},
         "MaxDelaySeconds must be larger"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["A", "States.ALL"]}]}, "States.ALL must be alone"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}]},
         "in the last handler"),
        (("Begin the run",), {"Retry": [{"ErrorEquals": "A"}]}, "ErrorEquals is missing or empty"),
        (("Begin the run",), {"Catch": [{"ErrorEquals": ["A"]}]}, "a catcher needs Next"),
        (("Begin the run",), {"Catch": [{"ErrorEquals": ["A"], "Next": "Nowhere"}]}, "leads to 'Nowhere'"),
        (("Begin the run",), {"Parameters": {"Payload": {}}}, "no FunctionName"),
        (("Begin the run",), {"Parameters": {"FunctionName": "f", "Qualifier": "1"}}, "field Qualifier"),
        (("Begin the run",), {"Parameters": {"FunctionName": "f", "Payload": {"n.$": 7}}}, "n.$ must be a path"),
        (("Begin the run",), {"ResultSelector": {"at.$": "$$.Execution.StartedAt"}}, "is not in the context object"),
        (("Begin the run",), {"ResultSelector": {"token.$": "$$.Task.Token"}}, "is not in the context object"),
        (("May the run proceed?",), {"Choices": [{"Variable": "$.a", "StringEquals": 7, "Next": "Skipped"}]},
         "StringEquals must be a text"),
        (("May the run proceed?",), {"Choices": [{"Variable": "$.a", "IsPresent": "yes", "Next": "Skipped"}]},
         "IsPresent must be true or false"),
        (("Run failed",), {"Error": "X"}, "Error is given twice"),
    ],
)  # fmt: skip
def test_a_feature_that_is_not_verified_is_refused(names: tuple[str, ...], change: dict[str, Any], words: str) -> None:
    definition = resolved()
    state(definition, *names).update(change)
    with pytest.raises(UnsupportedDefinition) as refusal:
        admit(definition)
    assert words in str(refusal.value)
    assert f"state '{names[-1]}'" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_state_that_nothing_leads_to_is_refused() -> None:
    definition = resolved()
    definition["States"]["Orphan"] = {"Type": "Succeed"}
    with pytest.raises(UnsupportedDefinition, match="state 'Orphan': nothing leads to it"):
        admit(definition)


def test_a_distributed_map_within_a_map_is_refused() -> None:
    definition = resolved()
    state(definition, "Sync each medium", "Upload parts")["ItemProcessor"]["ProcessorConfig"] = {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "STANDARD",
    }
    with pytest.raises(UnsupportedDefinition, match="within a Map"):
        admit(definition)


def test_a_start_that_is_no_state_is_refused() -> None:
    with pytest.raises(UnsupportedDefinition, match="StartAt names no state: 'X'"):
        admit({"StartAt": "X", "States": {"Y": {"Type": "Succeed"}}})


def test_a_field_of_the_whole_machine_is_refused_too() -> None:
    with pytest.raises(UnsupportedDefinition, match="field TimeoutSeconds"):
        admit({"StartAt": "Y", "TimeoutSeconds": 5, "States": {"Y": {"Type": "Succeed"}}})


@pytest.mark.verifies("states.gate")
def test_two_states_of_one_name_are_refused_wherever_they_are() -> None:
    definition = resolved()
    inner = definition["States"]["Sync each medium"]["ItemProcessor"]["States"]
    inner["Medium done"]["Next"] = "Skipped"
    del inner["Medium done"]["End"]
    inner["Skipped"] = {"Type": "Succeed"}
    with pytest.raises(UnsupportedDefinition, match="state 'Skipped': two states have this name"):
        admit(definition)


def test_a_name_longer_than_aws_takes_is_refused() -> None:
    name = "x" * 81
    with pytest.raises(UnsupportedDefinition, match="80 characters at most, not 81"):
        admit({"StartAt": name, "States": {name: {"Type": "Succeed"}}})


@pytest.mark.parametrize(
    "broken", [{"StartAt": "Y", "States": {"Y": "Succeed"}}, ["Y"], {"StartAt": "Y", "States": []}]
)
def test_a_definition_of_a_wrong_shape_is_refused_in_one_line(broken: Any) -> None:
    with pytest.raises(UnsupportedDefinition) as refusal:
        admit(broken)
    assert "\n" not in str(refusal.value)
