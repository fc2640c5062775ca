"""One need against policies: explicit deny, then allow, then the implicit deny. Pure.

Source: IAM user guide, "Policy evaluation logic" for requests within a single account, and the KMS developer guide,
"Key policies in AWS KMS": a key is open to a role's own policy only if the key's policy says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.aws.permissions.conditions import holds
from sandbox.aws.permissions.model import Condition, Effect, Need, Principals, Statement
from sandbox.aws.permissions.patterns import matches


@dataclass(frozen=True, slots=True)
class Role:
    """Who asks: a role, and the statements of its own policies."""

    arn: str
    statements: tuple[Statement, ...]

    @property
    def account(self) -> str:
        """The role's account id."""
        return self.arn.split(":")[4]


@dataclass(frozen=True, slots=True)
class Match:
    """The pair of action and resource pattern by which a statement applied to a need."""

    statement: Statement
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``matches`` are the statements of the role's own policies that allow it; ``reason`` says why it is refused."""

    allowed: bool
    matches: tuple[Match, ...] = ()
    reason: str = ""


def decide(need: Need, role: Role, resource_policy: Sequence[Statement] = ()) -> Decision:
    """Judge a need of ``role``; ``resource_policy`` is everything that the resource's own policy says.

    Where a need names several resources, the first that is allowed counts; a denied one is denied at once.
    """
    refusal = Decision(allowed=False)
    for resource in need.resources:
        decision = _decide(need, resource, role, resource_policy)
        if decision.allowed:
            return decision
        refusal = refusal if refusal.reason else decision
    return refusal


def decide_for_service(need: Need, service: str, resource_policy: Sequence[Statement]) -> Decision:
    """Judge what ``service`` does in its own name: no role's policy is asked, only the resource's."""
    about = [
        each
        for each in resource_policy
        if each.principals is not None
        and (each.principals.everyone or service in each.principals.services)
        and _applies(each, need, need.resource)
    ]
    denied = next((each for each in about if each.effect is Effect.DENY), None)
    if denied is not None:
        return Decision(allowed=False, reason=f"denied by {denied.source}{_because(denied)}")
    return Decision(allowed=bool(about), reason="" if about else "the resource's policy does not let the service in")


def _decide(need: Need, resource: str, role: Role, resource_policy: Sequence[Statement]) -> Decision:
    for statement in (*role.statements, *resource_policy):
        applies = statement.principals is None or _is_about(statement.principals, role)
        if statement.effect is Effect.DENY and applies and _applies(statement, need, resource):
            return Decision(allowed=False, reason=f"denied by {statement.source}{_because(statement)}")
    own = tuple(_matches(role.statements, need, resource))
    direct, delegated = _granted_by_resource(need, resource, role, resource_policy)
    if direct:
        return Decision(allowed=True, matches=own)
    if own and (delegated or not need.action.startswith("kms:")):
        return Decision(allowed=True, matches=own)
    if own:
        return Decision(allowed=False, reason="the key's policy leaves nothing to the account's roles")
    return Decision(allowed=False, reason=_near_miss(role.statements, need, resource))


def _granted_by_resource(need: Need, resource: str, role: Role, policy: Sequence[Statement]) -> tuple[bool, bool]:
    """Tell whether a resource's policy allows the role itself, and whether it leaves the decision to the account."""
    direct = delegated = False
    for statement in policy:
        principals = statement.principals
        if principals is None or statement.effect is Effect.DENY or not _applies(statement, need, resource):
            continue
        direct = direct or principals.everyone or role.arn in principals.aws
        delegated = delegated or bool(set(principals.aws) & _account_names(role))
    return direct, delegated


def _is_about(principals: Principals, role: Role) -> bool:
    return principals.everyone or role.arn in principals.aws or bool(set(principals.aws) & _account_names(role))


def _account_names(role: Role) -> set[str]:
    partition = role.arn.split(":")[1]
    return {role.account, f"arn:{partition}:iam::{role.account}:root"}


def _applies(statement: Statement, need: Need, resource: str) -> bool:
    found = any(_pairs(statement, need, resource))
    return found and not _unmet(statement, need)


def _matches(statements: Iterable[Statement], need: Need, resource: str) -> Iterable[Match]:
    for statement in statements:
        if statement.effect is Effect.ALLOW and not _unmet(statement, need):
            yield from _pairs(statement, need, resource)


def _pairs(statement: Statement, need: Need, resource: str) -> Iterable[Match]:
    for action in statement.actions:
        if not matches(action, need.action, ignore_case=True):
            continue
        for pattern in statement.resources:
            if matches(pattern, resource):
                yield Match(statement, action, pattern)


def _unmet(statement: Statement, need: Need) -> list[Condition]:
    return [condition for condition in statement.conditions if not holds(condition, need.context)]


def _near_miss(statements: Iterable[Statement], need: Need, resource: str) -> str:
    """Say what of a grant that names the action is in the way; nothing if no grant names it."""
    others: list[str] = []
    for statement in statements:
        if statement.effect is Effect.DENY or not any(
            matches(action, need.action, ignore_case=True) for action in statement.actions
        ):
            continue
        if not any(_pairs(statement, need, resource)):
            others.extend(statement.resources)
        else:
            return f"condition not met: {'; '.join(str(condition) for condition in _unmet(statement, need))}"
    return f"granted on {', '.join(others)} only" if others else "no statement allows the action"


def _because(statement: Statement) -> str:
    return f" ({'; '.join(str(condition) for condition in statement.conditions)})" if statement.conditions else ""
