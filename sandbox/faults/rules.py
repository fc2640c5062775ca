"""One fault of a file: which calls it is about, which of them it happens to, and what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandbox.faults.effects import EFFECT_KEYS, Effect, read_effect
from sandbox.faults.fields import Fields, did_you_mean
from sandbox.faults.recipes import steps_of
from sandbox.faults.services import ANY, FUNCTIONS, KMS, PLACES, operations
from sandbox.wire.calls import Call

_WHICH_KEYS = ("nth", "times", "since")
_KEYS = ("at", "operation", "resource", "function", *_WHICH_KEYS, "chance", *EFFECT_KEYS)
_KEYS_WITH_ID = ("fault", "resource", "function", *_WHICH_KEYS, "chance")
_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault. ``None`` in a selector means every; ``resource`` and ``function`` are globs in which ``*`` spans all.

    It happens to the ``nth`` of the calls that match (counted from 1), or to the first ``times``, or from one on
    (``since``), or to every one; each time with probability ``chance``. ``recipe`` is the id that it is part of.
    """

    number: int
    place: str
    effect: Effect
    operation: str | None = None
    resource: str | None = None
    function: str | None = None
    nth: frozenset[int] | None = None
    times: int | None = None
    chance: float = 1.0
    since: int = 1
    recipe: str = ""

    def matches(self, call: Call) -> bool:
        """Whether the fault is about this call; a kill is about functions' calls only."""
        return (
            (call.service == self.place or (self.place == ANY and call.service not in (KMS, FUNCTIONS)))
            and self.operation in (None, call.operation)
            and (self.resource is None or fnmatchcase(call.resource, self.resource))
            and self._is_about(call.caller.function if call.caller else None)
        )

    def is_due(self, count: int) -> bool:
        """Whether it happens to the ``count``-th call that matches, ``chance`` aside."""
        if self.nth is not None:
            return count in self.nth
        return count >= self.since and (self.times is None or count <= self.times)

    def _is_about(self, function: str | None) -> bool:
        if function is None:
            return self.function is None and self.effect.orders.kill is None
        return self.function is None or fnmatchcase(function, self.function)

    def __str__(self) -> str:
        about = [self.place, self.operation, self.resource, self.function and f"called by {self.function}"]
        recipe = f"{self.recipe}, " if self.recipe else ""
        return f"fault {self.number} ({recipe}{self.effect.kind} at {' '.join(word for word in about if word)})"


def read_rules(number: int, table: dict[str, object], functions: Sequence[str]) -> list[Rule]:
    """Read one ``[[fault]]`` table; ``FaultsError`` for anything wrong in it. An id may stand for several rules.

    ``functions`` are the names that ``function`` may match; none given, every name is taken.
    """
    fields = Fields(number, table)
    if "fault" in fields:
        return _rules_of_id(fields, table, functions)
    _check_keys(fields, table, _KEYS)
    place = fields.choice("at", PLACES)
    _check_which(fields)
    return [
        Rule(
            number,
            place,
            read_effect(fields, place),
            _operation(fields, place),
            _resource(fields, place),
            _function(fields, functions),
            *_which(fields),
            fields.number_above_zero("chance", 1) or 1.0,
            fields.whole("since", 1, _MOST) or 1,
        )
    ]


def _rules_of_id(fields: Fields, table: dict[str, object], functions: Sequence[str]) -> list[Rule]:
    """Return the steps behind an id, with the selectors that the table narrows or moves them by."""
    _check_keys(fields, table, _KEYS_WITH_ID)
    _check_which(fields)
    name = fields.text("fault") or ""
    steps = steps_of(fields, name)
    moved = fields.given(_WHICH_KEYS)
    if moved and len(steps) > 1:
        raise fields.wrong(moved[0], f"has no sense with {name!r}, which says itself what happens when")
    chance, resource = fields.number_above_zero("chance", 1) or 1.0, fields.text("resource")
    function = _function(fields, functions)
    rules = []
    for step in steps:
        nth, times = _which(fields) if moved else (step.nth, None)
        since = (fields.whole("since", 1, _MOST) or 1) if moved else step.since
        rule = Rule(
            fields.number, step.place, step.effect, step.operation, resource, function, nth, times, chance, since, name
        )
        rules.append(rule)
    return rules


def _check_keys(fields: Fields, table: dict[str, object], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise fields.wrong(f"key {key!r}", f"is not known; {did_you_mean(key, known)}")


def _check_which(fields: Fields) -> None:
    given = fields.given(_WHICH_KEYS)
    if len(given) > 1:
        raise fields.wrong(given[0], f"and {given[1]} contradict each other: give one of them")


def _which(fields: Fields) -> tuple[frozenset[int] | None, int | None]:
    return fields.wholes("nth", 1, _MOST), fields.whole("times", 1, _MOST)


def _operation(fields: Fields, place: str) -> str | None:
    if "operation" not in fields:
        return None
    if place in (ANY, FUNCTIONS):
        raise fields.wrong("operation", f"has no sense with at = {place!r}")
    return fields.choice("operation", operations(place))


def _resource(fields: Fields, place: str) -> str | None:
    if place == FUNCTIONS and "resource" in fields:
        raise fields.wrong("resource", f"has no sense with at = {FUNCTIONS!r}: use function")
    return fields.text("resource")


def _function(fields: Fields, functions: Sequence[str]) -> str | None:
    pattern = fields.text("function")
    if pattern is not None and functions and not any(fnmatchcase(name, pattern) for name in functions):
        raise fields.wrong("function", f"{pattern!r} is none of the functions; {did_you_mean(pattern, functions)}")
    return pattern
