"""What a run does with the media that it has listed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud_sync_common.models import MediaId, Medium, Status
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import is_synced, listing_facts
from cloud_sync_common.rules.run_request import RunRequest

DRY_RUN_REASON = "dry run: would be copied"

Rows = Mapping[MediaId, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is kept of a medium that is not archived yet: a library's worth of these must fit into memory.

    ``unrecorded``: the tracker does not have these listing facts; ``proven``: it has proof of an earlier version;
    ``archived``: proof of this one, so that only what came late is looked for.
    """

    media_id: MediaId
    filename: str
    file_size: int
    upload_date: str | None
    captured_at: str | None
    refusal: str | None = None
    unrecorded: bool = True
    proven: bool = False
    archived: bool = False


@dataclass(slots=True)
class Selection:
    """Every listed medium, once: queued or skipped, oldest first and undated last, or archived and only counted."""

    queued: list[Candidate] = field(default_factory=list)
    already_synced: int = 0
    skipped: list[tuple[Candidate, str]] = field(default_factory=list)

    @property
    def listed(self) -> int:
        """Distinct media that the listing showed."""
        return len(self.queued) + self.already_synced + len(self.skipped)


def select(pages: Iterable[tuple[Iterable[Medium], Rows]], request: RunRequest) -> Selection:
    """Sort out what is archived, what this run was not asked for, and what it copies.

    ``pages`` are distinct media with the tracker's rows of them, taken in one by one. ``limit`` and ``max_bytes`` count
    only what would be copied: a look for late files holds back no new medium. A medium of unknown size counts as 0
    bytes; the first medium is never held back by ``max_bytes``, or a large one would be for ever.
    """
    selection = Selection()
    candidates: list[Candidate] = []
    for media, rows in pages:
        for medium in media:
            row = rows.get(medium.media_id, {})
            if not request.relist and is_synced(row, signature(medium)):
                selection.already_synced += 1
            else:
                candidates.append(_candidate(medium, row, request))
    budget, copied = request.max_bytes, 0
    for one in sorted(candidates, key=_age):
        refusal = one.refusal
        counts = refusal is None and not one.archived
        if counts and request.limit is not None and copied >= request.limit:
            refusal = "beyond limit"
        elif counts and budget is not None and copied and one.file_size > budget:
            refusal = "beyond max_bytes"
        if refusal is not None:
            selection.skipped.append((one, refusal))
            continue
        selection.queued.append(one)
        copied += counts
        if counts and budget is not None:
            budget -= one.file_size
    return selection


def as_dry_run(selection: Selection) -> Selection:
    """The same selection with nothing to copy: what would be copied is skipped, and says so."""
    would = [(one, DRY_RUN_REASON) for one in selection.queued]
    return Selection(already_synced=selection.already_synced, skipped=[*selection.skipped, *would])


def manifest_item(one: Candidate) -> dict[str, Any]:
    """One of the Distributed Map's items: exactly what the downloader's event carries of a medium; size 0 = unknown."""
    return {
        "media_id": one.media_id,
        "filename": one.filename,
        "file_size": one.file_size,
        "upload_date": one.upload_date,
    }


def _candidate(medium: Medium, row: Mapping[str, Any], request: RunRequest) -> Candidate:
    return Candidate(
        media_id=medium.media_id,
        filename=medium.filename,
        file_size=medium.file_size or 0,
        upload_date=medium.created_at,
        captured_at=medium.captured_at,
        refusal=request.refusal(medium),
        unrecorded=row.get("facts_hash") != listing_facts(medium)["facts_hash"],
        proven="synced_signature" in row,
        archived=not request.relist and _is_archived(row, signature(medium)),
    )


def _is_archived(row: Mapping[str, Any], current: str) -> bool:
    return (row.get("status"), row.get("synced_signature")) == (Status.COMPLETED, current)


def _age(one: Candidate) -> tuple[bool, str, str]:
    date = one.captured_at or one.upload_date
    return (date is None, date or "", one.media_id)
