"""What was done to whom: the record that goes beside a run's results."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass

from sandbox.faults.effects import Effect
from sandbox.wire.calls import Call

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Fired:
    """One fault that a server or the functions' host was ordered to do.

    ``number`` counts from 1 in the order of the orders. ``fault`` is the fault's number in the file, or ``seed``.
    ``nth`` tells which of the calls of this service, operation and resource it was. ``took_effect`` is false for
    orders that made no difference, such as a cut behind the end of a body.
    """

    number: int
    fault: int | str
    kind: str
    moment: str
    service: str
    operation: str
    resource: str
    function: str | None
    nth: int
    took_effect: bool


class Record:
    """Grows while the plan is asked; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fired: list[tuple[int | str, Effect, Call, int]] = []
        self._effective: set[int] = set()

    def order(self, fault: int | str, effect: Effect, call: Call, nth: int) -> int:
        """Note an order that is about to be given; return its number."""
        with self._lock:
            self._fired.append((fault, effect, call, nth))
            return len(self._fired)

    def took_effect(self, number: int) -> None:
        """Note that the order has made a difference; idempotent."""
        with self._lock:
            self._effective.add(number)

    @property
    def fired(self) -> tuple[Fired, ...]:
        """Every order given so far, in their order."""
        with self._lock:
            orders, effective = list(self._fired), set(self._effective)
        return tuple(
            Fired(
                number,
                fault,
                effect.kind,
                effect.moment,
                call.service,
                call.operation,
                call.resource,
                call.caller.function if call.caller else None,
                nth,
                number in effective,
            )
            for number, (fault, effect, call, nth) in enumerate(orders, start=1)
        )

    def summary(self) -> str:
        """Return a run's line: ``faults injected: 17 (3 x kill, 14 x status 503), 2 without effect``."""
        fired = self.fired
        kinds = Counter(one.kind for one in fired if one.took_effect)
        idle = len(fired) - kinds.total()
        words = ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items()))
        line = f"faults injected: {kinds.total()}" + (f" ({words})" if words else "")
        return line + (f", {idle} without effect" if idle else "")

    def as_json(self) -> list[dict[str, object]]:
        """Return the record as JSON: one object for each order, with the fields of ``Fired``."""
        return [asdict(one) for one in self.fired]
