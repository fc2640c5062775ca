"""Policy documents as statements; an element that is not known here is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.permissions import conditions
from sandbox.aws.permissions.model import Effect, PermissionsError, Principals, Statement

_VERSION = "2012-10-17"
_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset({"Sid", "Effect", "Action", "Resource", "Condition", "Principal"})
"""NotAction, NotResource and NotPrincipal are left out on purpose: nothing here may be granted by exclusion."""


def identity_statements(document: Any, source: str) -> tuple[Statement, ...]:
    """Return the statements of a role's policy; ``PermissionsError`` names what is not understood."""
    return _statements(document, source, with_principal=False)


def resource_statements(document: Any, source: str) -> tuple[Statement, ...]:
    """Return the statements of a resource's policy; each must say whom it is about."""
    return _statements(document, source, with_principal=True)


def trust_statements(document: Any, source: str) -> tuple[Statement, ...]:
    """Return the statements of a role's trust policy: they are about the role itself and name no resource."""
    if isinstance(document, Mapping) and "Statement" in document:
        listed = [{"Resource": "*", **each} for each in _listed(document["Statement"])]
        document = {**document, "Statement": listed}
    return resource_statements(document, source)


def _statements(document: Any, source: str, *, with_principal: bool) -> tuple[Statement, ...]:
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise PermissionsError(f"{source}: a policy document needs a Statement")
    _refuse_unknown(document, _DOCUMENT, source)
    if document.get("Version") != _VERSION:
        raise PermissionsError(f"{source}: only policy version {_VERSION} is known to the sandbox")
    return tuple(_statement(each, source, with_principal=with_principal) for each in _listed(document["Statement"]))


def _statement(entry: Mapping[str, Any], source: str, *, with_principal: bool) -> Statement:
    source = f"{source}/{entry['Sid']}" if entry.get("Sid") else source
    _refuse_unknown(entry, _ELEMENTS, source)
    missing = {"Effect", "Action", "Resource"} - entry.keys()
    if missing:
        raise PermissionsError(f"{source}: a statement needs {min(missing)}")
    if with_principal != ("Principal" in entry):
        raise PermissionsError(f"{source}: Principal belongs to a resource's policy, and must be there")
    if entry["Effect"] not in tuple(Effect):
        raise PermissionsError(f"{source}: Effect must be Allow or Deny, not {entry['Effect']}")
    resources = tuple(_listed(entry["Resource"]))
    if any("${" in resource for resource in resources):
        raise PermissionsError(f"{source}: policy variables are not known to the sandbox ({', '.join(resources)})")
    return Statement(
        source=source,
        effect=Effect(entry["Effect"]),
        actions=tuple(_listed(entry["Action"])),
        resources=resources,
        conditions=conditions.parse(entry.get("Condition", {}), source),
        principals=_principals(entry["Principal"], source) if with_principal else None,
    )


def _principals(value: Any, source: str) -> Principals:
    if value == "*":
        return Principals(everyone=True)
    if not isinstance(value, Mapping):
        raise PermissionsError(f"{source}: Principal must be * or an object")
    _refuse_unknown(value, frozenset({"AWS", "Service"}), source)
    aws = tuple(_listed(value.get("AWS", [])))
    return Principals("*" in aws, aws, tuple(_listed(value.get("Service", []))))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _refuse_unknown(members: Mapping[str, Any], known: frozenset[str], source: str) -> None:
    for name in sorted(members.keys() - known):
        raise PermissionsError(f"{source}: policy element {name} is not known to the sandbox")
