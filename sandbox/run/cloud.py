"""The AWS services behind a run, in a module of its own: it imports moto, which takes seconds, so import it late."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.aws import Account, DeployError, Deployment, Execution
from sandbox.aws.asl_gate import UnsupportedDefinition
from sandbox.aws.permissions import PermissionReport, PermissionsError
from sandbox.aws.state import AccountState, StateError
from sandbox.run.errors import SandboxError, one_line
from sandbox.run.source import Source
from sandbox.s3 import S3Server
from sandbox.wire.disturbance import Disturbance


def open_account(folder: Path, s3: S3Server, state: AccountState | None, disturbance: Disturbance) -> Account:
    """An account around the S3 server, empty until its stack is deployed; a context manager."""
    return Account(folder, s3=s3, state=state, disturbance=disturbance)


def deploy(
    account: Account, assembly: Path, runtime: Path, *, source: Source, state: AccountState | None
) -> Deployment:
    """Deploy the synthesised stack and store the cookies, as its owner would; raises ``SandboxError``."""
    try:
        deployment = account.deploy(assembly, runtime, {"GOPRO_API_URL": source.url})
        account.audit(())
        _store_cookies(account, deployment, source, state)
    except (DeployError, PermissionsError, StateError, UnsupportedDefinition) as error:
        raise SandboxError(f"the stack cannot be deployed here: {one_line(error)}") from None
    return deployment


def _store_cookies(account: Account, deployment: Deployment, source: Source, state: AccountState | None) -> None:
    value = json.dumps(dict(source.credentials))
    if state is None:
        account.put_secret(deployment.secret_name, value)
    elif state.secret(source.url) != value:
        with state.new_secret(source.url):
            account.put_secret(deployment.secret_name, value)


def permissions_used(account: Account, executions: Sequence[str], names: Mapping[str, str]) -> PermissionReport:
    """What the roles were used for, and what was done without a grant; raises ``SandboxError``."""
    try:
        return account.audit(executions, lambda name: names.get(name, name))
    except PermissionsError as error:
        raise SandboxError(f"permissions cannot be judged: {one_line(error)}") from None


def start_scheduled(account: Account) -> Execution:
    """Start a run as the schedule does; raises ``SandboxError`` if there is no schedule or its target refuses."""
    try:
        firing = account.fire_schedule()
    except DeployError as error:
        raise SandboxError(f"--scheduled: {one_line(error)}") from None
    if firing.execution is None:
        raise SandboxError(f"the schedule could not start a run ({firing.error}); it is in the queue of dead letters")
    return firing.execution
