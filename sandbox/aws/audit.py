"""Was everything that happened in an account granted? Gathers the calls of all servers for the permissions check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.aws.functions.api import FunctionStats
from sandbox.aws.gateway.log import ApiCall
from sandbox.aws.permissions import (
    Evidence,
    PermissionReport,
    Stack,
    buried_letters,
    check,
    deployed_stack,
    events_itself,
    lambda_itself,
    refuse_untrusting_roles,
    scheduler_itself,
    step_functions_itself,
)
from sandbox.aws.targets import Firing
from sandbox.aws.template.cloud import Cloud
from sandbox.s3 import LoggedRequest

SANDBOX = "the sandbox itself"
"""Owner of the key that deployment and evidence are done with; nobody's role grants that."""


@dataclass(frozen=True, slots=True)
class Happenings:
    """What happened since the deployment. ``history`` is that of all executions, each event with its execution."""

    s3_calls: Sequence[LoggedRequest] = ()
    api_calls: Sequence[ApiCall] = ()
    history: Iterable[Mapping[str, Any]] = ()
    functions: Mapping[str, FunctionStats] | None = None
    firings: Sequence[Firing] = ()


def audit(cloud: Cloud, happenings: Happenings, name_of: Callable[[str], str] = str) -> PermissionReport:
    """Match what happened with what the deployed stack grants; ``PermissionsError`` for what cannot be judged.

    With no happenings it tells whether the stack's policies can be judged at all.
    """
    stack = deployed_stack(cloud.resolved, cloud.made, region=cloud.region, account=cloud.account_id)
    refuse_untrusting_roles(stack)
    evidence = Evidence(
        happenings.s3_calls,
        happenings.api_calls,
        _service_calls(stack, happenings),
        cloud.keys.owners,
        frozenset({SANDBOX}),
        buried_letters(happenings.firings, cloud.account_id),
    )
    return check(stack, evidence, name_of)


def _service_calls(stack: Stack, happenings: Happenings) -> list[Any]:
    stats = happenings.functions or {}
    ran = [name for name, numbers in stats.items() if numbers.cold + numbers.warm]
    return [
        *lambda_itself(stack, ran),
        *step_functions_itself(stack, happenings.history),
        *scheduler_itself(happenings.firings),
        *events_itself(happenings.firings),
    ]
