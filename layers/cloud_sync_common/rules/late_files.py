"""How long the files that GoPro makes of an original are looked for after the upload. Pure.

A medium is COMPLETED without them. While its row has ``side_files_due``, every run that lists it looks once more: once
a run and not once a day, because runs are a day apart anyway, and who starts one by hand wants it to look. A look asks
GoPro once, touches nothing that is archived, and is never a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloud_sync_common.models import Medium

DAY = 86_400


def side_files_due(
    row: Mapping[str, Any], medium: Medium, days: int, now: int, *, absent: bool, failed: bool
) -> int | None:
    """Until when (Unix seconds) to look again; ``None`` if nothing is missing or the time is over.

    What GoPro has not made yet (``absent``) is waited for from the upload on, or from when GoPro processed the medium
    anew; what could not be fetched (``failed``) from now on, as is what nobody knows the upload of; the time that is
    set in ``row`` then stands.
    """
    set_before = row.get("side_files_due")
    from_now = now + days * DAY if set_before is None else int(set_before)
    ends = []
    if absent:
        made_since = max(_past_dates(medium, now), default=None)
        ends.append(from_now if made_since is None else made_since + days * DAY)
    if failed:
        ends.append(from_now)
    due = max(ends, default=now)
    return due if due > now else None


def is_look(row: Mapping[str, Any], current: str) -> bool:
    """Tell whether all that is left to do for a medium is to look for late files: its originals are proven."""
    return "side_files_due" in row and row.get("synced_signature") == current and not row.get("fallback")


def _past_dates(medium: Medium, now: int) -> list[int]:
    """When GoPro began to make files of the original, and to make them anew: Unix seconds, none that is nonsense."""
    dates = map(_seconds, (medium.created_at, medium.reprocessed_at))
    return [seconds for seconds in dates if seconds is not None and seconds <= now]


def _seconds(text: str | None) -> int | None:
    """Unix seconds; ``None`` for a date that is missing or no date."""
    try:
        date = datetime.fromisoformat(text or "")
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
