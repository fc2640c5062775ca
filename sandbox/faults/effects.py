"""What a fault does: one effect for each, worded once for records and once as orders for the servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.faults.fields import Fields
from sandbox.faults.services import BODILESS, FUNCTIONS, KMS
from sandbox.wire.function_faults import FunctionFault, FunctionFaultKind
from sandbox.wire.orders import UNDISTURBED, Cut, Ending, Kill, Orders, Refusal

LONGEST_SECONDS = 900
"""No function runs longer, so that nothing longer can be told from it."""
MOST_BYTES = 5 * 1024**4
"""The largest object of S3."""


@dataclass(frozen=True, slots=True)
class Effect:
    """``kind`` is the word that summaries count by, ``moment`` when within the call it happens.

    A fault of a server has ``orders``, one of an invocation ``function_fault``.
    """

    kind: str
    moment: str
    orders: Orders = UNDISTURBED
    function_fault: FunctionFault | None = None


def refuse(refusal: Refusal, *, after_effect: bool = False) -> Effect:
    """An answer in place of the server's own, with the work done before or not at all."""
    moment = "in place of the answer, carried out" if after_effect else "in place of the answer, nothing done"
    return Effect(f"status {refusal.status}", moment, Orders(carried_out=int(after_effect), refusal=refusal))


def lose() -> Effect:
    """Carried out, and the connection torn down in place of the answer."""
    return Effect("lost answer", "in place of the answer, carried out", Orders(lost=True))


def cut(ending: Ending, after: int, seconds: float = 0.0) -> Effect:
    """The answer's body ends early, or stalls."""
    kind = {Ending.RESET: "reset", Ending.CLOSE: "truncation", Ending.STALL: "stall"}[ending]
    return Effect(kind, f"after {after} bytes of the answer", Orders(cut=Cut(ending, after, seconds)))


def change_headers(edits: dict[str, str | None]) -> Effect:
    """Headers of the answer are others, or missing."""
    return Effect("wrong headers", "in the answer's head", Orders(headers=edits))


def duplicate() -> Effect:
    """The request is carried out twice."""
    return Effect("duplicate", "carried out twice", Orders(carried_out=2))


def slow(rate: float) -> Effect:
    """The answer's body trickles."""
    return Effect("slow body", f"at {rate:g} bytes per second", Orders(rate=rate))


def delay(seconds: float) -> Effect:
    """The answer comes late."""
    return Effect("delay", f"{seconds:g} s before the answer", Orders(delay=seconds))


def reset_upload(after: int) -> Effect:
    """The connection is torn down while the request's body comes in; nothing is done."""
    return Effect("upload reset", f"after {after} bytes of the request", Orders(upload_cut=after))


def kill(moment: Kill) -> Effect:
    """The calling function's process is killed."""
    words = {
        Kill.REQUEST: "at the request, nothing done",
        Kill.BEFORE_ANSWER: "before the answer, carried out",
        Kill.AFTER_ANSWER: "after the answer",
    }
    return Effect("kill", words[moment], Orders(kill=moment))


def end_invocation(kind: FunctionFaultKind, after: float = 0.0) -> Effect:
    """The invocation ends as Lambda ends one."""
    moment = "before it begins" if kind is FunctionFaultKind.THROTTLE else f"{after:g} s after it began"
    return Effect(kind.value, moment, function_fault=FunctionFault(kind, after))


def _read_status(fields: Fields) -> Effect:
    status = fields.whole("status", 200, 599)
    body = fields.text("body")
    refusal = Refusal(
        status or 0, fields.text("code") or "", fields.headers("headers"), None if body is None else body.encode()
    )
    return refuse(refusal, after_effect=fields.flag("after_effect"))


def _read_headers(fields: Fields) -> Effect:
    edits: dict[str, str | None] = {name: value or None for name, value in fields.headers("headers").items()}
    edits |= dict.fromkeys(fields.texts("remove"))
    if not edits:
        raise fields.wrong("headers", "must set at least one header, or remove must name one")
    return change_headers(edits)


def _read_stall(fields: Fields) -> Effect:
    seconds = fields.number_above_zero("seconds", LONGEST_SECONDS)
    if seconds is None:
        raise fields.wrong("seconds", "is missing: say how long stall_after lasts")
    return cut(Ending.STALL, _bytes(fields, "stall_after"), seconds)


def _read_invocation(fields: Fields) -> Effect:
    kind = FunctionFaultKind(fields.choice("effect", [kind.value for kind in FunctionFaultKind]))
    if kind is FunctionFaultKind.THROTTLE and "after" in fields:
        raise fields.wrong("after", "has no sense with a throttle: the invocation does not begin")
    return end_invocation(kind, fields.number_above_zero("after", LONGEST_SECONDS) or 0.0)


def _read_lose(fields: Fields) -> Effect:
    fields.flag("lose")
    return lose()


def _read_duplicate(fields: Fields) -> Effect:
    fields.flag("duplicate")
    return duplicate()


def _bytes(fields: Fields, key: str) -> int:
    return fields.whole(key, 0, MOST_BYTES) or 0


_READERS: dict[str, tuple[Callable[[Fields], Effect], frozenset[str]]] = {
    "status": (_read_status, frozenset({"code", "headers", "body", "after_effect"})),
    "lose": (_read_lose, frozenset()),
    "reset_after": (lambda fields: cut(Ending.RESET, _bytes(fields, "reset_after")), frozenset()),
    "truncate_after": (lambda fields: cut(Ending.CLOSE, _bytes(fields, "truncate_after")), frozenset()),
    "stall_after": (_read_stall, frozenset({"seconds"})),
    "duplicate": (_read_duplicate, frozenset()),
    "bytes_per_second": (lambda fields: slow(fields.number_above_zero("bytes_per_second", 1e12) or 1.0), frozenset()),
    "delay": (lambda fields: delay(fields.number_above_zero("delay", LONGEST_SECONDS) or 0.0), frozenset()),
    "upload_reset_after": (lambda fields: reset_upload(_bytes(fields, "upload_reset_after")), frozenset()),
    "kill": (lambda fields: kill(Kill(fields.choice("kill", [moment.value for moment in Kill]))), frozenset()),
    "effect": (_read_invocation, frozenset({"after"})),
    "headers": (_read_headers, frozenset({"remove"})),
    "remove": (_read_headers, frozenset({"headers"})),
}
"""From the key that names an effect to its reader and the keys that go with it."""

EFFECT_KEYS = (*_READERS, "code", "body", "after_effect", "seconds", "after")


def read_effect(fields: Fields, place: str) -> Effect:
    """Return the one effect of a fault at ``place``; ``FaultsError`` for none, several, or one impossible there."""
    given = fields.given(list(_READERS))
    if not given:
        raise fields.wrong("has no effect;", f"give it one of: {', '.join(_READERS)}")
    reader, companions = _READERS[given[0]]
    for key in fields.given(EFFECT_KEYS):
        if key != given[0] and key not in companions:
            raise fields.wrong(key, f"does not go with {given[0]}: a fault has one effect, write a second fault")
    _check_place(fields, given[0], place)
    return reader(fields)


def _check_place(fields: Fields, key: str, place: str) -> None:
    if (key == "effect") != (place == FUNCTIONS):
        raise fields.wrong(key, f"cannot happen at {place!r}: effect is for at = {FUNCTIONS!r}, the others are not")
    if place == KMS and key != "status":
        raise fields.wrong(key, f"cannot happen at {KMS!r}, which S3 calls by itself: only status can")
    if place in BODILESS and key == "upload_reset_after":
        raise fields.wrong(key, f"cannot happen at {place!r}: its requests have no body")
