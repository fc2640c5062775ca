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


def test_the_projects_own_definition_is_admitted() -> None:
    admit(resolved())


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
