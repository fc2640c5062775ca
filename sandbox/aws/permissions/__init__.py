"""Matches what was called during a run against what the synthesised roles and resource policies grant.

``check`` judges; ``deployed_stack`` and the ``..._itself`` functions prepare what it needs. ``PermissionsError`` is a
policy or a call that this package does not understand: it is never taken for a pass.
"""

from sandbox.aws.permissions.check import Evidence, check
from sandbox.aws.permissions.model import PermissionsError, ServiceCall
from sandbox.aws.permissions.policies import STEP_FUNCTIONS
from sandbox.aws.permissions.report import PermissionReport
from sandbox.aws.permissions.service_calls import (
    buried_letters,
    events_itself,
    lambda_itself,
    scheduler_itself,
    step_functions_itself,
)
from sandbox.aws.permissions.stack import Stack, deployed_stack
from sandbox.aws.permissions.trust import refuse_untrusting_roles

__all__ = [
    "STEP_FUNCTIONS",
    "Evidence",
    "PermissionReport",
    "PermissionsError",
    "ServiceCall",
    "Stack",
    "buried_letters",
    "check",
    "deployed_stack",
    "events_itself",
    "lambda_itself",
    "refuse_untrusting_roles",
    "scheduler_itself",
    "step_functions_itself",
]
