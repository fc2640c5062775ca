"""One fault of a file: which calls it is about, which of them it happens to, and what happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandbox.faults.effects import EFFECT_KEYS, Effect, read_effect
from sandbox.faults.fields import Fields, did_you_mean
from sandbox.faults.services import ANY, FUNCTIONS, KMS, PLACES, operations
from sandbox.wire.calls import Call

_KEYS = ("at", "operation", "resource", "function", "nth", "times", "chance", *EFFECT_KEYS)
_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault. ``None`` in a selector means every; ``resource`` and ``function`` are globs in which ``*`` spans all.

    It happens to the ``nth`` of the calls that match (counted from 1), or to the first ``times``, or to every one;
    each time with probability ``chance``.
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
        return self.times is None or count <= self.times

    def _is_about(self, function: str | None) -> bool:
        if function is None:
            return self.function is None and self.effect.orders.kill is None
        return self.function is None or fnmatchcase(function, self.function)

    def __str__(self) -> str:
        about = [self.place, self.operation, self.resource, self.function and f"called by {self.function}"]
        return f"fault {self.number} ({self.effect.kind} at {' '.join(word for word in about if word)})"


def read_rule(number: int, table: dict[str, object], functions: Sequence[str]) -> Rule:
    """Read one ``[[fault]]`` table; ``FaultsError`` for anything wrong in it.

    ``functions`` are the names that ``function`` may match; none given, every name is taken.
    """
    fields = Fields(number, table)
    for key in table:
        if key not in _KEYS:
            raise fields.wrong(f"key {key!r}", f"is not known; {did_you_mean(key, _KEYS)}")
    place = fields.choice("at", PLACES)
    if "nth" in fields and "times" in fields:
        raise fields.wrong("nth", "and times contradict each other: give one of them")
    return Rule(
        number,
        place,
        read_effect(fields, place),
        _operation(fields, place),
        _resource(fields, place),
        _function(fields, functions),
        fields.wholes("nth", 1, _MOST),
        fields.whole("times", 1, _MOST),
        fields.number_above_zero("chance", 1) or 1.0,
    )


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
