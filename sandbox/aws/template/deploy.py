"""Walks a template: every resource created or recorded, every property accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.template import resources
from sandbox.aws.template.cloud import REGISTRY, Cloud, Emulation
from sandbox.aws.template.model import (
    Created,
    DeployError,
    Resource,
    Template,
    UnknownProperty,
    UnknownResource,
    UnresolvedReference,
)
from sandbox.aws.template.order import creation_order
from sandbox.aws.template.readback import check_applied
from sandbox.aws.template.resolver import Resolver

__all__ = ["deploy_template", "resources"]

_SECTIONS = frozenset({
    "AWSTemplateFormatVersion", "Conditions", "Description", "Mappings", "Metadata", "Outputs", "Parameters",
    "Resources", "Rules",
})  # fmt: skip
_ATTRIBUTES = frozenset({
    "Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
})  # fmt: skip
RECORDED_ATTRIBUTES = {
    "DeletionPolicy": "a stack is never deleted here",
    "UpdateReplacePolicy": "resources are never replaced here",
}
_OUTPUT = frozenset({"Value", "Description", "Export", "Condition"})
_IGNORED = frozenset({"AWS::CDK::Metadata"})
"""Says which constructs were used; no resource of an account."""


def deploy_template(template: Template, cloud: Cloud) -> dict[str, str]:
    """Create everything in the template and return its resolved outputs.

    Raises ``DeployError`` (unknown type or property, unresolvable reference, refusal by a service) at the first
    problem; what was created before stays, so throw the account away.
    """
    unknown = template.document.keys() - _SECTIONS
    if unknown:
        raise DeployError(f"the template's section {min(unknown)} is not known to the sandbox")
    resolver = Resolver(template.document, _pseudo(cloud))
    for logical_id in creation_order(template.resources):
        resource = template.resources[logical_id]
        if _wanted(resource, resolver):
            created = _create(logical_id, resource, resolver, cloud)
            resolver.add(logical_id, created)
            cloud.made.setdefault(resource["Type"], []).append(created)
    _record_sections(template.document, cloud)
    return dict(_outputs(template.document, resolver))


def _record_sections(document: Mapping[str, Any], cloud: Cloud) -> None:
    if "Rules" in document:
        whole = Resource("template", "AWS::CloudFormation::Stack", {})
        cloud.record(whole, "Rules", "assertions about parameters are CloudFormation's own")


def _outputs(document: Mapping[str, Any], resolver: Resolver) -> Iterator[tuple[str, str]]:
    for name, output in document.get("Outputs", {}).items():
        unknown = output.keys() - _OUTPUT
        if unknown:
            raise UnknownProperty(f"output {name}: {min(unknown)} is not known to the sandbox")
        if "Condition" not in output or resolver.condition(output["Condition"]):
            try:
                yield name, str(resolver.resolve(output["Value"]))
            except UnresolvedReference as error:
                raise UnresolvedReference(f"output {name}: {error}") from None


def _wanted(resource: Mapping[str, Any], resolver: Resolver) -> bool:
    if resource["Type"] in _IGNORED:
        return False
    return "Condition" not in resource or resolver.condition(resource["Condition"])


def _pseudo(cloud: Cloud) -> dict[str, str]:
    return {
        "AWS::AccountId": cloud.account_id,
        "AWS::Region": cloud.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": cloud.stack,
        "AWS::StackId": cloud.arn("cloudformation", f"stack/{cloud.stack}/sandbox"),
    }


def _create(logical_id: str, entry: Mapping[str, Any], resolver: Resolver, cloud: Cloud) -> Created:
    kind = entry["Type"]
    unknown = entry.keys() - _ATTRIBUTES
    if unknown:
        raise UnknownProperty(f"{logical_id} ({kind}): attribute {min(unknown)} is not known to the sandbox")
    emulation = REGISTRY.get(kind)
    if emulation is None:
        raise UnknownResource(f"{logical_id}: resource type {kind} is not known to the sandbox")
    resource = Resource(logical_id, kind, _resolved(logical_id, entry, resolver))
    _account_for(resource, emulation, cloud)
    for attribute, why in RECORDED_ATTRIBUTES.items():
        if attribute in entry:
            cloud.record(resource, attribute, why)
    cloud.resolved[logical_id] = resource
    return _made(resource, emulation, cloud)


def _made(resource: Resource, emulation: Emulation, cloud: Cloud) -> Created:
    where = f"{resource.logical_id} ({resource.type})"
    try:
        created = emulation.handler(cloud, resource)
        check_applied(cloud, resource, created)
    except ClientError as error:
        raise DeployError(f"{where}: refused: {error.response['Error'].get('Message', error)}") from error
    except BotoCoreError as error:
        raise DeployError(f"{where}: {' '.join(str(error).split())}") from error
    except KeyError as error:
        raise DeployError(f"{where}: property {error.args[0]} is missing") from error
    return created


def _resolved(logical_id: str, entry: Mapping[str, Any], resolver: Resolver) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = resolver.resolve(entry.get("Properties", {}))
    except UnresolvedReference as error:
        raise UnresolvedReference(f"{logical_id} ({entry['Type']}): {error}") from None
    return found


def _account_for(resource: Resource, emulation: Emulation, cloud: Cloud) -> None:
    """Refuse properties that nothing looks at, and note those that are only recorded."""
    if "*" in emulation.recorded:
        return
    for name in resource.properties:
        if name in emulation.recorded:
            cloud.record(resource, name, emulation.recorded[name])
        elif name not in emulation.applied:
            raise UnknownProperty(
                f"{resource.logical_id} ({resource.type}): property {name} is not known to the sandbox"
            )
