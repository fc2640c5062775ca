"""Every call of every role against what the stack grants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.aws.gateway.log import ApiCall
from sandbox.aws.permissions.actions import api_needs
from sandbox.aws.permissions.actions_s3 import s3_needs
from sandbox.aws.permissions.evaluate import Match, Role, decide, decide_for_service
from sandbox.aws.permissions.model import Context, Effect, Need, OwnCall, ServiceCall
from sandbox.aws.permissions.policies import EVENTS, SCHEDULER, STEP_FUNCTIONS, Policies, read_policies
from sandbox.aws.permissions.report import Grant, PermissionReport, Ungranted
from sandbox.aws.permissions.stack import Stack
from sandbox.s3.log import LoggedRequest

_SERVICES = {STEP_FUNCTIONS: "the state machine", SCHEDULER: "the schedule", EVENTS: "the rule"}
_STRANGER, _UNKNOWN = "somebody", "its access key was not issued here"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was called during the runs.

    ``owners`` maps access key ids to whom they were issued to: a function's physical name, or
    ``policies.STEP_FUNCTIONS`` for the key that the state machine's S3 calls are made with. Calls of ``ignored``
    owners are the sandbox's own and are not judged.
    """

    s3_calls: Sequence[LoggedRequest]
    api_calls: Sequence[ApiCall]
    service_calls: Sequence[ServiceCall]
    owners: Mapping[str, str]
    ignored: frozenset[str]
    own_calls: Sequence[OwnCall] = ()

    def owner_of(self, access_key_id: str | None) -> str | None:
        """Return whom a key was issued to; ``None`` for a key of nobody's, or none at all."""
        return self.owners.get(access_key_id) if access_key_id is not None else None


def check(stack: Stack, evidence: Evidence, name_of: Callable[[str], str] = str) -> PermissionReport:
    """Match every call against the grants of the role that it was made with.

    ``name_of`` turns a function's physical name into what people call it. Raises ``PermissionsError`` for a policy
    or a call that cannot be judged.
    """
    findings = _Findings(read_policies(stack), stack.region, name_of)
    for s3_call in evidence.s3_calls:
        owner = evidence.owner_of(s3_call.access_key_id)
        if owner is None:
            findings.refuse(_STRANGER, f"s3:{s3_call.operation}", s3_call.bucket, _UNKNOWN)
        elif owner not in evidence.ignored:
            findings.judge(findings.policies.role_of(owner), s3_needs(s3_call, stack), _source(stack, owner))
    for call in evidence.api_calls:
        owner = evidence.owner_of(call.access_key_id)
        if owner is None:
            findings.refuse(_STRANGER, f"{call.service}:{call.operation}", call.resource, _UNKNOWN)
        elif owner not in evidence.ignored:
            findings.judge(findings.policies.role_of(owner), api_needs(call, stack), _source(stack, owner))
    for service_call in evidence.service_calls:
        findings.judge(findings.policies.role(service_call.role_arn), service_call.needs)
    for own_call in evidence.own_calls:
        findings.judge_own(own_call)
    return findings.report()


class _Findings:
    """Judges needs one after the other and remembers what it found."""

    def __init__(self, policies: Policies, region: str, name_of: Callable[[str], str]) -> None:
        self.policies = policies
        self._region = region
        self._names = {
            arn: " and ".join(_SERVICES.get(user) or name_of(user) for user in users)
            for arn, users in policies.users.items()
        }
        self._used: Counter[tuple[str, Match]] = Counter()
        self._alone: Counter[tuple[str, Match]] = Counter()
        self._ungranted: dict[tuple[str, str, str], Ungranted] = {}

    def judge(self, role: Role, needs: Iterable[Need], source: Context | None = None) -> None:
        """Judge what a call of ``role`` needs; ``source`` are the condition keys that tell where it came from."""
        for need in needs:
            asked = replace(need, context={**need.context, **_identity(role, self._region), **(source or {})})
            decision = decide(asked, role, self.policies.asked_for(need))
            if decision.allowed:
                matches = [(role.arn, match) for match in decision.matches]
                self._used.update(matches)
                self._alone.update(matches if len(matches) == 1 else ())
            else:
                self.refuse(self._names[role.arn], need.action, need.resource, decision.reason)

    def judge_own(self, call: OwnCall) -> None:
        """Judge what a service did in its own name."""
        for need in call.needs:
            decision = decide_for_service(need, call.service, self.policies.asked_for(need))
            if not decision.allowed:
                self.refuse(call.service, need.action, need.resource, decision.reason)

    def refuse(self, principal: str, action: str, resource: str, reason: str) -> None:
        """Note a call that is not granted; many of one kind are one finding."""
        key = (principal, action, reason)
        known = self._ungranted.get(key)
        first = Ungranted(principal, action, resource, reason)
        self._ungranted[key] = replace(known, times=known.times + 1) if known else first

    def report(self) -> PermissionReport:
        """Return everything found, and every grant with the number of times that it was used."""
        grants = sorted(
            Grant(self._names[arn], match.action, match.resource, self._used[arn, match], self._alone[arn, match])
            for arn, role in self.policies.roles.items()
            if arn in self._names
            for match in _grants(role)
        )
        return PermissionReport(
            ungranted=tuple(self._ungranted.values()),
            unused=tuple(grant for grant in grants if not grant.times),
            used=tuple(grant for grant in grants if grant.times),
        )


def _source(stack: Stack, owner: str) -> Context:
    """Return the key that the calls of a function's own code carry, and no call made with another key.

    Source: Lambda developer guide, "Using source function ARN to control function access behavior".
    """
    for function in stack.of("AWS::Lambda::Function"):
        if function.created.ref == owner:
            return {"lambda:sourcefunctionarn": (function.created.attributes["Arn"],)}
    return {}


def _identity(role: Role, region: str) -> dict[str, tuple[str, ...]]:
    """Return the global condition keys that follow from who asks, and where."""
    return {
        "aws:principalarn": (role.arn,),
        "aws:principalaccount": (role.account,),
        "aws:requestedregion": (region,),
    }


def _grants(role: Role) -> Iterator[Match]:
    for statement in role.statements:
        if statement.effect is Effect.ALLOW:
            for action in statement.actions:
                for resource in statement.resources:
                    yield Match(statement, action, resource)
