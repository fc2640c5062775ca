"""The templates pass CloudFormation's own schemas, as a stranger would check them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.judged import Judged
from tests.infrastructure.judgement import judged_once


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    return judged_once(tmp_path_factory)


def _findings(*templates: Path) -> list[dict[str, Any]]:
    program = Path(sys.executable).parent / "cfn-lint"
    done = subprocess.run(
        [str(program), "--format", "json", "--regions", "us-east-1", "--", *map(str, templates)],
        capture_output=True,
        text=True,
        check=False,
    )
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    return findings


def test_cfn_lint_finds_nothing(assembly: Path, judged: dict[str, Judged]) -> None:
    [template] = assembly.glob("*.template.json")
    assert _findings(template, *(each.file for each in judged.values())) == []


def test_cfn_lint_finds_a_circle_of_resources(judged: dict[str, Judged], tmp_path: Path) -> None:
    # A function that waits for its state machine, which waits for the function.
    resources = dict(judged["default"].template["Resources"])
    [machine] = [name for name, each in resources.items() if each["Type"] == "AWS::StepFunctions::StateMachine"]
    function = next(name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Function")
    resources[function] = {**resources[function], "DependsOn": [machine]}
    broken = tmp_path / "broken.template.json"
    broken.write_text(json.dumps({**judged["default"].template, "Resources": resources}))
    assert "E3004" in {finding["Rule"]["Id"] for finding in _findings(broken)}
