"""Every command of the README and of docs/DEPLOY.md is tried as far as it goes without an account."""

from __future__ import annotations

import re
import shlex
import subprocess
from itertools import pairwise
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from cloud_sync.settings import Settings
from cloud_sync.stages import file_context, read_settings
from sandbox.cli import _parser as sandbox_parser
from sandbox.cli import run_options
from smoke.cli import _parser as smoke_parser
from smoke.stage import STAGE

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/DEPLOY.md")}
README = PAGES["README.md"]
OTHERS = ("cloudflared tunnel --url", "export AWS_PROFILE=")
"""Beginnings of commands that are neither ours nor AWS's."""

PLACEHOLDERS = {"ARCHIVE": "archive-bucket", "TABLE": "Tracker", "KEY_ARN": "arn:aws:kms:eu-west-1:111122223333:key/0a"}


def commands_of(page: str) -> list[str]:
    """Every command in the page's blocks, those of one line each for themselves."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGES[page], re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    shown = [line for line in lines if line.strip() and not line.startswith("#")]
    inline = re.findall(r"`(make [^`]*ARGS=[^`]*)`", PAGES[page])
    return [command for line in [*shown, *inline] for command in line.split(" && ")]


COMMANDS = sorted({command for page in PAGES for command in commands_of(page)})


def words_of(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def options_of(command: str) -> list[str]:
    """What make passes on."""
    return shlex.split(next((word.partition("=")[2] for word in words_of(command) if word.startswith("ARGS=")), ""))


def starting(*beginnings: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(beginnings)]


def test_the_readme_is_short_and_its_two_commands_come_first() -> None:
    assert len(README.splitlines()) <= 200
    assert [words_of(command) for command in commands_of("README.md")[:2]] == [["make", "run"], ["make", "test"]]


def test_every_command_is_one_that_is_tried_here() -> None:
    known = starting(
        "make", "aws", ".venv/bin/python -m sandbox gopro", ".venv/bin/python -m smoke", "git pull", *OTHERS
    )
    assert sorted(set(COMMANDS) - set(known)) == []


def test_the_files_with_cookies_that_the_pages_tell_to_make_are_never_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    named = set(re.findall(r"\b[a-z]+\.json\b", " ".join(COMMANDS))) - {"cdk.json"}
    assert named == {"credentials.json", "simulator.json"}
    assert named <= set(ignored)


@pytest.mark.parametrize("command", starting("make"))
def test_make_knows_the_target(command: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *words_of(command)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", starting("make run ARGS"))
def test_the_sandbox_knows_the_options(command: str, tmp_path: Path) -> None:
    options = options_of(command)
    if options == ["--help"]:
        return
    (tmp_path / "credentials.json").write_text('{"cookies": "gp_access_token=x", "user-agent": "y"}')
    replaced = {"~/Videos": str(tmp_path), "credentials.json": str(tmp_path / "credentials.json")}
    assert run_options(["run", *(replaced.get(option, option) for option in options)])


@pytest.mark.parametrize("command", starting("make deploy", "make cdk"))
def test_the_app_takes_the_settings(command: str) -> None:
    options = options_of(command)
    pairs = [value.partition("=") for word, value in pairwise(options) if word == "-c"]
    given = {key: PLACEHOLDERS.get(value, value) for key, _, value in pairs}
    assert options.count("-c") == len(given)
    assert read_settings(given, base=file_context()) != Settings(stage="other")


@pytest.mark.parametrize("command", starting("make cdk"))
def test_the_cdk_knows_the_command(command: str) -> None:
    assert options_of(command)[0] in ("bootstrap", "destroy", "diff")


@pytest.mark.parametrize("command", starting("make smoke-aws", ".venv/bin/python -m smoke"))
def test_the_smoke_test_knows_the_options(command: str) -> None:
    options = options_of(command) if command.startswith("make") else words_of(command)[3:]
    given = smoke_parser().parse_args(options)
    assert given.remove is None or STAGE.fullmatch(given.remove)


@pytest.mark.parametrize("command", starting(".venv/bin/python -m sandbox"))
def test_the_simulator_knows_the_options(command: str) -> None:
    assert sandbox_parser().parse_args(words_of(command)[3 : words_of(command).index(">")]).public_url


@pytest.mark.parametrize("command", starting("aws "))
def test_the_aws_command_line_knows_the_call(command: str) -> None:
    words = words_of(command)
    if words[1:3] in (["configure", "sso"], ["sso", "login"]):
        return  # of the command line itself, no calls
    service = botocore.session.get_session().get_service_model(words[1].removesuffix("api"))
    operation = next(name for name in service.operation_names if xform_name(name, "-") == words[2])
    shape = service.operation_model(operation).input_shape
    assert shape is not None
    known = {f"--{xform_name(member, '-')}" for member in shape.members}
    assert {word.replace("--no-", "--") for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize(
    ("page", "link"), [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#]+)\)", PAGES[page])]
)
def test_every_link_leads_to_a_file(page: str, link: str) -> None:
    assert link.startswith("https://") or (ROOT / page).parent.joinpath(link).exists()
