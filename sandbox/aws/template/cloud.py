"""What resource handlers work with, and the registry they enter themselves in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.aws.functions.api import FunctionSpec
from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.keys import KeyRing
from sandbox.aws.template.model import Created, DeployError, NotEmulated, Resource, UnknownProperty
from sandbox.s3 import S3Server

NO_ACTIONS = "nothing is refused at the moment of a call; calls are matched with it after the run"


@dataclass
class Cloud:
    """The account that a template is deployed into, and what the deployment has collected so far."""

    client: Callable[[str], Any]
    s3: S3Server
    host: FunctionHost
    keys: KeyRing
    region: str
    account_id: str
    stack: str
    assets: Mapping[str, Path]
    runtime_dir: Path
    extra_environment: Mapping[str, str]
    layers: dict[str, Path] = field(default_factory=dict)
    """ARN of a layer version to the folder that stands for it."""
    functions: dict[str, FunctionSpec] = field(default_factory=dict)
    made: dict[str, list[Created]] = field(default_factory=dict)
    """Resource type to what was created of it."""
    resolved: dict[str, Resource] = field(default_factory=dict)
    """Every resource by logical id, as its handler saw it."""
    not_emulated: list[NotEmulated] = field(default_factory=list)

    def record(self, resource: Resource, prop: str, why: str) -> None:
        """Note that a property, or the whole resource (``*``), is not emulated."""
        self.not_emulated.append(NotEmulated(resource.logical_id, resource.type, prop, why))

    def name_for(self, resource: Resource, given: str | None, *, limit: int = 64) -> str:
        """Return the given physical name, or one made from stack and logical id: the same at every deployment."""
        return given if given is not None else f"{self.stack}-{resource.logical_id}"[:limit]

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return an ARN in this account."""
        return f"arn:aws:{service}:{self.region if region else ''}:{self.account_id}:{resource}"

    def asset(self, resource: Resource, content: Mapping[str, Any]) -> Path:
        """Return the folder of a code asset; ``DeployError`` if the assembly does not have it."""
        only(resource, content, "S3Bucket", "S3Key")
        path = self.assets.get(content["S3Key"])
        if path is None or not path.is_dir():
            raise DeployError(f"{resource.logical_id}: its asset {content['S3Key']} is not a folder of the assembly")
        return path


Handler = Callable[[Cloud, Resource], Created]


@dataclass(frozen=True)
class Emulation:
    """How a resource type is handled: which properties are applied, which are only recorded and why."""

    handler: Handler
    applied: frozenset[str]
    recorded: Mapping[str, str]


REGISTRY: dict[str, Emulation] = {}


def emulates(
    kind: str, *, applied: tuple[str, ...] = (), recorded: Mapping[str, str] | None = None
) -> Callable[[Handler], Handler]:
    """Enter the decorated handler for ``kind``; properties in neither collection are refused."""

    def enter(handler: Handler) -> Handler:
        REGISTRY[kind] = Emulation(handler, frozenset(applied), dict(recorded or {}))
        return handler

    return enter


def only(resource: Resource, value: Mapping[str, Any], *known: str) -> None:
    """Refuse members of a nested property that the handler does not look at."""
    for name in sorted(value.keys() - set(known)):
        raise UnknownProperty(f"{resource.logical_id} ({resource.type}): property {name} is not known to the sandbox")


def given(properties: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """Return the API's parameters for those properties that are given: ``Description="description"`` and so on."""
    return {parameter: properties[name] for name, parameter in names.items() if name in properties}


def tags(properties: Mapping[str, Any], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return the resource's tags in an API's own spelling."""
    return [{key: tag["Key"], value: tag["Value"]} for tag in properties.get("Tags", [])]


def tag_map(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the resource's tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
