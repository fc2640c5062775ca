"""Every command of the README is tried as far as it goes without an account."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from sandbox.cli import run_options

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line.strip()
]


def test_the_readme_is_short_and_its_two_commands_come_first() -> None:
    assert len(README.splitlines()) <= 200
    assert [shlex.split(command, comments=True) for command in COMMANDS[:2]] == [["make", "run"], ["make", "test"]]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make")])
def test_make_knows_the_target(command: str) -> None:
    words = shlex.split(command, comments=True)
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [command for command in COMMANDS if "make run ARGS" in command])
def test_the_sandbox_knows_the_options(command: str, tmp_path: Path) -> None:
    (options,) = re.findall(r'ARGS="(.*?)"', command)
    if options == "--help":
        return
    (tmp_path / "credentials.json").write_text('{"cookies": "gp_access_token=x", "user-agent": "y"}')
    words = options.replace("~/Videos", str(tmp_path)).replace("credentials.json", str(tmp_path / "credentials.json"))
    assert run_options(["run", *shlex.split(words)])


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("aws")])
def test_the_aws_command_line_knows_the_call(command: str) -> None:
    words = shlex.split(command, comments=True)
    service = botocore.session.get_session().get_service_model(words[1])
    operation = next(name for name in service.operation_names if xform_name(name, "-") == words[2])
    shape = service.operation_model(operation).input_shape
    assert shape is not None
    known = {f"--{xform_name(member, '-')}" for member in shape.members}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_to_a_file(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()
