"""A medium in the tracker's row and back: what the lister writes and the downloader reads. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from cloud_sync_common.models import Medium, Status
from cloud_sync_common.rules.events import DownloadEvent
from cloud_sync_common.rules.listing_row import signature

SOURCE_DELETED = "source_deleted"
"""The tracker's note for a medium that GoPro itself no longer has."""

_NAMES = tuple(field.name for field in fields(Medium))


def listing_facts(medium: Medium) -> dict[str, Any]:
    """The attributes that the listing contributes to the medium's row; ``facts_hash`` tells whether they changed."""
    kept = {name: value for name, value in asdict(medium).items() if value is not None}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
    return {"filename": medium.filename, "signature": signature(medium), "medium": kept, "facts_hash": digest}


def medium_of(row: Mapping[str, Any], event: DownloadEvent) -> Medium:
    """The medium as listed; a medium that nobody has listed is what its event says."""
    listed = row.get("medium")
    if isinstance(listed, Mapping):
        return medium_from_document(listed)
    return Medium(
        media_id=event.media_id,
        filename=event.filename,
        file_extension="",
        file_size=event.file_size,
        type="Unknown",
        captured_at=None,
        created_at=event.upload_date,
        ready_to_view="unknown",
    )


def medium_from_document(document: Mapping[str, Any]) -> Medium:
    """The medium out of a document: a page of the listing in the runs bucket, or the tracker's row."""
    known: dict[str, Any] = {name: document.get(name) for name in _NAMES}
    return Medium(**known)


def is_synced(row: Mapping[str, Any], current: str) -> bool:
    """Whether the tracker has proof of everything the listing now shows.

    A proxy in an original's place, and a medium that was gone, are looked at again: GoPro may have the original now.
    So is one whose telemetry or track was late, once in each run (`late_files`).
    """
    return (
        row.get("status") == Status.COMPLETED
        and row.get("synced_signature") == current
        and not row.get("fallback")
        and row.get("note") != SOURCE_DELETED
        and "side_files_due" not in row
    )
