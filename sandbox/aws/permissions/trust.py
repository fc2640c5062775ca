"""May the services assume the roles that they are given? AWS refuses the function, machine, schedule or rule otherwise.

Sources: Lambda developer guide, "Defining Lambda function permissions with an execution role"; Step Functions developer
guide, "Creating an IAM role for your state machine"; EventBridge Scheduler user guide, "Confused deputy prevention";
EventBridge user guide, "Cross-service confused deputy prevention": a rule's own ARN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.permissions.conditions import holds
from sandbox.aws.permissions.model import Context, Effect, PermissionsError, Statement
from sandbox.aws.permissions.patterns import matches
from sandbox.aws.permissions.policies import EVENTS, LAMBDA, SCHEDULER, STEP_FUNCTIONS
from sandbox.aws.permissions.stack import Deployed, Stack
from sandbox.aws.permissions.statements import trust_statements

_ASSUME = "sts:AssumeRole"


def refuse_untrusting_roles(stack: Stack) -> None:
    """Raise ``PermissionsError`` for the first resource whose service its role does not let in."""
    roles = {each.created.attributes["Arn"]: each for each in stack.of("AWS::IAM::Role")}
    for user, service, arn, source in _users(stack):
        role = roles.get(arn)
        if role is None:
            raise PermissionsError(f"{user.name}: the role {arn} is not part of the stack; it cannot be checked")
        document = role.resource.properties["AssumeRolePolicyDocument"]
        context = {"aws:sourceaccount": (stack.account,), "aws:sourcearn": (source,)}
        if not _lets_in(trust_statements(document, role.name), service, context):
            raise PermissionsError(
                f"{user.name}: {service} cannot assume its role {role.name}; "
                f"allow {_ASSUME} to it in the role's AssumeRolePolicyDocument"
            )


def _users(stack: Stack) -> Iterator[tuple[Deployed, str, str, str]]:
    """Give each resource that works under a role, its service, the role's ARN, and what assumes it (SourceArn)."""
    for each in stack.of("AWS::Lambda::Function"):
        yield each, LAMBDA, each.resource.properties["Role"], stack.arn("lambda", f"function:{each.created.ref}")
    for each in stack.of("AWS::StepFunctions::StateMachine"):
        yield each, STEP_FUNCTIONS, each.resource.properties["RoleArn"], each.created.ref
    for each in stack.of("AWS::Scheduler::Schedule"):
        properties: Mapping[str, Any] = each.resource.properties
        group = stack.arn("scheduler", f"schedule-group/{properties.get('GroupName', 'default')}")
        yield each, SCHEDULER, properties["Target"]["RoleArn"], group
    for each in stack.of("AWS::Events::Rule"):
        for target in each.resource.properties.get("Targets", []):
            yield each, EVENTS, target["RoleArn"], each.created.attributes["Arn"]


def _lets_in(statements: tuple[Statement, ...], service: str, context: Context) -> bool:
    effects = {each.effect for each in statements if _applies(each, service, context)}
    return Effect.ALLOW in effects and Effect.DENY not in effects


def _applies(statement: Statement, service: str, context: Context) -> bool:
    who = statement.principals
    return (
        who is not None
        and (who.everyone or service in who.services)
        and any(matches(action, _ASSUME, ignore_case=True) for action in statement.actions)
        and all(holds(condition, context) for condition in statement.conditions)
    )
