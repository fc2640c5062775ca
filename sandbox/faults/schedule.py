"""The random schedule behind ``--seed``: which faults happen is a pure function of the seed and the calls.

The decision about a call depends on the seed, its service, operation and resource and on how many such calls came
before, never on what other threads do meanwhile. Only the bounds in all (``rates.MOST_IN_ALL``,
``rates.COSTLY_PER_FUNCTION``) depend on who comes first; ``bounded`` tells that one of them has held a fault back, so
that a replay may differ there.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.faults import effects
from sandbox.faults.effects import Effect
from sandbox.faults.rates import (
    COSTLY_PER_FUNCTION,
    KILL_CHANCE,
    LATEST_CUT,
    MOST_IN_ALL,
    MOST_PER_KEY,
    RATES,
    RETRY_AFTER_SECONDS,
    STALL_SECONDS,
    Rate,
)
from sandbox.faults.services import FUNCTIONS, KMS
from sandbox.wire.calls import Call
from sandbox.wire.function_faults import FunctionFaultKind
from sandbox.wire.orders import Ending, Kill, Refusal

Key = tuple[str, str, str]
"""Service, operation, resource."""

_VOLATILE = re.compile(
    r"\d{8}T\d{6}Z-[^/:]+"  # a run's id: the time of its start and the execution's name
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a uuid
)
_KILLS = tuple(Kill)


def key_of(call: Call) -> Key:
    """Return what a call has in common with its like in a replay: names made anew for each run count as the same."""
    return call.service, call.operation, _VOLATILE.sub("*", call.resource)


def draw(seed: int, key: Key, nth: int, what: str) -> float:
    """Return a number from 0 up to 1 that depends on nothing but the arguments."""
    text = "\n".join((str(seed), *key, str(nth), what))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / 2**56


@dataclass(frozen=True, slots=True)
class _Chosen:
    effect: Effect
    costly: bool


class RandomSchedule:
    """Decides for one run; not thread-safe, whoever holds it locks. Calls of a key must be counted without gaps."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._per_key: Counter[Key] = Counter()
        self._costly: Counter[str] = Counter()
        self._in_all = 0
        self.bounded = False

    def decide(self, call: Call, key: Key, nth: int, function: str) -> Effect | None:
        """Return what happens to this call, the ``nth`` (from 1) of its key, made by or about ``function``."""
        chosen = choose(self._seed, key, nth)
        if chosen is None or self._per_key[key] >= MOST_PER_KEY.get(call.service, 1):
            return None
        self._per_key[key] += 1
        if self._in_all >= MOST_IN_ALL or (chosen.costly and self._costly[function] >= COSTLY_PER_FUNCTION):
            self.bounded = True
            return None
        self._in_all += 1
        self._costly[function] += chosen.costly
        return chosen.effect


def choose(seed: int, key: Key, nth: int) -> _Chosen | None:
    """Draw for one call, bounds aside."""
    service, operation, _ = key
    if service == KMS:
        return None
    left = draw(seed, key, nth, "what")
    if service != FUNCTIONS:
        if left < KILL_CHANCE:
            which = int(draw(seed, key, nth, "moment") * len(_KILLS))
            return _Chosen(effects.kill(_KILLS[which]), costly=True)
        left -= KILL_CHANCE
    for rate in _rates(service, operation):
        if left < rate.chance:
            after = int(draw(seed, key, nth, "after") * LATEST_CUT)
            return _Chosen(_EFFECTS[rate.kind](rate, after), rate.costly)
        left -= rate.chance
    return None


def _rates(service: str, operation: str) -> Iterable[Rate]:
    return (rate for rate in RATES if rate.service == service and (not rate.operations or operation in rate.operations))


def _refusal(rate: Rate, _after: int) -> Effect:
    later = {"Retry-After": str(RETRY_AFTER_SECONDS)} if rate.status in (429, 503) else {}
    return effects.refuse(Refusal(rate.status, rate.code, later))


_EFFECTS: dict[str, Callable[[Rate, int], Effect]] = {
    "refusal": _refusal,
    "reset": lambda _, after: effects.cut(Ending.RESET, after),
    "truncation": lambda _, after: effects.cut(Ending.CLOSE, after),
    "stall": lambda _, after: effects.cut(Ending.STALL, after, STALL_SECONDS),
    "upload reset": lambda _, after: effects.reset_upload(after),
    "lost answer": lambda *_: effects.lose(),
    "duplicate": lambda *_: effects.duplicate(),
    "throttle": lambda *_: effects.end_invocation(FunctionFaultKind.THROTTLE),
}
