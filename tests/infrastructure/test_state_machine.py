"""The deployed definition is the file, and everything that it names exists and may be used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from cloud_sync_common.edges.runs_bucket import run_key
from tests.infrastructure.synthesis import PROJECT, Template, as_list, text_of

FILE = PROJECT / "cloud_sync" / "state_machine.asl.json"


def _states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from _states(state["ItemProcessor"])


def _allowed(template: Template, action: str) -> set[str]:
    return {
        text_of(resource)
        for statement in template.role_statements("SyncRole")
        if action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def test_the_definition_is_the_file(template: Template) -> None:
    machine = template.properties("StepFunctions::StateMachine")
    assert machine["DefinitionString"] == FILE.read_text(encoding="utf-8")
    assert machine["StateMachineType"] == "STANDARD"


def test_every_name_of_the_definition_is_substituted_and_every_substitution_is_used(template: Template) -> None:
    named = set(re.findall(r"\$\{(\w+)\}", FILE.read_text(encoding="utf-8")))
    assert set(template.properties("StepFunctions::StateMachine")["DefinitionSubstitutions"]) == named


def test_every_function_of_the_definition_may_be_invoked_and_no_other(template: Template) -> None:
    substitutions = template.properties("StepFunctions::StateMachine")["DefinitionSubstitutions"]
    named = {text_of(value) for name, value in substitutions.items() if name.endswith("FunctionArn")}
    assert len(named) == len(template.of_type("Lambda::Function"))
    assert _allowed(template, "lambda:InvokeFunction") == named


def test_a_substitution_is_the_function_that_its_name_says(template: Template) -> None:
    substitutions = template.properties("StepFunctions::StateMachine")["DefinitionSubstitutions"]
    for name, value in substitutions.items():
        if name.endswith("FunctionArn"):
            assert text_of(value).startswith(f"<Functions{name.removesuffix('FunctionArn')}")


def test_the_maps_reader_and_writer_may_use_what_they_name_and_write_results_only(template: Template) -> None:
    bucket = text_of(template.properties("StepFunctions::StateMachine")["DefinitionSubstitutions"]["RunsBucketName"])
    objects = f"{bucket[:-1]}.Arn>/"
    manifest, result = (
        objects + run_key("a-run", name) for name in ("manifest.json", "results/an-id/SUCCEEDED_0.json")
    )
    readable, writable = _allowed(template, "s3:GetObject"), _allowed(template, "s3:PutObject")
    assert any(fnmatchcase(manifest, pattern) for pattern in readable)
    assert any(fnmatchcase(result, pattern) for pattern in writable)
    assert not any(fnmatchcase(manifest, pattern) for pattern in writable)
    definition = json.loads(FILE.read_text(encoding="utf-8"))
    for _, state in _states(definition):
        for field in ("ItemReader", "ResultWriter"):
            if field in state:
                assert state[field]["Parameters"]["Bucket"] == "${RunsBucketName}"


def test_every_distributed_map_has_the_label_that_its_rights_name(template: Template) -> None:
    definition = json.loads(FILE.read_text(encoding="utf-8"))
    labels = {
        state["Label"]
        for _, state in _states(definition)
        if state["Type"] == "Map" and state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    }
    redriven = _allowed(template, "states:RedriveExecution")
    assert {re.split(r"[/:]", resource)[-2] for resource in redriven} == labels


def test_no_task_outlives_its_function(template: Template) -> None:
    definition = json.loads(FILE.read_text(encoding="utf-8"))
    for name, state in _states(definition):
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] <= 900, name


def test_the_machine_is_logged_without_its_data_and_traced(template: Template) -> None:
    machine = template.properties("StepFunctions::StateMachine")
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["TracingConfiguration"] == {"Enabled": True}
    group = template.properties("Logs::LogGroup", "SyncLogs")
    assert group["LogGroupName"] == "/aws/vendedlogs/states/GoProCloudSync"
    assert group["RetentionInDays"] == 30


def test_the_machines_own_rights_wait_for_the_machine_and_not_the_other_way_round(template: Template) -> None:
    [(name, machine)] = template.of_type("StepFunctions::StateMachine").items()
    waits_for = set(machine["DependsOn"])
    for policy, resource in template.of_type("IAM::Policy").items():
        if name in json.dumps(resource["Properties"]["PolicyDocument"]):
            assert policy not in waits_for
