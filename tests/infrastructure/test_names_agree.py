"""The state machine and the code know each other only by names; here both sides are compared."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud_sync_common import errors
from cloud_sync_common.models import SCHEMA, Outcome
from cloud_sync_common.rules.report import RunStatus
from sandbox.run.phases import PHASE_OF_STATE
from sandbox.run.watch import MEDIUM_DONE

ROOT = Path(__file__).resolve().parents[2]
DEFINITION: dict[str, Any] = json.loads((ROOT / "cloud_sync" / "state_machine.asl.json").read_text())
CLASSES = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}
BY_STEP_FUNCTIONS_AND_LAMBDA = re.compile(r"(States|Lambda|Runtime|Sandbox)\.[A-Za-z]+")
FINAL = {"COMPLETED", "ALREADY_SYNCED", "NOT_READY", "SOURCE_DELETED", "FAILED", "BUSY"}


def states(definition: dict[str, Any] = DEFINITION) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of the machine, those inside of Maps too."""
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def tasks() -> list[tuple[str, dict[str, Any]]]:
    return [(name, state) for name, state in states() if state["Type"] == "Task"]


def names(state: dict[str, Any], clause: str) -> set[str]:
    return {name for rule in state.get(clause, []) for name in rule["ErrorEquals"]}


def leaves(base: type[Exception]) -> set[str]:
    """The names that code raises: classes without subclasses, and those that are raised themselves."""
    return {name for name, kind in CLASSES.items() if issubclass(kind, base) and kind is not base}


def test_every_error_name_of_ours_in_the_machine_is_a_class() -> None:
    used = {name for _, state in states() for clause in ("Retry", "Catch") for name in names(state, clause)}
    ours = {name for name in used if not BY_STEP_FUNCTIONS_AND_LAMBDA.fullmatch(name)}
    assert ours
    assert ours <= set(CLASSES)


def test_the_transient_errors_of_a_download_are_retried() -> None:
    download = dict(states())["Download medium"]
    assert leaves(errors.TransientError) - {"RunsBucketUnavailable"} <= names(download, "Retry")


def test_the_transient_errors_of_a_range_are_retried_but_those_that_need_a_new_plan() -> None:
    upload = dict(states())["Upload a range of parts"]
    needs_a_new_plan = {"SourceChanged", "LeaseLost", "RunsBucketUnavailable"}
    assert leaves(errors.TransientError) - needs_a_new_plan <= names(upload, "Retry")
    assert not needs_a_new_plan & names(upload, "Retry")


def test_every_error_that_stops_the_run_fails_the_child_and_is_never_retried() -> None:
    download = dict(states())["Download medium"]
    stopping = leaves(errors.RunError)
    caught = {rule["Next"]: set(rule["ErrorEquals"]) for rule in download["Catch"]}
    assert caught["Run stopped"] == stopping
    assert not stopping & names(download, "Retry")


def test_a_mediums_own_errors_are_results_and_appear_nowhere_in_the_machine() -> None:
    used = {name for _, state in states() for clause in ("Retry", "Catch") for name in names(state, clause)}
    assert not leaves(errors.MediumError) & used


def test_every_task_has_a_limit_a_retry_for_killed_functions_and_a_catch_for_all() -> None:
    killed = {"Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Lambda.Unknown", "States.Timeout"}
    for name, state in tasks():
        assert state["TimeoutSeconds"] <= 900, name
        assert killed <= names(state, "Retry") or "States.ALL" in names(state, "Retry"), name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        assert all(rule["JitterStrategy"] == "FULL" for rule in state["Retry"]), name


def test_every_state_says_what_it_is_for() -> None:
    assert all(state.get("Comment") for _, state in states())


def test_the_choices_know_every_outcome_of_the_downloader() -> None:
    choice = dict(states())["What is left of this medium?"]
    named = {rule["StringEquals"] for rule in choice["Choices"]}
    assert named | FINAL == {outcome.value for outcome in Outcome}
    assert choice["Default"] == "Medium done"


def test_the_choices_know_the_listers_decisions_and_the_reports_statuses() -> None:
    source = (ROOT / "layers/cloud_sync_common/services/listing.py").read_text()
    listing = dict(states())["Is there more to list?"]
    assert all(f'"{rule["StringEquals"]}"' in source for rule in listing["Choices"])
    ending = dict(states())["How did the run end?"]
    assert {rule["StringEquals"] for rule in ending["Choices"]} <= {status.value for status in RunStatus}


def test_the_sandbox_watches_states_that_exist() -> None:
    assert {MEDIUM_DONE, *PHASE_OF_STATE} <= {name for name, _ in states()}


def test_every_event_carries_the_schema_that_the_code_knows() -> None:
    begin = [
        state["Parameters"]["Payload"] for _, state in tasks() if "schema" in state["Parameters"].get("Payload", {})
    ]
    assert begin
    assert all(payload["schema"] == SCHEMA for payload in begin)
    assert DEFINITION["States"]["Sync each medium"]["ItemSelector"]["schema"] == SCHEMA


def test_every_function_of_the_machine_has_a_handler() -> None:
    arns = {state["Parameters"]["FunctionName"] for _, state in tasks()}
    folders = {path.parent.name for path in (ROOT / "lambda_functions").glob("*/handler.py")}
    assert {re.sub(r"(?<!^)(?=[A-Z])", "_", arn[2 : -len("FunctionArn}")]).lower() for arn in arns} == folders


def test_the_error_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert errors.__doc__ is not None
    ours = {name for name, kind in CLASSES.items() if issubclass(kind, errors.CloudSyncError)}
    assert all(re.search(rf"^ +{name}\b", errors.__doc__, re.MULTILINE) for name in ours - {"APIError"})
