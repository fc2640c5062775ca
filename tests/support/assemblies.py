"""The synthesised assembly, made once, and copies of it, changed on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.once import made_once
from tests.support.stage import synthesize

Resources = dict[str, Any]


def sound_assembly(factory: pytest.TempPathFactory) -> Path:
    """The assembly as the project synthesises it, one for all tests; nobody changes this one."""

    def make(folder: Path) -> None:
        folder.mkdir()
        synthesize(folder, {})

    return made_once(factory, "sound", make) / "cdk.out"


def edit_template(assembly: Path, change: Callable[[Resources], None]) -> None:
    """Let ``change`` loose on the template's resources."""
    [path] = assembly.glob("*.template.json")
    template = json.loads(path.read_text(encoding="utf-8"))
    change(template["Resources"])
    path.write_text(json.dumps(template), encoding="utf-8")


def of_type(resources: Resources, kind: str) -> list[Any]:
    """The properties of every resource of one type."""
    return [entry["Properties"] for entry in resources.values() if entry["Type"] == kind]


def edit_machine(resources: Resources, old: str, new: str) -> None:
    """Replace a text of the state machine's definition, which must be there."""
    [machine] = of_type(resources, "AWS::StepFunctions::StateMachine")
    assert old in machine["DefinitionString"]
    machine["DefinitionString"] = machine["DefinitionString"].replace(old, new)


def send_in_parts_above(size: int) -> Callable[[Resources], None]:
    """A change: the largest size that goes in one request, in every function that is told one."""

    def change(resources: Resources) -> None:
        variables = [function["Environment"]["Variables"] for function in of_type(resources, "AWS::Lambda::Function")]
        given = [each for each in variables if "MULTIPART_THRESHOLD" in each]
        assert given
        for each in given:
            each["MULTIPART_THRESHOLD"] = str(size)

    return change


def hurry(resources: Resources) -> None:
    """Let every Retry of the state machine wait for a second at most: tests shall not wait for half a minute."""
    [machine] = of_type(resources, "AWS::StepFunctions::StateMachine")
    text = re.sub(r'"IntervalSeconds": \d+', '"IntervalSeconds": 1', machine["DefinitionString"])
    machine["DefinitionString"] = re.sub(r'"BackoffRate": \d+', '"BackoffRate": 1', text)
    assert '"BackoffRate": 1,' in machine["DefinitionString"]
