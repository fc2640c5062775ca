"""The vocabulary of permissions: what a call needs, what a statement says; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Context = Mapping[str, tuple[str, ...]]
"""Condition key to its values in one request; a key that is not there is absent, as IAM understands it."""


class PermissionsError(RuntimeError):
    """A policy or a call that cannot be judged here; one line that names it."""


class Effect(StrEnum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator of a Condition block with one key and the values that the policy gives for it."""

    operator: str
    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.key} {', '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom a resource policy's statement is about: ``everyone``, or ARNs, account ids and service names."""

    everyone: bool = False
    aws: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy. ``principals`` is ``None`` in a role's own policies. ``source`` names the policy."""

    source: str
    effect: Effect
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    principals: Principals | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """One request for permission that a call amounts to.

    ``resources`` has one ARN, or several of which AWS documents one and uses another: then any of them will do.
    ``policies`` are the ARNs of the resources whose own policies AWS asks (bucket, key, topic, queue, secret).
    """

    action: str
    resources: tuple[str, ...]
    context: Context = field(default_factory=dict)
    policies: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        """The resource to name to people."""
        return self.resources[0]


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """What an AWS service does with a role that it was given (Lambda, Step Functions, Scheduler), and why."""

    role_arn: str
    why: str
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class OwnCall:
    """What an AWS service does in its own name, without a role: the resource's policy alone allows it."""

    service: str
    needs: tuple[Need, ...]
