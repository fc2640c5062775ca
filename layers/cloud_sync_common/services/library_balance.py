"""What the listing does not show of the library: GoPro's own total, its trash, and what has gone from it altogether.

Which media used to be there is known from the listing before this one, kept as one small document: the tracker would
tell as well, but only by a scan of every row of every piece in every run, and with a right that no function has.
What is found here goes into the report and decides nothing; so GoPro's refusal to tell it stops no run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.runs_bucket import LIBRARY_KEY, RunsBucket
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import APIError, CredentialsExpired
from cloud_sync_common.gopro_provider import GoProProvider
from cloud_sync_common.models import SCHEMA, MediaId, Status
from cloud_sync_common.rules.media_rows import SOURCE_DELETED
from cloud_sync_common.rules.readings import Readings

logger = logging.getLogger(__name__)

MAX_TRASH_PAGES = 100
"""20,000 media; GoPro empties the trash after 60 days."""


@dataclass(frozen=True, slots=True)
class LibraryBalance:
    """Compares a whole listing with what else GoPro says and with the listing before. Edges are passed in."""

    provider: GoProProvider
    credentials: Callable[[], Credentials]
    tracker: Tracker
    runs: RunsBucket

    def of(self, readings: Readings, *, remember: bool) -> dict[str, Any]:
        """``library`` (GoPro's counts beside ours) and ``gone_from_gopro``, as the report has them.

        ``remember`` keeps for the next run what the library has had in it; repeating that changes nothing.
        """
        trash = self._trash()
        gone = self._gone(readings, remember=remember)
        return {
            "library": {
                "listed": len(readings.page_of),
                "search_total": readings.total,
                "account_total": self._account_total(),
                "readings": len(readings.each),
                "settled": readings.settled,
                "trash_was_read": trash is not None,
            },
            "gone_from_gopro": self._named(readings, trash or {}, gone),
        }

    def _gone(self, readings: Readings, *, remember: bool) -> set[MediaId]:
        """Ids that earlier listings showed and this one does not; one of a moving library proves nothing to be gone."""
        known = self.runs.get_json(LIBRARY_KEY) or {"listed": [], "gone": []}
        earlier = () if readings.settled else known["listed"]
        suspects = {*known["gone"], *(known["listed"] if readings.settled else ())}
        gone = {MediaId(one) for one in suspects if one not in readings.page_of}
        if remember:
            listed = {*readings.page_of, *earlier} - gone
            self.runs.put_json(LIBRARY_KEY, {"schema": SCHEMA, "listed": sorted(listed), "gone": sorted(gone)})
        return gone

    def _named(self, readings: Readings, trash: Mapping[MediaId, str], gone: set[MediaId]) -> list[dict[str, Any]]:
        ids = sorted({*trash, *gone} - readings.page_of.keys())
        rows = self.tracker.media(ids)
        return [
            {
                "media_id": media_id,
                "filename": rows.get(media_id, {}).get("filename") or trash.get(media_id, ""),
                "where": "trash" if media_id in trash else "nowhere",
                "archived": _is_archived(rows.get(media_id, {})),
            }
            for media_id in ids
        ]

    def _account_total(self) -> int | None:
        try:
            return self.provider.api.account(self.credentials()).total_items
        except CredentialsExpired:
            raise
        except APIError as error:
            logger.warning("GoPro does not tell the library's total: %s", error)
            return None

    def _trash(self) -> dict[MediaId, str] | None:
        """File names of what is in GoPro's trash, by id; ``None`` when GoPro does not tell."""
        found: dict[MediaId, str] = {}
        try:
            for number in range(1, MAX_TRASH_PAGES + 1):
                page = self.provider.api.deleted(number, self.credentials())
                new = {one.media_id: one.filename for one in page.media if one.media_id not in found}
                found |= new
                if page.is_last or not new:
                    break
        except CredentialsExpired:
            raise
        except APIError as error:
            logger.warning("GoPro's trash could not be read: %s", error)
            return None
        return found


def _is_archived(row: Mapping[str, Any]) -> bool:
    """Whether a run has proven some version of the medium."""
    return row.get("note") != SOURCE_DELETED and (row.get("status") == Status.COMPLETED or "synced_signature" in row)
