"""The order in which resources have to be created."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sandbox.aws.template.model import DeployError

_VARIABLE = re.compile(r"\$\{([^!}.]+)(?:\.[^}]*)?\}")


def creation_order(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the logical ids, each after everything that it refers to or depends on; ``DeployError`` for a cycle."""
    graph = {logical_id: _needs(logical_id, resource, resources) for logical_id, resource in resources.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise DeployError(f"the template's resources depend on each other in a circle: {error.args[1]}") from None


def _needs(logical_id: str, resource: Mapping[str, Any], resources: Mapping[str, Any]) -> set[str]:
    depends = resource.get("DependsOn", [])
    explicit = {depends} if isinstance(depends, str) else set(depends)
    for name in sorted(explicit - resources.keys()):
        raise DeployError(f"{logical_id}: DependsOn names {name}, which is not in the template")
    # What a reference names and the template has not is a parameter, or for the resolver to refuse.
    return explicit | (set(_references(resource.get("Properties", {}))) & resources.keys())


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for member in value:
            yield from _references(member)
    elif isinstance(value, dict):
        for key, member in value.items():
            if key == "Ref":
                yield member
            elif key == "Fn::GetAtt":
                yield member.split(".")[0] if isinstance(member, str) else member[0]
            elif key == "Fn::Sub":
                yield from _VARIABLE.findall(member if isinstance(member, str) else member[0])
                yield from _references(member)
            else:
                yield from _references(member)
