"""Every policy of a deployed stack: each role's own, and those of buckets, keys, topics, queues and secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.aws.permissions.evaluate import Role
from sandbox.aws.permissions.model import Need, PermissionsError, Statement
from sandbox.aws.permissions.stack import Deployed, Stack
from sandbox.aws.permissions.statements import identity_statements, resource_statements

LAMBDA, STEP_FUNCTIONS = "lambda.amazonaws.com", "states.amazonaws.com"
SCHEDULER, EVENTS = "scheduler.amazonaws.com", "events.amazonaws.com"
"""Services that work with a role of the stack. Their names stand for the state machine, the schedule and the rule as
callers."""


@dataclass(frozen=True)
class Policies:
    """``roles`` by ARN; ``of_resources`` by the ARN of the resource whose policy it is; ``users`` of a role by ARN.

    A user is a function's physical name, or the service that a state machine, a schedule or a rule works through.
    """

    roles: dict[str, Role]
    of_resources: dict[str, tuple[Statement, ...]]
    users: dict[str, list[str]]

    def role_of(self, user: str) -> Role:
        """Return the role of a function, or of a service; ``PermissionsError`` if there is none or more than one."""
        found = [arn for arn, users in self.users.items() if user in users]
        if len(found) != 1:
            raise PermissionsError(f"{user} has {len(found)} roles in the stack, expected one")
        return self.role(found[0])

    def role(self, arn: str) -> Role:
        """Return a role by its ARN; ``PermissionsError`` if it is not of the stack."""
        if arn not in self.roles:
            raise PermissionsError(f"the role {arn} is not part of the stack; its grants cannot be checked")
        return self.roles[arn]

    def asked_for(self, need: Need) -> tuple[Statement, ...]:
        """Return what the policies of the resources in question say."""
        return tuple(statement for arn in need.policies for statement in self.of_resources.get(arn, ()))


def read_policies(stack: Stack) -> Policies:
    """Read the stack's policies; ``PermissionsError`` names the first that is not understood."""
    attached = dict(_attached(stack))
    roles = {}
    for each in stack.of("AWS::IAM::Role"):
        arn = each.created.attributes["Arn"]
        own = (*_inline(each), *attached.get(each.created.ref, ()))
        roles[arn] = Role(arn, own)
    of_resources: dict[str, tuple[Statement, ...]] = {}
    for arn, statements in _resource_policies(stack):
        of_resources[arn] = (*of_resources.get(arn, ()), *statements)
    return Policies(roles, of_resources, _users(stack))


def _inline(role: Deployed) -> Iterator[Statement]:
    properties = role.resource.properties
    for managed in properties.get("ManagedPolicyArns", []):
        raise PermissionsError(f"{role.name}: what the managed policy {managed} grants is not known to the sandbox")
    for policy in properties.get("Policies", []):
        yield from identity_statements(policy["PolicyDocument"], f"{role.name}/{policy['PolicyName']}")


def _attached(stack: Stack) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    """Give each role's name with everything that separate policies add to it."""
    found: dict[str, list[Statement]] = {}
    for each in stack.of("AWS::IAM::Policy"):
        statements = identity_statements(each.resource.properties["PolicyDocument"], each.name)
        for role in each.resource.properties["Roles"]:
            found.setdefault(role, []).extend(statements)
    for role, added in found.items():
        yield role, tuple(added)


def _resource_policies(stack: Stack) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    for each in stack.of("AWS::S3::BucketPolicy"):
        yield stack.bucket_arn(each.resource.properties["Bucket"]), _document(each, "PolicyDocument")
    for each in stack.of("AWS::KMS::Key"):
        yield each.created.attributes["Arn"], _document(each, "KeyPolicy")
    for each in stack.of("AWS::SNS::TopicPolicy"):
        for topic in each.resource.properties["Topics"]:
            yield topic, _document(each, "PolicyDocument")
    queues = {each.created.ref: each.created.attributes["Arn"] for each in stack.of("AWS::SQS::Queue")}
    for each in stack.of("AWS::SQS::QueuePolicy"):
        for url in each.resource.properties["Queues"]:
            yield queues.get(url, url), _document(each, "PolicyDocument")
    for each in stack.of("AWS::SecretsManager::ResourcePolicy"):
        yield stack.secret(each.resource.properties["SecretId"]).arn, _document(each, "ResourcePolicy")


def _document(each: Deployed, prop: str) -> tuple[Statement, ...]:
    return resource_statements(each.resource.properties[prop], each.name)


def _users(stack: Stack) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for each in stack.of("AWS::Lambda::Function"):
        users.setdefault(each.resource.properties["Role"], []).append(each.created.ref)
    for each in stack.of("AWS::StepFunctions::StateMachine"):
        users.setdefault(each.resource.properties["RoleArn"], []).append(STEP_FUNCTIONS)
    for each in stack.of("AWS::Scheduler::Schedule"):
        users.setdefault(each.resource.properties["Target"]["RoleArn"], []).append(SCHEDULER)
    for each in stack.of("AWS::Events::Rule"):
        for target in each.resource.properties.get("Targets", []):
            users.setdefault(target["RoleArn"], []).append(EVENTS)
    return users
