"""Pipelines broken on purpose: each ends red, with the sentence that leads to what was broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import DeployError
from sandbox.aws.deployment import ExecutionResult
from sandbox.run.results import RunResult
from tests.support.pipeline import make_file, make_medium, source
from tests.support.stage import Stage, open_stage, synthesize

PROJECT = Path(__file__).resolve().parents[2]
LIMIT = 180
"""Seconds after which a run that hangs fails the tests."""


@pytest.fixture(name="sound", scope="module")
def _sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly as the project synthesises it; nobody changes this one."""
    return synthesize(tmp_path_factory.mktemp("sound"), {})


@pytest.fixture(name="assembly")
def _assembly(sound: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(sound, tmp_path / "assembly"))


def edit_template(assembly: Path, change: Callable[[dict[str, Any]], None]) -> None:
    [path] = assembly.glob("*.template.json")
    template = json.loads(path.read_text(encoding="utf-8"))
    change(template["Resources"])
    path.write_text(json.dumps(template), encoding="utf-8")


def of_type(resources: dict[str, Any], kind: str) -> list[Any]:
    return [entry["Properties"] for entry in resources.values() if entry["Type"] == kind]


def edit_machine(resources: dict[str, Any], old: str, new: str) -> None:
    [machine] = of_type(resources, "AWS::StepFunctions::StateMachine")
    assert old in machine["DefinitionString"]
    machine["DefinitionString"] = machine["DefinitionString"].replace(old, new)


@contextmanager
def staged(assembly: Path, folder: Path) -> Iterator[Stage]:
    """Deploy, with four small videos to copy and cookies stored."""
    media = [
        make_medium(f"{number:024x}", source(make_file(folder / f"GX01{number:04d}.MP4", 150_000, seed=number)))
        for number in range(1, 5)
    ]
    with open_stage(folder, assembly) as stage:
        stage.serve(*media)
        stage.store_cookies()
        yield stage


def run(stage: Stage) -> tuple[ExecutionResult, RunResult]:
    """Run to the end; Step Functions' word for it and what the sandbox makes of it."""
    execution = stage.start()
    result = stage.wait(execution)
    output = result.output if isinstance(result.output, dict) else {}
    told = f"{result.error}: {result.cause}"
    return result, RunResult(1, execution.arn, result.status == "SUCCEEDED", 0.0, 0, told, output)


def refusal(assembly: Path, folder: Path) -> str:
    """Deploy what cannot be deployed; the one line that says why."""
    with pytest.raises(DeployError) as refused, staged(assembly, folder):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def command(assembly: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """``python -m sandbox run`` over an assembly and a library of one small file."""
    library = folder / "library"
    library.mkdir()
    make_file(library / "GX010001.MP4", 150_000, seed=1)
    arguments = ["--assembly", str(assembly), "--library", str(library), "--json"]
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "run", *arguments],
        cwd=PROJECT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.verifies("pipeline.broken-is-red", "permissions.granted")
def test_an_action_that_a_role_does_not_have_is_named_with_function_and_action(assembly: Path, tmp_path: Path) -> None:
    def take_away(resources: dict[str, Any]) -> None:
        [policy] = [
            policy
            for policy in of_type(resources, "AWS::IAM::Policy")
            if policy["Roles"][0]["Ref"].startswith("FunctionsVideoDownloaderRole")
        ]
        statements = policy["PolicyDocument"]["Statement"]
        [writing] = [statement for statement in statements if "s3:PutObject" in statement["Action"]]
        writing["Action"].remove("s3:PutObject")

    edit_template(assembly, take_away)
    done = command(assembly, tmp_path)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "video_downloader" in last
    assert "s3:PutObject" in last


@pytest.mark.verifies("pipeline.broken-is-red", "s3.checksums")
def test_a_wrong_checksum_archives_nothing_and_fails_every_medium(assembly: Path, tmp_path: Path) -> None:
    [archive] = assembly.glob("asset.*/**/edges/archive.py")
    with archive.open("a", encoding="utf-8") as code:
        code.write("from botocore.httpchecksum import CrtCrc64NvmeChecksum\n")
        code.write("CrtCrc64NvmeChecksum.digest = lambda self: bytes(8)\n")
    with staged(assembly, tmp_path) as stage:
        execution = stage.start()
        stage.wait(execution)
        report = stage.report_of(execution)
        assert list(stage.s3.objects(stage.deployment.archive_bucket)) == []
    assert (report["counts"]["completed"], report["counts"]["failed"]) == (0, 4)
    reasons = {medium["reason"] for medium in report["media"]}
    assert reasons == {"TransferError: the bytes were damaged on the way to S3 (BadDigest)"}


@pytest.mark.verifies("pipeline.broken-is-red", "states.tolerance")
def test_children_that_fail_beyond_the_tolerance_fail_the_run(assembly: Path, tmp_path: Path) -> None:
    edit_template(assembly, lambda found: edit_machine(found, '"Default": "Medium done"', '"Default": "Run stopped"'))
    with staged(assembly, tmp_path) as stage:
        _, told = run(stage)
    [problem] = told.problems()
    assert problem.startswith("run 1 failed: ")
    assert "States.ExceedToleratedFailureThreshold" in problem


@pytest.mark.verifies("pipeline.broken-is-red", "states.data-limit")
def test_an_answer_of_300_kb_fails_the_run_past_every_catch(assembly: Path, tmp_path: Path) -> None:
    old = "return wired.lister.run(parse_list(event), deadline_of(context))"
    new = f"return {{**{old.removeprefix('return ')}, 'ballast': 'x' * 300_000}}"
    [lister] = [path for path in assembly.glob("asset.*/handler.py") if old in path.read_text(encoding="utf-8")]
    lister.write_text(lister.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with staged(assembly, tmp_path) as stage:
        _, told = run(stage)
    [problem] = told.problems()
    assert "States.DataLimitExceeded" in problem
    assert "List media" in problem


@pytest.mark.verifies("pipeline.broken-is-red", "states.gate")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"Next": "List media"', '"Next": "List medai"', "state 'May the run proceed?': leads to 'List medai'"),
        ('"ItemSelector"', '"ItemSelecter"', "state 'Sync each medium': field ItemSelecter is not among"),
        ("$$.Execution.StartTime", "$$.Execution.StartedTime", "$$.Execution.StartedTime is not in the context object"),
        ('"JitterStrategy": "FULL"', '"JitterStrategy": "full"', "JitterStrategy must be FULL or NONE"),
        ("${VideoDownloaderFunctionArn}", "${VideoDownloaderFunctionArm}", "was not substituted"),
    ],
)
def test_a_typo_in_the_state_machine_is_refused_before_anything_runs(
    assembly: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    edit_template(assembly, lambda found: edit_machine(found, old, new))
    assert words in refusal(assembly, tmp_path)


@pytest.mark.verifies("pipeline.broken-is-red", "template.every-property")
@pytest.mark.parametrize(
    ("kind", "prop", "value", "words"),
    [
        ("AWS::DynamoDB::Table", "ContributorInsightsSpecification", {"Enabled": True}, "is not known to the sandbox"),
        ("AWS::Lambda::Function", "SnapStart", {"ApplyOn": "PublishedVersions"}, "is not known to the sandbox"),
        ("AWS::KMS::Key", "RotationPeriodInDays", 180, "was not applied"),
    ],
)
def test_a_property_that_nothing_applies_is_refused(
    assembly: Path, tmp_path: Path, kind: str, prop: str, value: object, words: str
) -> None:
    edit_template(assembly, lambda found: of_type(found, kind)[0].update({prop: value}))
    told = refusal(assembly, tmp_path)
    assert f"({kind}): property {prop} {words}" in told
