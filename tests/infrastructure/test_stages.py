"""Stages are sets of values in ``cdk.json``; two of them deploy side by side and share nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cloud_sync import stages
from cloud_sync.settings import Settings, SettingsError
from cloud_sync.stages import file_context, read_settings
from sandbox.run.errors import UsageError
from sandbox.run.preflight import check_settings
from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import Template, synthesise, text_of
from tests.infrastructure.variants import DEV

SETS = {"stages": {"dev": {"workers": 2, "log_level": "DEBUG"}, "prod": {"workers": 3}}}


def test_a_stages_set_gives_its_values_and_the_rest_are_defaults() -> None:
    assert read_settings({"stage": "dev"}, base=SETS) == Settings(stage="dev", workers=2, log_level="DEBUG")
    assert read_settings({}, base=SETS) == Settings(workers=3)


def test_what_is_said_flat_wins_over_the_set() -> None:
    assert read_settings({"stage": "dev", "workers": "1"}, base=SETS).workers == 1
    assert read_settings({"stage": "dev"}, base={**SETS, "workers": 1}).workers == 1
    assert read_settings({"stage": "dev", "workers": "1"}, base={**SETS, "workers": 4}).workers == 1


def test_a_stage_without_a_set_has_the_flat_values_and_the_defaults() -> None:
    assert read_settings({"stage": "other"}, base={**SETS, "workers": 1}) == Settings(stage="other", workers=1)


def test_sets_given_on_the_command_line_replace_those_of_the_file() -> None:
    given = {"stage": "dev", "stages": {"dev": {"workers": 1}}}
    assert read_settings(given, base=SETS) == Settings(stage="dev", workers=1)


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ("dev", "'stages' must be an object of sets in cdk.json, like "),
        ({"dev": 3}, "stage 'dev' in cdk.json must be an object of settings, like "),
        ({"dev": {"stage": "prod"}}, "stage 'dev' in cdk.json holds 'stage'"),
        ({"dev": {"worker": 2}}, "stage 'dev' in cdk.json: unknown setting 'worker': did you mean 'workers'?"),
        ({"dev": {"workers": 99}}, "stage 'dev' in cdk.json: setting 'workers' must be 1 to 16"),
        ({"dev": {"workers": 12}}, "stage 'dev' in cdk.json: max_concurrent_media x "),
        ({"Dev": {"workers": 2}}, "stage 'Dev' in cdk.json: setting 'stage' must be 1 to 20 lower-case"),
        ({"prod": {"gopro_api_url": "https://a.gopro.com"}}, "stage 'prod' in cdk.json: setting 'gopro_api_url'"),
        ({"dev": {"stages": {}}}, "stage 'dev' in cdk.json: unknown setting 'stages'"),
    ],
)
@pytest.mark.parametrize("picked", ["prod", "dev"])
def test_a_wrong_set_is_refused_in_one_line_whether_it_is_picked_or_not(
    picked: str, sets: object, message: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"stage": picked}, base={"stages": sets})
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [{}, {"stage": "dev"}, {"existing_table": "OldTracker"}])
def test_nothing_is_adopted_for_every_stage(given: dict[str, str]) -> None:
    adopting = {"existing_table": "OldTracker"}
    with pytest.raises(SettingsError, match=r"^setting 'existing_table' in cdk\.json would hold for every stage: say"):
        read_settings(given, base={**SETS, **adopting})
    sets = {"stages": {"prod": adopting}}
    assert read_settings({}, base=sets).existing_table == "OldTracker"
    assert read_settings({"stage": "dev"}, base=sets).existing_table == ""
    assert read_settings(adopting, base=SETS).existing_table == "OldTracker"


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"context": 3}'])
def test_a_broken_cdk_json_is_said_in_one_line(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cdk.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(stages, "_FILE", file)
    with pytest.raises(
        SettingsError, match=r"^cdk\.json .*: .*'git diff cdk\.json' shows what was changed$"
    ) as refused:
        file_context()
    assert "\n" not in str(refused.value)


def test_a_set_that_is_not_picked_is_not_judged_by_what_the_command_line_says_about_another() -> None:
    trial = {"stage": "dev", "gopro_api_url": "https://trial.gopro.com"}
    assert read_settings(trial, base=SETS).gopro_api_url == "https://trial.gopro.com"


def test_a_mistake_outside_of_a_set_does_not_blame_the_set() -> None:
    with pytest.raises(SettingsError, match=r"^unknown setting 'worker'"):
        read_settings({"worker": 2}, base={})


def test_the_app_deploys_the_stage_that_is_picked(tmp_path: Path) -> None:
    done = synthesise(tmp_path / "out", {"stage": "dev", "stages": {"dev": {"log_retention_days": 3}}})
    assert done.returncode == 0, done.stderr
    groups = Template.in_folder(tmp_path / "out").of_type("Logs::LogGroup").values()
    assert {group["Properties"]["RetentionInDays"] for group in groups} == {3}


def test_the_app_refuses_a_wrong_set_in_one_line(tmp_path: Path) -> None:
    done = synthesise(tmp_path / "out", {"stages": {"dev": {"workers": 0}}})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: stage 'dev' in cdk.json: setting 'workers' must be 1 to 16, not 0\n"


def test_the_sandbox_knows_the_same_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cdk.json"
    file.write_text(json.dumps({"context": {"stages": {"dev": {"workers": 8}}, "max_source_connections": 48}}))
    monkeypatch.setattr(stages, "_FILE", file)
    check_settings({"stage": "dev"})
    with pytest.raises(UsageError, match=r"^stage 'dev' in cdk\.json: .* = 64 connections is above"):
        check_settings({"stage": "dev", "max_functions_per_medium": "2", "max_concurrent_media": "4"})


def test_the_projects_own_sets_are_right() -> None:
    base = file_context()
    sets = base["stages"]
    assert isinstance(sets, dict)
    assert {stage: read_settings({"stage": stage}, base=base).stage for stage in sets} == {"dev": "dev"}
    assert read_settings({}, base=base) == Settings()


def _names(template: Template) -> dict[str, str]:
    """What AWS knows a stack's resources by, where that is chosen here and not made by CloudFormation."""
    found = {}
    for logical_id, resource in template.document["Resources"].items():
        if resource["Type"] == "AWS::IAM::Policy":
            continue  # its name is known within its role only
        for key, value in resource.get("Properties", {}).items():
            # A topic's DisplayName is for people: it may be the same.
            if key.endswith("Name") and key != "DisplayName" and set(value) != {"Ref"}:
                found[f"{logical_id}.{key}"] = text_of(value)
    return found


def test_two_stages_share_no_name(variant: Variant) -> None:
    first, second = _names(variant({})), _names(variant(DEV))
    # CloudFormation makes all other names, of the stack's own and a random part.
    assert {name.split(".")[1] for name in first} == {"Name", "LogGroupName", "DashboardName"}
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    assert set(first.values()) >= {"gopro/credentials", "GoProCloudSync-<AWS::Region>"}


def test_two_stages_export_nothing_and_reach_nothing_of_each_other(variant: Variant) -> None:
    for context in ({}, DEV):
        text = json.dumps(variant(context).document)
        assert '"Export"' not in text
        assert "Fn::ImportValue" not in text
    # "gopro/credentials-dev" is not "gopro/credentials": a name ends where none of its letters follows.
    for name in _names(variant({})).values():
        assert not re.search(rf"{re.escape(name)}(?![\w-])", json.dumps(variant(DEV).document)), name


def test_two_stages_are_two_stacks() -> None:
    assert Settings().stack_name != Settings(stage="dev").stack_name
