"""The comparison, and the registry of the functions that read a resource back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.template.cloud import REGISTRY, Cloud
from sandbox.aws.template.model import Created, NotApplied, Resource

Reader = Callable[[Cloud, Resource, Created], Mapping[str, Any]]

_SHOWN = 200
"""Characters of a value in an error."""


@dataclass(frozen=True)
class Readback:
    """How a resource type is read back; ``unread`` names the applied properties that cannot be, and why."""

    reader: Reader
    unread: Mapping[str, str] = field(default_factory=dict)


READERS: dict[str, Readback] = {}


def reads(kind: str, *, unread: Mapping[str, str] | None = None) -> Callable[[Reader], Reader]:
    """Enter the decorated function as the reader of ``kind``: it returns the service's values by property name."""

    def enter(reader: Reader) -> Reader:
        READERS[kind] = Readback(reader, dict(unread or {}))
        return reader

    return enter


def check_applied(cloud: Cloud, resource: Resource, created: Created) -> None:
    """Raise ``NotApplied`` for the first property that the service does not have as the template asks for it.

    What the service has beyond the template (its defaults) is its own business.
    """
    readback = READERS.get(resource.type)
    if readback is None:
        return
    applied = REGISTRY[resource.type].applied - readback.unread.keys()
    asked = {name: value for name, value in resource.properties.items() if name in applied}
    held = readback.reader(cloud, resource, created)
    for difference in differences(asked, held):
        raise NotApplied(f"{resource.logical_id} ({resource.type}): {difference}")


def differences(asked: Any, held: Any, place: str = "property ") -> Iterator[str]:
    """Tell in words where ``held`` lacks or contradicts something of ``asked``; lists are compared as sets are."""
    if isinstance(asked, Mapping) and isinstance(held, Mapping):
        for name, value in asked.items():
            if name not in held:
                yield f"{place}{name} was not applied: the service has no such value"
            else:
                yield from differences(value, held[name], f"{place}{name}.")
    elif isinstance(asked, list) and isinstance(held, list):
        unmatched = list(held)
        for value in asked:
            match = next((each for each in unmatched if not any(differences(value, each))), None)
            if match is None:
                yield f"{_name(place)} was not applied: {_shown(value)} is not in {_shown(held)}"
                return
            unmatched.remove(match)
    elif _text(asked) != _text(held):
        yield f"{_name(place)} was not applied: asked for {_shown(asked)}, the service has {_shown(held)}"


def _name(place: str) -> str:
    return place.removesuffix(".")


def _text(value: Any) -> str:
    """Return a scalar as a service's API may spell it: numbers and booleans come back as text from some."""
    return str(value).lower() if isinstance(value, bool | int | float) else str(value)


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)[:_SHOWN]


def tags_of(held: list[Mapping[str, str]], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return a service's tags in the template's spelling."""
    return [{"Key": tag[key], "Value": tag[value]} for tag in held]


def tags_from(held: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags that a service gives as a mapping in the template's spelling."""
    return [{"Key": key, "Value": value} for key, value in held.items()]


def present(**values: Any) -> dict[str, Any]:
    """Return those values that the service has."""
    return {name: value for name, value in values.items() if value is not None}
