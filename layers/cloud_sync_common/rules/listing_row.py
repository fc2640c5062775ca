"""Reads one page of GoPro's listing into media, tolerating everything but the loss of media. Pure.

Any field but the id may be null, absent or of another type; enums are open. What cannot be a medium is counted, never
dropped in silence, and a page without its list is `SchemaChanged` rather than an empty library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cloud_sync_common.errors import SchemaChanged
from cloud_sync_common.models import MediaId, Medium

FIELDS = (
    "id",
    "filename",
    "file_extension",
    "file_size",
    "type",
    "captured_at",
    "created_at",
    "ready_to_view",
    "camera_model",
    "item_count",
    "source_duration",
    "width",
    "height",
    "content_title",
    "play_as",
    "reprocessed_at",
    "revision_number",
)
"""The fields to ask the listing for. ``token`` is left out on purpose: a bearer secret that nothing here needs."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the listing.

    ``number`` is the page that was asked for, from 1; the totals are GoPro's own words and may be wrong or ``None``.
    ``problems`` counts rows that name no medium and errors that GoPro reported beside the rows.
    """

    media: tuple[Medium, ...]
    number: int = 1
    total_items: int | None = None
    total_pages: int | None = None
    per_page: int | None = None
    problems: int = 0
    rows: int = 0

    @property
    def is_last(self) -> bool:
        """No page after this one can hold media.

        An empty page ends any listing. GoPro's own count of pages is believed only together with a page that is not
        full: a wrong count must cost one request, not media.
        """
        if self.rows == 0:
            return True
        if self.total_pages is None or self.per_page is None:
            return False
        return self.number >= self.total_pages and self.rows < self.per_page


def parse_page(payload: object, number: int = 1) -> Page:
    """Read a page of ``/media/search``.

    Raises `SchemaChanged`, naming the key and no content, when the list of media is missing or when no row of it has
    an id any more.
    """
    embedded = _object(payload, "_embedded")
    reported = embedded.get("errors")
    errors = len(reported) if isinstance(reported, list) else 0
    return _page(embedded.get("media"), "_embedded.media", payload, number, errors)


def parse_deleted(payload: object, number: int = 1) -> Page:
    """Read a page of ``/media/deleted``, GoPro's trash: its list stands at the top; raises as `parse_page` does."""
    rows = payload.get("deleted_media") if isinstance(payload, Mapping) else None
    return _page(rows, "deleted_media", payload, number, 0)


def _page(rows: object, place: str, payload: object, number: int, errors: int) -> Page:
    if not isinstance(rows, list):
        raise SchemaChanged(f"GoPro's listing has no list at `{place}`; the API has changed, nothing was listed")
    media = [medium for medium in map(parse_medium, rows) if medium is not None]
    if rows and not media:
        raise SchemaChanged("no row of GoPro's listing has an `id`; the API has changed, nothing was listed")
    pages = payload.get("_pages") if isinstance(payload, Mapping) else None
    counts: Mapping[str, object] = pages if isinstance(pages, Mapping) else {}
    return Page(
        media=tuple(media),
        number=number,
        total_items=whole_number(counts.get("total_items")),
        total_pages=whole_number(counts.get("total_pages")),
        per_page=whole_number(counts.get("per_page")),
        problems=len(rows) - len(media) + errors,
        rows=len(rows),
    )


def parse_medium(row: object) -> Medium | None:
    """Read one row of the listing, or the answer of ``/media/{id}``; ``None`` if it names no medium."""
    if not isinstance(row, Mapping):
        return None
    media_id = _identifier(row.get("id"))
    if media_id is None:
        return None
    return Medium(
        media_id=media_id,
        filename=text(row.get("filename")) or "",
        file_extension=(text(row.get("file_extension")) or "").strip().lstrip("."),
        file_size=whole_number(row.get("file_size")),
        type=text(row.get("type")) or "Unknown",
        captured_at=text(row.get("captured_at")),
        created_at=text(row.get("created_at")),
        ready_to_view=(text(row.get("ready_to_view")) or "unknown").strip().lower(),
        camera_model=text(row.get("camera_model")),
        item_count=whole_number(row.get("item_count")),
        source_duration_ms=whole_number(row.get("source_duration")),
        width=whole_number(row.get("width")),
        height=whole_number(row.get("height")),
        content_title=text(row.get("content_title")),
        play_as=text(row.get("play_as")),
        reprocessed_at=text(row.get("reprocessed_at")),
        revision_number=whole_number(row.get("revision_number")),
    )


def signature(medium: Medium) -> str:
    """Fingerprint (16 hex digits) of what changes when GoPro's file changes; equal means "nothing new to look at"."""
    facts = [medium.reprocessed_at, medium.revision_number, medium.file_size, medium.item_count]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def whole_number(value: object) -> int | None:
    """Read a count or a size that may come as number or numeric text; anything else, or below zero, is unknown."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) <= 30:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 10**30 else None


def text(value: object) -> str | None:
    """Read a text; empty or of another type is ``None``. Half surrogate pairs, legal in JSON only, become ``?``."""
    if not isinstance(value, str) or not value:
        return None
    return value.encode("utf-8", "replace").decode("utf-8")


def _identifier(value: object) -> MediaId | None:
    """Ids are opaque: text, or a number that is kept as text. Dots alone would walk up a URL's path: no id."""
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    return MediaId(found) if found and found.strip(". \t\r\n") else None


def _object(payload: object, key: str) -> Mapping[str, object]:
    found = payload.get(key) if isinstance(payload, Mapping) else None
    if not isinstance(found, Mapping):
        raise SchemaChanged(f"GoPro's listing has no object at `{key}`; the API has changed, nothing was listed")
    return found
