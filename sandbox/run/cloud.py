"""The AWS services behind a run, in a module of its own: it imports moto, which takes seconds, so import it late."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sandbox.aws import Account, DeployError, Deployment
from sandbox.aws.asl_gate import UnsupportedDefinition
from sandbox.run.errors import SandboxError, one_line
from sandbox.s3 import S3Server


def open_account(folder: Path, s3: S3Server) -> Account:
    """An empty account around the S3 server; a context manager."""
    return Account(folder, s3=s3)


def deploy(
    account: Account, assembly: Path, runtime: Path, *, gopro_url: str, credentials: Mapping[str, str]
) -> Deployment:
    """Deploy the synthesised stack and store the cookies, as its owner would; raises ``SandboxError``."""
    try:
        deployment = account.deploy(assembly, runtime, {"GOPRO_API_URL": gopro_url})
    except (DeployError, UnsupportedDefinition) as error:
        raise SandboxError(f"the stack cannot be deployed here: {one_line(error)}") from None
    account.put_secret(deployment.secret_name, json.dumps(dict(credentials)))
    return deployment
