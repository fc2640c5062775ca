"""Resolves intrinsic functions against what has been created so far."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.aws.template.model import Created, UnresolvedReference

NO_VALUE = object()
"""What ``AWS::NoValue`` resolves to; members with it are left out."""

_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")


class Resolver:
    """Knows pseudo parameters, parameters, mappings, conditions and the resources created so far."""

    def __init__(self, document: Mapping[str, Any], pseudo: Mapping[str, str]) -> None:
        self._document = document
        self._values: dict[str, Any] = {**pseudo, "AWS::NoValue": NO_VALUE}
        for name, parameter in document.get("Parameters", {}).items():
            if "Default" in parameter:
                self._values[name] = parameter["Default"]
        self._created: dict[str, Created] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Join": lambda spec: str(spec[0]).join(str(part) for part in self.resolve(spec[1])),
            "Fn::Split": lambda spec: str(self.resolve(spec[1])).split(spec[0]),
            "Fn::Select": lambda spec: self.resolve(spec[1])[int(self.resolve(spec[0]))],
            "Fn::Sub": self._sub,
            "Fn::If": lambda spec: self.resolve(spec[1] if self.condition(spec[0]) else spec[2]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::Equals": lambda spec: self.resolve(spec[0]) == self.resolve(spec[1]),
            "Fn::And": lambda spec: all(self.resolve(part) for part in spec),
            "Fn::Or": lambda spec: any(self.resolve(part) for part in spec),
            "Fn::Not": lambda spec: not self.resolve(spec[0]),
            "Condition": self.condition,
        }

    def add(self, logical_id: str, created: Created) -> None:
        """Make a resource known to later references."""
        self._created[logical_id] = created

    def condition(self, name: str) -> bool:
        """Evaluate a condition of the template by its name."""
        conditions = self._document.get("Conditions", {})
        if name not in conditions:
            raise UnresolvedReference(f"condition {name} is not in the template")
        return bool(self.resolve(conditions[name]))

    def resolve(self, value: Any) -> Any:
        """Return ``value`` with every intrinsic replaced; ``UnresolvedReference`` for what cannot be."""
        if isinstance(value, list):
            return [each for each in (self.resolve(member) for member in value) if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in self._functions and (name != "Condition" or isinstance(argument, str)):
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise UnresolvedReference(f"{name} is not among the supported functions")
        resolved = ((key, self.resolve(member)) for key, member in value.items())
        return {key: member for key, member in resolved if member is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self._created:
            return self._created[name].ref
        raise UnresolvedReference(f"Ref {name} names no parameter and no resource created before")

    def _get_att(self, spec: str | list[str]) -> str:
        logical_id, _, attribute = spec.partition(".") if isinstance(spec, str) else (spec[0], "", spec[1])
        created = self._created.get(logical_id)
        if created is None:
            raise UnresolvedReference(f"GetAtt {logical_id}.{attribute}: no such resource created before")
        if attribute not in created.attributes:
            raise UnresolvedReference(f"GetAtt {logical_id}.{attribute} is not emulated")
        return created.attributes[attribute]

    def _sub(self, spec: str | list[Any]) -> str:
        text, variables = (spec, {}) if isinstance(spec, str) else (spec[0], self.resolve(spec[1]))

        def replacement(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in variables:
                return str(variables[name])
            return self._get_att(name) if "." in name else str(self._ref(name))

        return _VARIABLE.sub(replacement, text)

    def _find_in_map(self, spec: list[Any]) -> Any:
        name, first, second = (self.resolve(part) for part in spec)
        try:
            return self._document.get("Mappings", {})[name][first][second]
        except KeyError:
            raise UnresolvedReference(f"FindInMap {name}/{first}/{second} is not in the template") from None


def substituted(definition: str, values: Mapping[str, Any]) -> str:
    """Return a state machine's ``DefinitionString`` with its ``DefinitionSubstitutions`` put in.

    As CloudFormation does it: ``${Name}`` is inside of JSON strings, so the value is escaped like one.
    """
    for name, value in values.items():
        definition = definition.replace(f"${{{name}}}", json.dumps(value)[1:-1])
    return definition
