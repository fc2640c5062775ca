"""``/media/search``: filters, order and pages of the listing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sandbox.gopro.library import SimMedium
from sandbox.gopro.messages import Response, json_response

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


def search(
    media: Sequence[SimMedium], query: Mapping[str, str], row: Callable[[SimMedium], Mapping[str, object]]
) -> Response:
    """Answer a search: newest first, 30 to a page unless asked otherwise, page numbers from 1.

    Page 0 answers 500 (seen at GoPro), other senseless numbers 400. Without ``processing_states`` everything is shown;
    what GoPro does then is not known.
    """
    page, per_page = _number(query, "page", 1), _number(query, "per_page", DEFAULT_PER_PAGE)
    order = query.get("order_by", _ORDERS[0])
    if page == 0:
        return json_response(500, {"error": "internal_server_error"})
    if page is None or page < 0 or per_page is None or per_page < 1 or order not in _ORDERS:
        return json_response(400, {"error": "invalid_request"})
    per_page = min(per_page, MAX_PER_PAGE)
    found = sorted(
        (medium for medium in media if _matches(medium, query)),
        key=lambda medium: (_date(medium, order), medium.media_id),
        reverse=True,
    )
    shown = found[(page - 1) * per_page : page * per_page]
    document = {
        "_pages": pages(page, per_page, len(found)),
        "_embedded": {"media": [row(medium) for medium in shown], "errors": []},
    }
    return json_response(200, document)


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


def _matches(medium: SimMedium, query: Mapping[str, str]) -> bool:
    state = medium.ready_to_view if medium.ready_to_view in _KNOWN_STATES else "unknown"
    return _among(medium.type, query.get("type")) and _among(state, query.get("processing_states"))


def _among(value: str, wanted: str | None) -> bool:
    return wanted is None or value in _split(wanted)


def _split(text: str) -> Iterable[str]:
    return [part.strip() for part in text.split(",")]
