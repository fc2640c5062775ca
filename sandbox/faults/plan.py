"""The plan that servers and the functions' host ask: the faults of a file, or a random schedule, and their record."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from sandbox.faults.effects import Effect
from sandbox.faults.record import SEED, Record
from sandbox.faults.rules import Rule
from sandbox.faults.schedule import Key, RandomSchedule, draw, key_of
from sandbox.faults.services import FUNCTIONS
from sandbox.wire.calls import Call, Caller
from sandbox.wire.function_faults import FunctionFault
from sandbox.wire.orders import UNDISTURBED, Orders

_Decision = tuple[int | None, Effect]
"""The rule's place, ``None`` for the schedule, and what happens."""


class Faults:
    """Decides about every call once; thread-safe. Of several faults that would happen the first one does.

    Every rule counts all the calls that match it, whichever rule then happens. Calls of anybody but a function are left
    alone and not counted, unless ``everyone`` is set: the sandbox itself also calls its servers, and is not under test.
    ``seed`` is what the rules' chances are drawn from; a ``schedule`` is asked after them.
    """

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        schedule: RandomSchedule | None = None,
        *,
        seed: int = 0,
        everyone: bool = False,
    ) -> None:
        self.record = Record()
        self._rules = tuple(rules)
        self._schedule = schedule
        self._seed = seed
        self._everyone = everyone
        self._lock = threading.Lock()
        self._calls: Counter[Key] = Counter()
        self._matches: Counter[int] = Counter()
        self._happened: set[int] = set()

    def plan(self, call: Call) -> Orders:
        """Return the orders for a call that has arrived; a ``sandbox.wire.orders.Plan``."""
        if call.caller is None and not self._everyone:
            return UNDISTURBED
        effect, note = self._ask(call)
        return UNDISTURBED if effect is None else replace(effect.orders, took_effect=note)

    def function_plan(self, function: str) -> FunctionFault | None:
        """Return what befalls this invocation; ``function`` is the handler's folder, as in ``Caller``."""
        effect, note = self._ask(Call(FUNCTIONS, "Invoke", function, Caller(function, 0)))
        if effect is None:
            return None
        note()  # the host has no choice
        return effect.function_fault

    def never_happened(self) -> tuple[str, ...]:
        """Return those faults of the file that have happened to no call so far, in words, in the file's order."""
        with self._lock:
            return tuple(str(rule) for place, rule in enumerate(self._rules) if place not in self._happened)

    @property
    def bounded(self) -> bool:
        """Whether a bound of the random schedule has held a fault back: a replay may then differ."""
        with self._lock:
            return self._schedule is not None and self._schedule.bounded

    def _ask(self, call: Call) -> tuple[Effect | None, Callable[[], None]]:
        key = key_of(call)
        with self._lock:
            self._calls[key] += 1
            nth = self._calls[key]
            decisions = list(self._decisions(call, key, nth))
            if not decisions:
                return None, _nothing
            place, effect = decisions[0]
            if place is not None:
                self._happened.add(place)
        fault = SEED if place is None else self._rules[place].number
        number = self.record.order(fault, effect, call, nth)
        return effect, partial(self.record.took_effect, number)

    def _decisions(self, call: Call, key: Key, nth: int) -> Iterator[_Decision]:
        """Yield everything that would happen; all of it is counted, since the caller asks for all of it."""
        for place, rule in enumerate(self._rules):
            if not rule.matches(call):
                continue
            self._matches[place] += 1
            if rule.is_due(self._matches[place]) and self._is_drawn(rule, key, nth):
                yield place, rule.effect
        function = call.caller.function if call.caller else ""
        if self._schedule is not None and (drawn := self._schedule.decide(call, key, nth, function)):
            yield None, drawn

    def _is_drawn(self, rule: Rule, key: Key, nth: int) -> bool:
        return rule.chance >= 1 or draw(self._seed, key, nth, f"fault {rule.number}") < rule.chance


def _nothing() -> None:
    """No order was given."""
