"""The command: refuses early, asks before it costs anything, and removes what it made however it ends."""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cloud_sync.caller import Caller, CallerError, identify, is_bootstrapped, open_session
from smoke.checks import Checks, SmokeError
from smoke.copying import copy, look_at_objects
from smoke.library import write_library
from smoke.refusals import look_at_refusals
from smoke.simulator import check_simulator, read_credentials
from smoke.stage import FUNCTION_SECONDS, Stage, settings, stack_name
from smoke.teardown import KEY_DAYS, check_name, remove

PROJECT = Path(__file__).resolve().parent.parent

PLAN = f"""\
This makes a stage of its own beside whatever is deployed there, copies 82 MiB into it and removes it again; about ten
minutes. Expected cost: less than $0.10 (a KMS key and a secret for less than an hour, some hundred requests). The key
stays for {KEY_DAYS} days in the state PendingDeletion, which costs nothing; the CDK's own bucket keeps the code that
was uploaded (some MB)."""


def main(arguments: Sequence[str]) -> int:
    """Carry out a command line; 0: everything held. 1: something did not, or a one-line error. 130: Ctrl-C."""
    given = _parser().parse_args(arguments)
    try:
        if given.library is not None:
            write_library(given.library)
            return 0
        if given.remove is not None:
            check_name(given.remove)
            session = open_session(given.profile)
            _agree(identify(session), given.yes)
            remove(_clients(session), given.remove, _tell)
            return 0
        return _smoke(given)
    except (SmokeError, CallerError, BotoCoreError, ClientError) as error:
        return _fail(" ".join(str(error).split()), 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smoke",
        description="Deploys a throw-away stage, proves it on real AWS, and removes it (docs/DEPLOY.md).",
        allow_abbrev=False,
    )
    parser.add_argument("--simulator", metavar="URL", help="https address of a simulator that serves --library's files")
    parser.add_argument(
        "--credentials", type=Path, default=Path("simulator.json"), metavar="FILE", help="what the simulator printed"
    )
    parser.add_argument("--yes", metavar="ACCOUNT", help="the account's id, instead of typing it when asked")
    parser.add_argument("--profile", help="the AWS profile to use")
    parser.add_argument("--library", type=Path, metavar="DIR", help="only write the three files for the simulator")
    parser.add_argument("--remove", metavar="STAGE", help="only remove a stage that an earlier call has left")
    return parser


def _smoke(given: argparse.Namespace) -> int:
    if not given.simulator:
        raise SmokeError("name the simulator: make smoke-aws SIMULATOR=https://... (docs/DEPLOY.md shows how)")
    url = given.simulator.rstrip("/")
    credentials = read_credentials(given.credentials)
    check_simulator(url, credentials)
    session = open_session(given.profile)
    caller = identify(session)
    if is_bootstrapped(session) is False:
        raise SmokeError(f'{caller.region} is not prepared for the CDK yet: run make cdk ARGS="bootstrap" once')
    _tell(PLAN)
    _agree(caller, given.yes)
    name = f"smoke-{secrets.token_hex(3)}"
    checks = Checks(tell=_tell)
    try:
        outputs = _deploy(name, url, given.profile)
        clients = _clients(session)
        prove(Stage(name, clients, outputs, lambda: time.sleep(FUNCTION_SECONDS + 5)), credentials, checks)
    finally:
        _tell(f"\n{checks.table()}\n")
        _remove_or_say_how(_clients(session), name)
    return 0 if checks.passed else _fail("something is not as it should be: see the table above", 1)


def prove(stage: Stage, credentials: dict[str, str], checks: Checks) -> None:
    """Everything between deploying and removing; the same steps in an account and in the sandbox."""
    copy(stage, credentials, checks)
    keys = look_at_objects(stage, checks)
    look_at_refusals(stage, next(iter(keys.values())), checks)


def _agree(caller: Caller, yes: str | None) -> None:
    """Go on only if the account's id was given or is typed now."""
    _tell(f"account {caller.account}, region {caller.region}, as {caller.arn}")
    if yes is None and not sys.stdin.isatty():
        raise SmokeError(f"nothing was done: say that this account is meant, with --yes {caller.account}")
    typed = yes if yes is not None else _typed("Type the account's id to go on: ")
    if typed != caller.account:
        raise SmokeError(f"nothing was done: {typed or 'an empty answer'} is not this account's id")


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:  # Ctrl-D
        return ""


def _deploy(stage: str, url: str, profile: str | None) -> dict[str, str]:
    """Run ``cdk deploy`` and return the stack's outputs."""
    _tell(f"deploying stage {stage}; if this process is killed: make smoke-aws ARGS='--remove {stage}'")
    context = [word for key, value in settings(stage, url).items() for word in ("-c", f"{key}={value}")]
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        outputs = Path(folder) / "outputs.json"
        # A folder of its own for the assembly: cdk.out may be somebody's who works here at the same time.
        command = [
            *(sys.executable, "scripts/with_node.py", "cdk", "deploy", "--require-approval", "never"),
            *("--output", f"{folder}/cdk.out", "--outputs-file", str(outputs), *context),
            *(("--profile", profile) if profile else ()),
        ]
        done = subprocess.run(command, cwd=PROJECT, check=False)
        if done.returncode != 0:
            raise SmokeError("cdk deploy failed: its own words are above")
        found: dict[str, str] = json.loads(outputs.read_text(encoding="utf-8"))[stack_name(stage)]
        return found


def _remove_or_say_how(clients: Callable[[str], Any], stage: str) -> None:
    try:
        remove(clients, stage, _tell)
    except BaseException:
        _tell(f"NOT everything of {stage} is removed: run make smoke-aws ARGS='--remove {stage}'")
        raise


def _clients(session: boto3.Session) -> Callable[[str], Any]:
    @cache
    def client(service: str) -> Any:
        name, _, without_tls = service.partition(" without ")
        return session.client(name, use_ssl=not without_tls, config=Config(retries={"mode": "standard"}))  # type: ignore[call-overload]

    return client


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _fail(sentence: str, code: int) -> int:
    _tell(f"smoke: {sentence}")
    return code
