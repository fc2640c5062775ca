"""cdk-nag finds nothing that is not acknowledged with a reason, and no acknowledgement outlives its finding."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cloud_sync.acknowledged import ACKNOWLEDGED, Acknowledged
from cloud_sync.settings import Settings
from scripts.judged import ADOPTED, VARIANTS, Finding, Judged
from scripts.nag import differences
from tests.infrastructure.judgement import judged_once


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    return judged_once(tmp_path_factory)


def test_every_finding_is_acknowledged_and_every_acknowledgement_is_needed(judged: dict[str, Judged]) -> None:
    assert differences({name: each.findings for name, each in judged.items()}, ACKNOWLEDGED) == []


def test_a_careless_change_is_found(judged: dict[str, Judged], variants: Path) -> None:
    new = Judged.read(variants / "careless").findings - judged["default"].findings
    assert {finding.rule for finding in new} == {"AwsSolutions-S1", "AwsSolutions-S10"}
    assert {finding.path for finding in new} == {"Careless/Resource"}


def test_a_finding_that_is_new_in_one_variant_is_told() -> None:
    finding = Finding("AwsSolutions-S10", "Archive/Bucket/Resource")
    assert differences({"default": set(), "vpc": {finding}}, []) == [
        "cdk-nag, vpc: AwsSolutions-S10 at Archive/Bucket/Resource: mend it, or say why in cloud_sync/acknowledged.py"
    ]


def test_an_acknowledgement_that_nothing_needs_is_told() -> None:
    old = Acknowledged(rule="AwsSolutions-S1", paths=("A/Resource", "B/Resource"), reason="Because.")
    assert differences({"default": {Finding("AwsSolutions-S1", "A/Resource")}}, [old]) == [
        "cdk-nag no longer finds AwsSolutions-S1 at B/Resource: remove it from cloud_sync/acknowledged.py"
    ]


def test_an_acknowledgement_names_what_was_adopted_by_its_setting() -> None:
    entry = Acknowledged(rule="AwsSolutions-IAM5[Resource::{existing_bucket}/*]", paths=("R",), reason="Because.")
    found = Finding(f"AwsSolutions-IAM5[Resource::{ADOPTED['existing_bucket']}/*]", "R")
    assert differences({"adopted": {found}}, [entry]) == []


@pytest.mark.parametrize("entry", ACKNOWLEDGED, ids=lambda entry: entry.rule)
def test_an_acknowledgement_gives_its_reason_in_one_sentence(entry: Acknowledged) -> None:
    assert len(entry.reason.split()) >= 6
    assert entry.reason.endswith(".")
    assert ". " not in entry.reason


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_away_from_its_default_in_a_judged_template(field: object) -> None:
    name = field.name  # type: ignore[attr-defined]
    default = getattr(Settings(), name)
    assert any(getattr(Settings.from_context(context), name) != default for context in VARIANTS.values())
