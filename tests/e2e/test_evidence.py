"""What a run tells of itself: permissions, traces, and nothing secret. Started as the schedule would, twice."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.run.leaks import find_leaks
from tests.support.assemblies import edit_template, send_in_parts_above
from tests.support.command import Run, make_library, sandbox

FILES = 3
THRESHOLD = 150_002
"""The largest size that is sent in one request here: two of the library's files are, the third goes in parts."""

STATES = ["Receive the input", "Begin the run", "May the run proceed?", "List media", "Is there more to list?"]


@pytest.fixture(name="run", scope="module")
def _run(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("evidence")
    assembly = Path(shutil.copytree(sound, folder / "assembly"))
    edit_template(assembly, send_in_parts_above(THRESHOLD))
    library = make_library(folder / "library", FILES)
    arguments = ["--assembly", str(assembly), "--library", str(library), "--scheduled", "--runs", "2"]
    finished = sandbox(folder, arguments)
    assert (finished.done.returncode, finished.done.stderr) == (0, "")
    return finished


@pytest.mark.verifies("scheduler.fire", "pipeline.one-command")
def test_the_schedule_starts_every_execution_with_its_own_input(run: Run) -> None:
    assert [(each["status"], each["bytes"] > 0) for each in run.last["runs"]] == [
        ("SUCCEEDED", True),
        ("SUCCEEDED", False),
    ]
    [begun, again] = run.states("Receive the input")
    assert begun["execution"] != again["execution"]
    used = {(each["principal"], each["action"]) for each in run.document("permissions.json")["used"]}
    assert ("the schedule", "states:StartExecution") in used


@pytest.mark.verifies("permissions.granted", "permissions.unused")
def test_the_grants_that_were_used_are_listed_and_nothing_went_without(run: Run) -> None:
    permissions = run.document("permissions.json")
    assert (permissions["ungranted"], run.last["ungranted"]) == ([], [])
    used = {(each["principal"], each["action"]) for each in permissions["used"]}
    assert used >= {
        ("media_lister", "secretsmanager:GetSecretValue"),
        ("run_control", "dynamodb:PutItem"),
        ("video_downloader", "s3:PutObject"),
        ("video_downloader", "kms:GenerateDataKey"),
        ("the state machine", "lambda:InvokeFunction"),
    }
    assert all(each["times"] > 0 for each in permissions["used"])
    unused = {(each["principal"], each["action"]) for each in permissions["unused"]}
    assert ("run_control", "sns:Publish") in unused
    assert "Permissions: every call was granted by its caller's role" in run.lines
    assert "  multipart_uploader used nothing of what it is granted" in run.lines


@pytest.mark.verifies("traces.platform", "traces.collected")
def test_each_run_is_one_tree_with_the_contracts_subsegments(run: Run) -> None:
    first, second = run.document("traces.json")
    assert [(first["run"], first["astray"]), (second["run"], second["astray"])] == [(1, 0), (2, 0)]
    for tree in (first, second):
        [execution] = tree["executions"]
        assert [child["name"] for child in execution["children"]][: len(STATES)] == STATES
    names = [each["name"] for each in subsegments(first)]
    assert (names.count("cloudfront_download"), names.count("s3_put_object")) == (3, 2)
    assert (names.count("s3_upload_part_1"), names.count("s3_complete_multipart_upload")) == (1, 1)
    assert "retrieve_credentials" in names
    assert not {"cloudfront_download", "s3_upload_part_1"} & {each["name"] for each in subsegments(second)}


def subsegments(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every subsegment below a node, wherever it hangs; each of them hangs below an invocation."""
    for child in [*node.get("executions", []), *node.get("children", [])]:
        if child["kind"] == "subsegment":
            assert node["kind"] in {"invocation", "subsegment"}
            yield child
        yield from subsegments(child)


@pytest.mark.verifies("traces.collected")
def test_the_trees_as_text_have_a_line_for_each_run_and_the_screen_shows_the_last(run: Run) -> None:
    text = (run.out / "traces.txt").read_text(encoding="utf-8")
    assert re.findall(r"^run \d+$", text, re.MULTILINE) == ["run 1", "run 2"]
    assert len(re.findall(r"^execution ", text, re.MULTILINE)) == 2
    assert len(re.findall(r"^ +subsegment s3_upload_part_1 ", text, re.MULTILINE)) == 1
    assert sum(line.startswith("Trace of run 2 ") for line in run.lines) == 1


@pytest.mark.verifies("pipeline.no-secrets")
@pytest.mark.parametrize("name", ["segments.jsonl", "permissions.json", "faults.json", "traces.json", "logs/x.log"])
def test_a_secret_that_leaks_into_any_of_it_is_found(run: Run, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(run.out, tmp_path / "out"))
    canary = "CANARY-0123456789abcdef"
    assert find_leaks(copy, cookies=[canary], tokens=[]) == []
    with (copy / name).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"annotations": {"note": f"sent {canary} along"}}) + "\n")
    [leak] = find_leaks(copy, cookies=[canary], tokens=[])
    assert str(leak) == f"a secret (cookie) leaked into {name}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--assembly", "{folder}"], "holds no *.template.json; `make synth` writes one into cdk.out"),
        (["--assembly", "{folder}/none"], "holds no *.template.json; `make synth` writes one into cdk.out"),
        (["--assembly", "{sound}", "--setting", "workers=2"], "--assembly and --setting exclude each other"),
        (["--scheduled", "--input", "{}"], "--scheduled and --input exclude each other"),
    ],
)
def test_options_that_cannot_be_met_end_2_with_one_line(
    sound: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    given = [text.replace("{folder}", str(tmp_path)).replace("{sound}", str(sound)) for text in arguments]
    run = sandbox(tmp_path, given)
    [line] = run.done.stderr.splitlines()
    assert (run.done.returncode, run.done.stdout) == (2, "")
    assert says in line
    assert not run.out.exists()
