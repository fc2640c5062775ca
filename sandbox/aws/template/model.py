"""The vocabulary of the walker: template, resources, what was made, what was not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class DeployError(RuntimeError):
    """The template cannot be deployed here; one line that names the resource."""


class UnknownResource(DeployError):
    """A resource type that the sandbox has no function for."""


class UnknownProperty(DeployError):
    """A property that the sandbox neither applies nor lists as not emulated."""


class NotApplied(DeployError):
    """A service took a property and does not have it afterwards."""


class UnresolvedReference(DeployError):
    """An intrinsic function or a reference that cannot be resolved."""


@dataclass(frozen=True, slots=True)
class NotEmulated:
    """Something that the template asks for and the sandbox does not do, and why that is not pretended."""

    resource: str
    type: str
    property: str
    why: str


@dataclass(frozen=True)
class Resource:
    """A resource of the template; ``properties`` are resolved when a handler sees it."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Created:
    """What references to a resource resolve to: ``Ref`` and the attributes of ``Fn::GetAtt``."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Template:
    """A synthesised stack: its name, the template's document, and where its assets are."""

    stack: str
    document: Mapping[str, Any]
    assets: Mapping[str, Path]
    """S3 key of an asset to its folder or file."""

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """The template's resources by logical id."""
        found: Mapping[str, Mapping[str, Any]] = self.document.get("Resources", {})
        return found


def load(assembly: Path) -> Template:
    """Read the one stack of a cloud assembly; ``DeployError`` if there is none or more than one."""
    found = sorted(assembly.glob("*.template.json"))
    if len(found) != 1:
        raise DeployError(f"{assembly.name} holds {len(found)} templates, expected one; run the synthesis first")
    stack = found[0].name.removesuffix(".template.json")
    document = json.loads(found[0].read_text(encoding="utf-8"))
    return Template(stack, document, _assets(assembly, stack))


def _assets(assembly: Path, stack: str) -> dict[str, Path]:
    manifest = assembly / f"{stack}.assets.json"
    if not manifest.exists():
        return {}
    files = json.loads(manifest.read_text(encoding="utf-8")).get("files", {})
    return {
        destination["objectKey"]: assembly / entry["source"]["path"]
        for entry in files.values()
        for destination in entry["destinations"].values()
    }
