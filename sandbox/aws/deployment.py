"""What callers get to see of a deployed stack and of its executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.aws.functions.api import FunctionSpec
from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import DeployError, NotEmulated


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs, the names that callers need, and what the sandbox does not emulate of it."""

    outputs: Mapping[str, str]
    state_machine_arn: str
    table_name: str
    archive_bucket: str
    runs_bucket: str
    secret_name: str
    topic_arn: str
    functions: Mapping[str, FunctionSpec]
    not_emulated: tuple[NotEmulated, ...]


@dataclass(frozen=True, slots=True)
class Execution:
    """A started execution."""

    arn: str


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """How an execution ended; ``output`` is parsed, ``None`` unless it SUCCEEDED."""

    status: str
    output: Any
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An entry of the list of executions; ``stopped_at`` is ``None`` while it runs."""

    name: str
    arn: str
    status: str
    started_at: datetime
    stopped_at: datetime | None


def described(cloud: Cloud, outputs: Mapping[str, str], limits: list[NotEmulated]) -> Deployment:
    """Return the deployment; names come from the functions' own environment, so they are what the functions use."""
    variables: dict[str, str] = {}
    for spec in cloud.functions.values():
        variables.update(spec.environment)
    machines = cloud.made.get("AWS::StepFunctions::StateMachine", [])
    if len(machines) != 1:
        raise DeployError(f"the stack has {len(machines)} state machines, expected one")
    return Deployment(
        outputs=outputs,
        state_machine_arn=machines[0].ref,
        table_name=_variable(variables, "TABLE_NAME"),
        archive_bucket=_variable(variables, "ARCHIVE_BUCKET"),
        runs_bucket=_variable(variables, "RUNS_BUCKET"),
        secret_name=_variable(variables, "SECRET_NAME"),
        topic_arn=_variable(variables, "TOPIC_ARN"),
        functions=dict(cloud.functions),
        not_emulated=(*cloud.not_emulated, *limits),
    )


def _variable(variables: Mapping[str, str], name: str) -> str:
    if name not in variables:
        raise DeployError(f"no function of the stack has the environment variable {name}")
    return variables[name]
