"""Lambda functions and layers, read back from the function host, which is what runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import Created, Resource
from sandbox.aws.template.readback.check import present, reads, tags_from


@reads("AWS::Lambda::LayerVersion", unread={"Content": "the asset's folder is used in place of an upload"})
def layer(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a layer version."""
    name, version = created.ref.split(":")[6:8]
    held = cloud.client("lambda").get_layer_version(LayerName=name, VersionNumber=int(version))
    return present(
        LayerName=name,
        Description=held.get("Description"),
        LicenseInfo=held.get("LicenseInfo"),
    )


@reads("AWS::Lambda::Function", unread={"Code": "the asset's folder is used in place of an upload"})
def function(cloud: Cloud, resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read what the host will run the function with, and what only the API knows."""
    spec = cloud.functions[resource.logical_id]
    held = cloud.client("lambda").get_function(FunctionName=created.ref)
    return present(
        FunctionName=spec.name,
        Handler=spec.handler,
        Timeout=spec.timeout,
        MemorySize=spec.memory_mb,
        Environment={"Variables": _variables(cloud, resource, spec.environment)},
        Layers=[arn for arn in resource.properties.get("Layers", []) if cloud.layers[arn] in spec.layer_dirs],
        Role=held["Configuration"]["Role"],
        Description=held["Configuration"].get("Description"),
        Tags=tags_from(held.get("Tags", {})),
    )


def _variables(cloud: Cloud, resource: Resource, held: Mapping[str, str]) -> dict[str, str]:
    """Return the function's variables; those that the sandbox replaces on purpose count as the template's own."""
    asked: Mapping[str, str] = resource.properties.get("Environment", {}).get("Variables", {})
    return {**held, **{name: value for name, value in asked.items() if name in cloud.extra_environment}}


@reads("AWS::Lambda::Permission")
def permission(_cloud: Cloud, resource: Resource, _created: Created) -> Mapping[str, Any]:
    """Return the function that the recorded permission is for."""
    return {"FunctionName": resource.properties["FunctionName"]}
