"""What a run does with the media that it has listed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud_sync_common.models import MediaId, Medium
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import is_synced
from cloud_sync_common.rules.run_request import RunRequest

DRY_RUN_REASON = "dry run: would be copied"


@dataclass(slots=True)
class Selection:
    """Every listed medium, in exactly one of the three lists. Oldest first; undated media last."""

    queued: list[Medium] = field(default_factory=list)
    already_synced: list[MediaId] = field(default_factory=list)
    skipped: list[tuple[Medium, str]] = field(default_factory=list)

    @property
    def listed(self) -> int:
        """Distinct media that the listing showed."""
        return len(self.queued) + len(self.already_synced) + len(self.skipped)


def distinct(media: Iterable[Medium]) -> list[Medium]:
    """One medium for each id, as listed last: pages may overlap, and later pages are newer news (fault F26)."""
    return list({medium.media_id: medium for medium in media}.values())


def select(media: Iterable[Medium], rows: Mapping[MediaId, Mapping[str, Any]], request: RunRequest) -> Selection:
    """Sort out what is archived, what this run was not asked for, and what it copies.

    ``limit`` and ``max_bytes`` count only what would be copied. A medium of unknown size counts as 0 bytes; the first
    medium is never held back by ``max_bytes``, or a large one would be for ever.
    """
    selection = Selection()
    budget = request.max_bytes
    for medium in sorted(media, key=_age):
        row = rows.get(medium.media_id, {})
        if not request.relist and is_synced(row, signature(medium)):
            selection.already_synced.append(medium.media_id)
            continue
        refusal = request.refusal(medium)
        size = medium.file_size or 0
        if refusal is None and request.limit is not None and len(selection.queued) >= request.limit:
            refusal = "beyond limit"
        if refusal is None and budget is not None and selection.queued and size > budget:
            refusal = "beyond max_bytes"
        if refusal is not None:
            selection.skipped.append((medium, refusal))
            continue
        selection.queued.append(medium)
        budget = None if budget is None else budget - size
    return selection


def as_dry_run(selection: Selection) -> Selection:
    """The same selection with nothing to copy: what would be copied is skipped, and says so."""
    would = [(medium, DRY_RUN_REASON) for medium in selection.queued]
    return Selection(already_synced=selection.already_synced, skipped=[*selection.skipped, *would])


def manifest(selection: Selection) -> list[dict[str, Any]]:
    """The Distributed Map's items: exactly what the downloader's event carries of a medium; size 0 = unknown."""
    return [
        {
            "media_id": medium.media_id,
            "filename": medium.filename,
            "file_size": medium.file_size or 0,
            "upload_date": medium.created_at,
        }
        for medium in selection.queued
    ]


def _age(medium: Medium) -> tuple[bool, str, str]:
    date = medium.captured_at or medium.created_at
    return (date is None, date or "", medium.media_id)
