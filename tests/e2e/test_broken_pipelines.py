"""Pipelines broken on purpose: each ends red, with the sentence that leads to what was broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud_sync.settings import Settings
from sandbox.aws import DeployError
from tests.support.assemblies import edit_machine, edit_template, hurry, of_type
from tests.support.command import Run, make_library, sandbox
from tests.support.stage import open_stage

FILES = 2
TOLERATED = Settings().tolerated_failures

# The tracker's index as it is, and one thing more that moto drops.
THROTTLED_INDEX = {
    "IndexName": "by-run",
    "KeySchema": [
        {"AttributeName": "run_id", "KeyType": "HASH"},
        {"AttributeName": "status", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "ALL"},
    "OnDemandThroughput": {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 5},
}


def command(assembly: Path, folder: Path, files: int = FILES) -> Run:
    """``python -m sandbox run`` over an assembly and a library of small files."""
    library = make_library(folder / "library", files)
    return sandbox(folder, ["--assembly", str(assembly), "--library", str(library)])


def refusal(assembly: Path, folder: Path) -> str:
    """Deploy what cannot be deployed; the one line that says why."""
    with pytest.raises(DeployError) as refused, open_stage(folder, assembly):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.verifies("pipeline.broken-is-red", "permissions.granted")
def test_an_action_that_a_role_does_not_have_is_named_with_function_and_action(assembly: Path, tmp_path: Path) -> None:
    def take_away(resources: dict[str, Any]) -> None:
        [policy] = [
            policy
            for policy in of_type(resources, "AWS::IAM::Policy")
            if policy["Roles"][0]["Ref"].startswith("FunctionsVideoDownloaderRole")
        ]
        statements = policy["PolicyDocument"]["Statement"]
        statements[:] = [statement for statement in statements if statement["Action"] != "s3:PutObject"]

    edit_template(assembly, take_away)
    run = command(assembly, tmp_path)
    assert "video_downloader called s3:PutObject on arn:aws:s3:::" in run.problem
    # Each file, and each medium's record.
    assert f"{2 * FILES} times, which is not granted to it" in run.problem
    assert run.document("permissions.json")["ungranted"][0]["action"] == "s3:PutObject"
    assert "Permissions: some calls were not granted" in run.lines


@pytest.mark.verifies("pipeline.broken-is-red", "s3.checksums")
def test_a_wrong_checksum_archives_nothing_and_fails_every_medium(assembly: Path, tmp_path: Path) -> None:
    [framing] = assembly.glob("asset.*/**/transfer/sockets/framing.py")
    with framing.open("a", encoding="utf-8") as code:
        code.write("_end = end\n")
        code.write("def end(crc64nvme: str) -> bytes:\n    return _end('AAAAAAAAAAA=')\n")
    edit_template(assembly, hurry)
    run = command(assembly, tmp_path)
    assert f"run 1: {FILES} media failed; the report has the reasons" in run.problem
    assert run.document("objects.json") == []
    assert (run.last["counts"]["completed"], run.last["counts"]["failed"]) == (0, FILES)
    reasons = {medium["reason"] for medium in run.document("report.json")["media"]}
    assert reasons == {"TransferError: the bytes were damaged on the way to S3 (BadDigest)"}


@pytest.mark.verifies("pipeline.broken-is-red", "states.tolerance")
def test_children_that_fail_beyond_the_tolerance_fail_the_run(assembly: Path, tmp_path: Path) -> None:
    edit_template(assembly, lambda found: edit_machine(found, '"Default": "Medium done"', '"Default": "Run stopped"'))
    problem = command(assembly, tmp_path, files=TOLERATED + 1).problem
    assert problem.startswith("sandbox: run 1 failed: ")
    assert "States.ExceedToleratedFailureThreshold" in problem


@pytest.mark.verifies("pipeline.broken-is-red")
def test_children_that_fail_are_red_though_the_map_tolerates_them_and_the_archive_is_equal(
    assembly: Path, tmp_path: Path
) -> None:
    edit_template(assembly, lambda found: edit_machine(found, '"Default": "Medium done"', '"Default": "Run stopped"'))
    run = command(assembly, tmp_path, files=TOLERATED)
    assert run.last["compared"]["equal"] is True
    assert run.problem.startswith(f"sandbox: run 1: {TOLERATED} child")
    assert "of the Map failed" in run.problem
    assert "RunStopped" in run.problem


@pytest.mark.verifies("pipeline.broken-is-red", "states.data-limit")
def test_an_answer_of_300_kb_fails_the_run_past_every_catch(assembly: Path, tmp_path: Path) -> None:
    old = "return service.run(parse_list(event), deadline_of(context))"
    new = f"return {{**{old.removeprefix('return ')}, 'ballast': 'x' * 300_000}}"
    [lister] = [path for path in assembly.glob("asset.*/handler.py") if old in path.read_text(encoding="utf-8")]
    lister.write_text(lister.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    problem = command(assembly, tmp_path).problem
    assert problem.startswith("sandbox: run 1 failed: ")
    assert "States.DataLimitExceeded" in problem
    assert "List media" in problem


@pytest.mark.verifies("pipeline.broken-is-red", "states.gate", "template.every-property")
@pytest.mark.parametrize("broken", ["typo", "property"])
def test_what_cannot_be_honoured_ends_the_command_before_anything_runs(
    assembly: Path, tmp_path: Path, broken: str
) -> None:
    def misspell(resources: dict[str, Any]) -> None:
        edit_machine(resources, '"Next": "List media"', '"Next": "List medai"')

    def ask_for_more(resources: dict[str, Any]) -> None:
        of_type(resources, "AWS::DynamoDB::Table")[0]["ContributorInsightsSpecification"] = {"Enabled": True}

    change, words = {
        "typo": (misspell, "state 'May the run proceed?': leads to 'List medai'"),
        "property": (ask_for_more, "property ContributorInsightsSpecification is not known to the sandbox"),
    }[broken]
    edit_template(assembly, change)
    run = command(assembly, tmp_path)
    assert words in run.problem
    assert "list ..." not in run.lines
    assert not (run.out / "report.json").exists()


@pytest.mark.verifies("pipeline.broken-is-red", "states.gate")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
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
        ("AWS::Lambda::Function", "SnapStart", {"ApplyOn": "PublishedVersions"}, "is not known to the sandbox"),
        ("AWS::DynamoDB::Table", "GlobalSecondaryIndexes", [THROTTLED_INDEX], "was not applied"),
    ],
)
def test_a_property_that_nothing_applies_is_refused(
    assembly: Path, tmp_path: Path, kind: str, prop: str, value: object, words: str
) -> None:
    edit_template(assembly, lambda found: of_type(found, kind)[0].update({prop: value}))
    told = refusal(assembly, tmp_path)
    assert f"({kind}): property {prop} {words}" in told
