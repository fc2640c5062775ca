"""The gate before the engine: a definition uses verified features only, or is refused before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.aws.stepfunctions.choice import IS_PRESENT, OPERATORS
from sandbox.aws.stepfunctions.errors import TERMINAL
from sandbox.aws.stepfunctions.paths import NotAReferencePath, parse

_COMMON = frozenset({"Type", "Comment"})
_FLOW = frozenset({"Next", "End"})
_PATHS = frozenset({"InputPath", "OutputPath"})
_WORK = frozenset({"ResultSelector", "ResultPath", "Retry", "Catch"})

FIELDS: Mapping[str, frozenset[str]] = {
    "Pass": _COMMON | _FLOW | _PATHS | {"Parameters", "Result", "ResultPath"},
    "Task": _COMMON | _FLOW | _PATHS | _WORK | {"Resource", "Parameters", "TimeoutSeconds"},
    "Choice": _COMMON | _PATHS | {"Choices", "Default"},
    "Succeed": _COMMON | _PATHS,
    "Fail": _COMMON | {"Error", "Cause", "ErrorPath", "CausePath"},
    "Map": _COMMON | _FLOW | _PATHS | _WORK
    | {"ItemProcessor", "ItemSelector", "ItemsPath", "MaxConcurrency", "MaxConcurrencyPath"}
    | {"Label", "ItemReader", "ResultWriter"}
    | {"ToleratedFailureCount", "ToleratedFailureCountPath"}
    | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"},
}  # fmt: skip
"""Every field that the engine's own tests cover, by state type."""

_DISTRIBUTED_ONLY = frozenset(name for name in FIELDS["Map"] if name.startswith("Tolerated")) | {
    "Label",
    "ItemReader",
    "ResultWriter",
}
_RETRIER = frozenset({
    "ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy", "Comment",
})  # fmt: skip
_CATCHER = frozenset({"ErrorEquals", "ResultPath", "Next", "Comment"})
_RULE = frozenset({"Variable", "Next", IS_PRESENT, "Comment", *OPERATORS})
_MACHINE = frozenset({"Comment", "StartAt", "States"})
_PROCESSOR = _MACHINE | {"ProcessorConfig"}
_RESOURCE = "arn:aws:states:::lambda:invoke"
_READER = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}
_WRITER = {"Resource": "arn:aws:states:::s3:putObject"}
_UNRESOLVED = re.compile(r"\$\{[^}]*\}")


class UnsupportedDefinition(ValueError):
    """The definition is broken or uses something that the engine is not verified for; one line, names the state."""


def admit(definition: Mapping[str, Any]) -> None:
    """Return if the whole definition, children included, is within the verified features; else raise."""
    _only(definition, _MACHINE, "the state machine")
    _states(definition, "the state machine", nested=False)


def _states(scope: Mapping[str, Any], where: str, *, nested: bool) -> None:
    states = scope.get("States")
    if not isinstance(states, dict) or not states:
        raise UnsupportedDefinition(f"{where}: States is missing or empty")
    if scope.get("StartAt") not in states:
        raise UnsupportedDefinition(f"{where}: StartAt names no state: {scope.get('StartAt')!r}")
    for name, state in states.items():
        _state(name, state, states, nested=nested)
    unreachable = states.keys() - _reachable(scope["StartAt"], states)
    if unreachable:
        raise UnsupportedDefinition(f"state '{min(unreachable)}': nothing leads to it")


def _state(name: str, state: Mapping[str, Any], siblings: Mapping[str, Any], *, nested: bool) -> None:
    where = f"state '{name}'"
    kind = str(state.get("Type"))
    if kind not in FIELDS:
        raise UnsupportedDefinition(f"{where}: type {kind} is not among the verified features")
    _only(state, FIELDS[kind], where)
    _texts(state, where)
    _flow(state, siblings, where)
    for retrier in state.get("Retry", ()):
        _only(retrier, _RETRIER, where)
        _errors(retrier, where)
    for catcher in state.get("Catch", ()):
        _only(catcher, _CATCHER, where)
        _errors(catcher, where)
    if kind == "Task" and state.get("Resource") != _RESOURCE:
        raise UnsupportedDefinition(f"{where}: resource {state.get('Resource')} is not among the verified features")
    if kind == "Map":
        _map(state, where, nested=nested)


def _flow(state: Mapping[str, Any], siblings: Mapping[str, Any], where: str) -> None:
    kind = state["Type"]
    if kind == "Choice":
        if not state.get("Choices"):
            raise UnsupportedDefinition(f"{where}: a Choice needs Choices")
        for rule in state["Choices"]:
            _rule(rule, where)
    elif kind in ("Pass", "Task", "Map") and ("Next" in state) == (state.get("End") is True):
        raise UnsupportedDefinition(f"{where}: needs either Next or End")
    for target in _targets(state):
        if target not in siblings:
            raise UnsupportedDefinition(f"{where}: leads to '{target}', which is no state beside it")


def _rule(rule: Mapping[str, Any], where: str) -> None:
    _only(rule, _RULE, where)
    if "Variable" not in rule or "Next" not in rule or not rule.keys() & {IS_PRESENT, *OPERATORS}:
        raise UnsupportedDefinition(f"{where}: a rule needs Variable, one comparison and Next")
    if len(rule.keys() & {IS_PRESENT, *OPERATORS}) > 1:
        raise UnsupportedDefinition(f"{where}: a rule may have one comparison only")


def _errors(handler: Mapping[str, Any], where: str) -> None:
    for error in handler.get("ErrorEquals", ()):
        if error in TERMINAL:
            raise UnsupportedDefinition(f"{where}: ErrorEquals {error} is not among the verified features")
    if not handler.get("ErrorEquals"):
        raise UnsupportedDefinition(f"{where}: ErrorEquals is missing or empty")
    if handler.get("JitterStrategy", "FULL") not in ("FULL", "NONE"):
        raise UnsupportedDefinition(f"{where}: JitterStrategy must be FULL or NONE")


def _map(state: Mapping[str, Any], where: str, *, nested: bool) -> None:
    processor = state.get("ItemProcessor")
    if not isinstance(processor, dict):
        raise UnsupportedDefinition(f"{where}: ItemProcessor is missing")
    _only(processor, _PROCESSOR, where)
    config = processor.get("ProcessorConfig", {"Mode": "INLINE"})
    if config == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}:
        _distributed(state, where, nested=nested)
    elif config == {"Mode": "INLINE"}:
        for name in sorted(_DISTRIBUTED_ONLY & state.keys()):
            raise UnsupportedDefinition(f"{where}: field {name} is not among the verified features of an inline Map")
    else:
        raise UnsupportedDefinition(f"{where}: ProcessorConfig {config} is not among the verified features")
    _states(processor, where, nested=True)


def _distributed(state: Mapping[str, Any], where: str, *, nested: bool) -> None:
    if nested:
        raise UnsupportedDefinition(f"{where}: a DISTRIBUTED Map within a Map is not among the verified features")
    if "ItemsPath" in state:
        raise UnsupportedDefinition(f"{where}: field ItemsPath is not among the verified features of a DISTRIBUTED Map")
    for field, wanted in (("ItemReader", _READER), ("ResultWriter", _WRITER)):
        given = dict(state.get(field, {}))
        if not isinstance(given.pop("Parameters", None), dict) or given != wanted:
            raise UnsupportedDefinition(f"{where}: {field} must be Parameters and {wanted} to be a verified feature")


def _texts(value: Any, where: str, field: str = "") -> None:
    """Refuse unresolved substitutions, intrinsics and path expressions, wherever they are in a state."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key not in ("ItemProcessor", "Comment"):
                _texts(member, where, key)
    elif isinstance(value, list):
        for member in value:
            _texts(member, where, field)
    elif isinstance(value, str):
        _text(value, where, field)


def _text(value: str, where: str, field: str) -> None:
    if _UNRESOLVED.search(value):
        raise UnsupportedDefinition(f"{where}: {value} was not substituted")
    if field.endswith((".$", "Path")) or field == "Variable":
        try:
            parse(value)
        except NotAReferencePath as error:
            raise UnsupportedDefinition(f"{where}: field {field}: {error}") from None


def _only(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for field in sorted(given.keys() - known):
        raise UnsupportedDefinition(f"{where}: field {field} is not among the verified features")


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
