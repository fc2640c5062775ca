"""The gate before the engine: a definition uses verified features only, or is refused before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.asl_fields import DISTRIBUTED_ONLY, FIELDS, MACHINE, PROCESSOR, READER, RESOURCE, RULE, WRITER
from sandbox.aws.asl_values import (
    UnsupportedDefinition,
    check_values,
    fields,
    handlers,
    mapping,
    mappings,
    texts,
)
from sandbox.aws.stepfunctions.choice import IS_PRESENT, OPERATORS

__all__ = ["FIELDS", "UnsupportedDefinition", "admit"]

MAX_STATE_NAME = 80
"""Characters (Amazon States Language: a state's name)."""

_COMPARISONS = frozenset({IS_PRESENT, *OPERATORS})


def admit(definition: Mapping[str, Any]) -> None:
    """Return if the whole definition, children included, is within the verified features; else raise."""
    _states(mapping(definition, "the state machine"), "the state machine", MACHINE, nested=False)
    seen: set[str] = set()
    for name in _names(definition):
        if name in seen:
            raise UnsupportedDefinition(f"state '{name}': two states have this name; AWS wants it unique")
        seen.add(name)


def _names(scope: Mapping[str, Any]) -> Iterator[str]:
    for name, state in scope["States"].items():
        yield name
        if "ItemProcessor" in state:
            yield from _names(state["ItemProcessor"])


def _states(scope: Mapping[str, Any], where: str, known: frozenset[str], *, nested: bool) -> None:
    fields(scope, known, where)
    states = scope.get("States")
    if not isinstance(states, dict) or not states:
        raise UnsupportedDefinition(f"{where}: States is missing or empty")
    if scope.get("StartAt") not in states:
        raise UnsupportedDefinition(f"{where}: StartAt names no state: {scope.get('StartAt')!r}")
    for name, state in states.items():
        _state(name, mapping(state, f"state '{name}'"), states, nested=nested)
    unreachable = states.keys() - _reachable(scope["StartAt"], states)
    if unreachable:
        raise UnsupportedDefinition(f"state '{min(unreachable)}': nothing leads to it")


def _state(name: str, state: Mapping[str, Any], siblings: Mapping[str, Any], *, nested: bool) -> None:
    where = f"state '{name}'"
    if len(name) > MAX_STATE_NAME:
        raise UnsupportedDefinition(f"{where}: a name has {MAX_STATE_NAME} characters at most, not {len(name)}")
    kind = str(state.get("Type"))
    if kind not in FIELDS:
        raise UnsupportedDefinition(f"{where}: type {kind} is not among the verified features")
    fields(state, FIELDS[kind], where)
    texts(state, where)
    check_values(state, where)
    for handler in ("Retry", "Catch"):
        handlers(state, handler, where)
    _flow(state, siblings, where)
    if kind == "Task":
        _task(state, where)
    if kind == "Map":
        _map(state, where, nested=nested)


def _task(state: Mapping[str, Any], where: str) -> None:
    if state.get("Resource") != RESOURCE:
        raise UnsupportedDefinition(f"{where}: resource {state.get('Resource')} is not among the verified features")
    parameters = mapping(state.get("Parameters"), f"{where}: Parameters")
    fields(parameters, frozenset({"FunctionName", "FunctionName.$", "Payload", "Payload.$"}), where)
    if not parameters.keys() & {"FunctionName", "FunctionName.$"}:
        raise UnsupportedDefinition(f"{where}: Parameters name no FunctionName")


def _flow(state: Mapping[str, Any], siblings: Mapping[str, Any], where: str) -> None:
    kind = state["Type"]
    if kind == "Choice":
        rules = mappings(state.get("Choices"), f"{where}: Choices")
        if not rules:
            raise UnsupportedDefinition(f"{where}: a Choice needs Choices")
        for rule in rules:
            _rule(rule, where)
    elif kind in ("Pass", "Task", "Map") and ("Next" in state) == (state.get("End") is True):
        raise UnsupportedDefinition(f"{where}: needs either Next or End")
    for target in _targets(state):
        if target not in siblings:
            raise UnsupportedDefinition(f"{where}: leads to '{target}', which is no state beside it")


def _rule(rule: Mapping[str, Any], where: str) -> None:
    fields(rule, RULE, where)
    comparisons = rule.keys() & _COMPARISONS
    if "Variable" not in rule or "Next" not in rule or not comparisons:
        raise UnsupportedDefinition(f"{where}: a rule needs Variable, one comparison and Next")
    if len(comparisons) > 1:
        raise UnsupportedDefinition(f"{where}: a rule may have one comparison only")
    texts(rule, where)
    check_values(rule, where)


def _map(state: Mapping[str, Any], where: str, *, nested: bool) -> None:
    processor = state.get("ItemProcessor")
    if not isinstance(processor, dict):
        raise UnsupportedDefinition(f"{where}: ItemProcessor is missing")
    config = processor.get("ProcessorConfig", {"Mode": "INLINE"})
    if config == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}:
        _distributed(state, where, nested=nested)
    elif config == {"Mode": "INLINE"}:
        for name in sorted(DISTRIBUTED_ONLY & state.keys()):
            raise UnsupportedDefinition(f"{where}: field {name} is not among the verified features of an inline Map")
    else:
        raise UnsupportedDefinition(f"{where}: ProcessorConfig {config} is not among the verified features")
    _states(processor, where, PROCESSOR, nested=True)


def _distributed(state: Mapping[str, Any], where: str, *, nested: bool) -> None:
    if nested:
        raise UnsupportedDefinition(f"{where}: a DISTRIBUTED Map within a Map is not among the verified features")
    if "ItemsPath" in state:
        raise UnsupportedDefinition(f"{where}: field ItemsPath is not among the verified features of a DISTRIBUTED Map")
    wanted_places = {"ItemReader": (READER, {"Bucket", "Key"}), "ResultWriter": (WRITER, {"Bucket", "Prefix"})}
    for field, (wanted, place) in wanted_places.items():
        given = dict(mapping(state.get(field, {}), f"{where}: {field}"))
        parameters = given.pop("Parameters", None)
        if not isinstance(parameters, dict) or given != wanted:
            raise UnsupportedDefinition(f"{where}: {field} must be Parameters and {wanted} to be a verified feature")
        if {name.removesuffix(".$") for name in parameters} != place:
            raise UnsupportedDefinition(f"{where}: {field} needs the parameters {' and '.join(sorted(place))} alone")


def _targets(state: Mapping[str, Any]) -> Iterator[str]:
    for holder in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        for field in ("Next", "Default"):
            if field in holder:
                yield holder[field]


def _reachable(start: str, states: Mapping[str, Any]) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(_targets(states[name]))
    return seen
