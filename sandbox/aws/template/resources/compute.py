"""Lambda functions and layers."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from sandbox.aws.functions.api import FunctionSpec
from sandbox.aws.functions.environment import RESERVED
from sandbox.aws.template.cloud import Cloud, emulates, given, only, tag_map
from sandbox.aws.template.model import Created, DeployError, Resource

_INVOKERS = "who may invoke is not checked; the state machine's own role is"
_HOST = "functions run with this machine's architecture and Python"
_QUOTAS = (("Timeout", 1, 900), ("MemorySize", 128, 10_240))
"""In seconds and MB (Lambda developer guide, "Lambda quotas"); moto takes more."""
_MOST_ENVIRONMENT = 4096
"""Bytes of all variables together (the same page)."""


@emulates(
    "AWS::Lambda::LayerVersion",
    applied=("Content", "LayerName", "Description", "LicenseInfo"),
    recorded={"CompatibleRuntimes": _HOST, "CompatibleArchitectures": _HOST},
)
def layer(cloud: Cloud, resource: Resource) -> Created:
    """Create a layer version; a layer of third-party packages is replaced by the ones built for this machine."""
    properties = resource.properties
    folder = cloud.asset(resource, properties["Content"])
    if not _is_source(folder):
        folder = cloud.runtime_dir
        why = "packages built for arm64 cannot run here; the same lock file's packages for this machine stand in"
        cloud.record(resource, "Content", why)
    name = cloud.name_for(resource, properties.get("LayerName"))
    optional = given(properties, Description="Description", LicenseInfo="LicenseInfo")
    made = cloud.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": _marker(name)}, **optional)
    arn = made["LayerVersionArn"]
    cloud.layers[arn] = folder
    return Created(arn, {"LayerVersionArn": arn})


def _is_source(folder: Path) -> bool:
    """Tell a layer of plain source, which runs anywhere, from one that was installed from wheels."""
    packages = folder / "python"
    return packages.is_dir() and not any(packages.glob("*.dist-info"))


@emulates(
    "AWS::Lambda::Function",
    applied=(
        "FunctionName", "Code", "Handler", "Role", "Environment", "Timeout", "MemorySize", "Layers", "Description",
        "Tags",
    ),
    recorded={
        "Architectures": _HOST,
        "Runtime": _HOST,
        "TracingConfig": "every invocation is traced; sampling is not emulated",
        "LoggingConfig": "logs are written to files",
        "EphemeralStorage": "functions share this machine's file system, unlimited and writable",
        "ReservedConcurrentExecutions": "only the account's limit of concurrent executions applies",
        "VpcConfig": "functions use this machine's network; subnets and security groups hold nothing back",
    },
)  # fmt: skip
def function(cloud: Cloud, resource: Resource) -> Created:
    """Create a function and register its code, layers, limits and environment with the function host."""
    properties = resource.properties
    _refuse_excess(resource)
    only(resource, properties.get("VpcConfig", {}), "SubnetIds", "SecurityGroupIds")
    name = cloud.name_for(resource, properties.get("FunctionName"))
    environment = _environment(cloud, resource, name)
    arn = _create(cloud, resource, name)
    spec = FunctionSpec(
        name=name,
        arn=arn,
        handler=properties["Handler"],
        code_dir=cloud.asset(resource, properties["Code"]),
        layer_dirs=tuple(_layer_folder(cloud, resource, each) for each in properties.get("Layers", [])),
        environment=environment,
        timeout=int(properties.get("Timeout", 3)),
        memory_mb=int(properties.get("MemorySize", 128)),
    )
    cloud.host.register(spec)
    cloud.functions[resource.logical_id] = spec
    return Created(name, {"Arn": arn})


def _refuse_excess(resource: Resource) -> None:
    """Raise ``DeployError`` for a function that Lambda's quotas do not allow."""
    properties = resource.properties
    for name, least, most in _QUOTAS:
        value = str(properties.get(name, least))
        if not (value.isdecimal() and least <= int(value) <= most):
            raise DeployError(f"{resource.logical_id}: {name} must be from {least} to {most}, not {value}")
    variables = properties.get("Environment", {}).get("Variables", {})
    size = len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())
    if size > _MOST_ENVIRONMENT:
        raise DeployError(
            f"{resource.logical_id}: its environment variables have {size} bytes, Lambda takes {_MOST_ENVIRONMENT}"
        )


def _environment(cloud: Cloud, resource: Resource, name: str) -> dict[str, str]:
    wanted = resource.properties.get("Environment", {})
    only(resource, wanted, "Variables")
    variables: dict[str, str] = wanted.get("Variables", {})
    for variable in sorted(RESERVED & variables.keys()):
        raise DeployError(f"{resource.logical_id}: Lambda reserves the environment variable {variable}")
    key = cloud.keys.issue(name)
    role_key = {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}
    return {**variables, **cloud.extra_environment, **role_key}


def _create(cloud: Cloud, resource: Resource, name: str) -> str:
    """Make the function known to moto's API, with a marker for its code: the host runs the asset's folder."""
    properties = resource.properties
    made = cloud.client("lambda").create_function(
        FunctionName=name,
        Role=properties["Role"],
        Runtime=properties.get("Runtime", "python3.13"),
        Handler=properties["Handler"],
        Code={"ZipFile": _marker(name)},
        Tags=tag_map(properties),
        **given(properties, Timeout="Timeout", MemorySize="MemorySize", Description="Description"),
    )
    return str(made["FunctionArn"])


def _layer_folder(cloud: Cloud, resource: Resource, arn: str) -> Path:
    if arn not in cloud.layers:
        raise DeployError(f"{resource.logical_id}: layer {arn} is not part of the template")
    return cloud.layers[arn]


def _marker(name: str) -> bytes:
    """Return a zip file that says where the code really is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("README", json.dumps({"name": name, "code": "run from the cloud assembly by the sandbox"}))
    return content.getvalue()


@emulates(
    "AWS::Lambda::Permission",
    applied=("FunctionName",),
    recorded=dict.fromkeys(("Action", "Principal", "SourceArn", "SourceAccount"), _INVOKERS),
)
def permission(_cloud: Cloud, resource: Resource) -> Created:
    """Record the permission; nothing enforces it."""
    return Created(resource.logical_id)


@emulates(
    "AWS::Lambda::EventInvokeConfig",
    recorded=dict.fromkeys(
        ("FunctionName", "Qualifier", "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"),
        "functions are invoked synchronously only",
    ),
)
def event_invoke_config(_cloud: Cloud, resource: Resource) -> Created:
    """Record the configuration of asynchronous invocations."""
    return Created(resource.logical_id)
