"""The faults of the source by their ids: ``fault = "F22"`` stands for what is written here.

The ids are those of the project's catalogue of faults (F01 to F16: a source's bytes, F17 to F30: its catalogue); what
follows a slash is a variant. Each recipe happens to calls that a sync makes in any case, and as late as it must.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.faults import effects
from sandbox.faults.effects import Effect
from sandbox.faults.errors import FaultsError
from sandbox.faults.fields import Fields, did_you_mean
from sandbox.gopro.operations import API_SERVICE, CDN_SERVICE
from sandbox.gopro.tricks import Trick, TrickOrders
from sandbox.wire.orders import Cut, Ending, Orders, Refusal

_CUT_AFTER = 5_000
_SLOW = 2_000.0
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in to GoPro</title></head><body>Please sign in</body></html>"
_MEDIA_PAGE = b"<!DOCTYPE html><html><head><title>GoPro</title></head><body>Something went wrong</body></html>"
_BLOCKED = b"<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>Request blocked.</BODY>"
_OTHER_SHAPE = b'{"page":1,"results":[{"mediaId":"1","name":"GX010001.MP4"}]}'
_ELSEWHERE = {"Location": "https://files.example.com/source/default/1.mp4"}
_TO_LOGIN = {"Location": "https://gopro.com/login"}
_MALFORMED = b'{"_pages":{"current_page":1,'

SHAPES_ONLY = ("F27", "F31", "F32", "F33")
"""Not what happens but what a library holds: ``sandbox/gopro/every_shape.toml`` has all of them."""
_LAST_OF_THE_SOURCE = 30
_LAST = 59


@dataclass(frozen=True, slots=True)
class Step:
    """One effect: at a place, for the calls of an operation (``None``: all), the ``nth`` of them or from one on."""

    place: str
    operation: str | None
    effect: Effect
    nth: frozenset[int] | None = None
    since: int = 1


def _refusal(status: int, headers: dict[str, str] | None = None, body: bytes | None = None) -> Effect:
    return effects.refuse(Refusal(status, "", headers or {}, body))


def _trick(trick: Trick, cut: Cut | None = None) -> Effect:
    orders: Orders = TrickOrders(trick=trick, cut=cut)
    return Effect(trick.value, "by the server's own doing", orders)


def _get(effect: Effect, nth: int | None = 1) -> tuple[Step, ...]:
    return (Step(CDN_SERVICE, "get", effect, None if nth is None else frozenset({nth})),)


def _search(effect: Effect, nth: int | None = None) -> tuple[Step, ...]:
    return (Step(API_SERVICE, "search", effect, None if nth is None else frozenset({nth})),)


def _download(trick: Trick) -> tuple[Step, ...]:
    return (Step(API_SERVICE, "download", _trick(trick), frozenset({1})),)


def _api(effect: Effect, since: int = 1) -> tuple[Step, ...]:
    return (Step(API_SERVICE, None, effect, None, since),)


RECIPES: dict[str, tuple[Step, ...]] = {
    # The first file breaks off: reset, or ended in good order.
    "F01": _get(effects.cut(Ending.RESET, _CUT_AFTER)),
    "F02": _get(effects.cut(Ending.CLOSE, _CUT_AFTER)),
    # Sizes in the listing are 3,245 bytes too large.
    "F03": _search(_trick(Trick.SIZES_TOO_LARGE)),
    # No file tells its length; no file heeds Range; the first one lies about its range, or has none.
    "F04": _get(effects.change_headers({"Content-Length": None}), None),
    "F05": _get(_trick(Trick.NO_RANGES), None),
    "F06": _get(_trick(Trick.OTHER_RANGE)),
    "F07": _get(_refusal(416)),
    "F08": _get(_trick(Trick.LONGER)),
    "F09": _get(effects.change_headers({"ETag": '"00000000000000000000000000000000-1"'}), 2),
    # The connection breaks, and by then the URL has expired.
    "F10": _get(_trick(Trick.EXPIRE, Cut(Ending.RESET, _CUT_AFTER))),
    "F11": _get(_refusal(302, _ELSEWHERE, b"")),
    "F11/login": _search(_refusal(302, _TO_LOGIN, b"")),
    "F12": _get(effects.change_headers({"Content-Encoding": "gzip"})),
    "F13": _get(_refusal(200, _HTML, _MEDIA_PAGE)),
    # Seen by no client, since GoPro gives no checksum: a run must end red, by the sandbox's own comparison.
    "F14": _get(_trick(Trick.CORRUPT)),
    "F15": _get(effects.slow(_SLOW)),
    "F16": _download(Trick.EMPTY),
    "F17": _search(_trick(Trick.NO_SIZES)),
    "F18": _search(_trick(Trick.BARE_ROWS)),
    "F18/id": _search(_trick(Trick.ROW_WITHOUT_ID)),
    "F19": _search(_refusal(200, None, _OTHER_SHAPE)),
    # Refused from the first call on; from the fifth on, which is in the middle of a run.
    "F20": _api(_refusal(200, _HTML, _LOGIN_PAGE)),
    "F20/401": _api(_refusal(401)),
    "F20/403": _api(_refusal(403)),
    "F20/500": _api(_refusal(500)),
    "F21": _api(_refusal(401), since=5),
    "F21/500": _api(_refusal(500), since=5),
    "F22": _search(_refusal(429, {"Retry-After": "1"}), 1),
    "F22/date": _search(_trick(Trick.THROTTLE_UNTIL), 1),
    # Down, then empty, then broken off; then as ever.
    "F23": (
        *_search(_refusal(503), 1),
        *_search(_refusal(200, None, b""), 2),
        *_search(_refusal(200, None, _MALFORMED), 3),
    ),
    "F23/waf": _search(_refusal(403, _HTML, _BLOCKED), 1),
    "F24": _search(_trick(Trick.DELETION), 2),
    "F24/upload": _search(_trick(Trick.UPLOAD), 2),
    "F25": _search(_trick(Trick.WRONG_TOTALS)),
    "F26": _search(_trick(Trick.REPEATED_ROWS)),
    "F28": _download(Trick.UNFINISHED),
    "F29": _download(Trick.VANISH),
    "F30": (Step(CDN_SERVICE, "get", _trick(Trick.EDIT), frozenset({2})),),
}  # fmt: skip


def steps_of(fields: Fields, name: str) -> tuple[Step, ...]:
    """Return what an id stands for; ``FaultsError`` for one that is none, or not the source's."""
    if name in RECIPES:
        return RECIPES[name]
    raise _not_a_recipe(fields, name)


def _not_a_recipe(fields: Fields, name: str) -> FaultsError:
    number = int(name[1:]) if name[:1] == "F" and name[1:].isascii() and name[1:].isdigit() else 0
    if name in SHAPES_ONLY:
        return fields.wrong(
            "fault", f"{name!r} is a shape and does not happen: give --library sandbox/gopro/every_shape.toml"
        )
    if _LAST_OF_THE_SOURCE < number <= _LAST:
        return fields.wrong("fault", f"{name!r} is not the source's: write it out, with at and an effect of its own")
    return fields.wrong("fault", f"cannot be {name!r}; {did_you_mean(name, tuple(RECIPES))}")
