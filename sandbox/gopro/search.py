"""``/media/search``: filters, order and pages of the listing."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping

from sandbox.gopro.library import Library, SimMedium
from sandbox.gopro.messages import Response, json_response
from sandbox.gopro.rows import project

_Question = tuple[str, str, str]
"""Order, types and states, as asked."""

_MOST_KEPT = 8

DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 200
"""More is capped without a word, as at GoPro."""

_ORDERS = ("captured_at", "created_at")
_KNOWN_STATES = frozenset(
    {
        "registered",
        "rendering",
        "pretranscoding",
        "transcoding",
        "stabilizing",
        "uploading",
        "failure",
        "ready",
        "unknown",
    }
)


class Searches:
    """Answers searches of one library. What is found for one order and one set of filters is sorted once and kept."""

    def __init__(self, library: Library, row: Callable[[SimMedium], Mapping[str, object]]) -> None:
        self._library = library
        self._row = row
        self._found: dict[_Question, array[int]] = {}
        self._lock = threading.Lock()

    def answer(self, query: Mapping[str, str]) -> Response:
        """Answer a search: newest first, 30 to a page unless asked otherwise, page numbers from 1.

        An empty filter filters nothing: clients send such (``type=``). Without ``processing_states`` everything is
        shown; what GoPro does then is not known.
        """
        asked = asked_page(query)
        order = query.get("order_by") or _ORDERS[0]
        if isinstance(asked, Response):
            return asked
        if order not in _ORDERS:
            return _senseless()
        page, per_page = asked
        found = self._positions((order, query.get("type") or "", query.get("processing_states") or ""))
        shown = (self._library.at(position) for position in found[(page - 1) * per_page : page * per_page])
        rows = [project(self._row(medium), query.get("fields") or None) for medium in shown]
        document = {"_pages": pages(page, per_page, len(found)), "_embedded": {"media": rows, "errors": []}}
        return json_response(200, document)

    def _positions(self, question: _Question) -> array[int]:
        with self._lock:
            if question not in self._found:
                if len(self._found) >= _MOST_KEPT:
                    self._found.pop(next(iter(self._found)))
                self._found[question] = self._search(*question)
            return self._found[question]

    def _search(self, order: str, types: str, states: str) -> array[int]:
        """Return the places in the library of what is found, in their order: a few bytes for each medium."""
        keys = [
            (_date(medium, order), medium.media_id, position)
            for position, medium in enumerate(self._library)
            if medium.listed and _among(medium.type, types) and _among(_state(medium), states)
        ]
        keys.sort(reverse=True)
        return array("L", (position for _, _, position in keys))


def asked_page(query: Mapping[str, str]) -> tuple[int, int] | Response:
    """Return page and rows per page, capped; the refusal of page 0 is a 500 (seen at GoPro), else a 400."""
    page, per_page = _number(query, "page", 1), _number(query, "per_page", DEFAULT_PER_PAGE)
    if page == 0:
        return json_response(500, {"error": "internal_server_error"})
    if page is None or per_page is None or per_page < 1:
        return _senseless()
    return page, min(per_page, MAX_PER_PAGE)


def _senseless() -> Response:
    return json_response(400, {"error": "invalid_request"})


def pages(page: int, per_page: int, total: int) -> dict[str, int]:
    """Return the ``_pages`` object of a listing."""
    return {
        "current_page": page,
        "per_page": per_page,
        "total_items": total,
        "total_pages": -(-total // per_page),
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int | None:
    text = query.get(name)
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() else None


def _date(medium: SimMedium, order: str) -> str:
    return (medium.captured_at if order == "captured_at" else medium.created_at) or ""


def _state(medium: SimMedium) -> str:
    return medium.ready_to_view if medium.ready_to_view in _KNOWN_STATES else "unknown"


def _among(value: str, wanted: str) -> bool:
    return not wanted or value in [part.strip() for part in wanted.split(",")]
