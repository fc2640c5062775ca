"""``media_lister``: GoPro's whole listing, slice by slice, then the manifest of what this run copies.

Each page is a document in the runs bucket, so that state stays of constant size and a repeated pass only writes the
same documents again. The last pass reads them back one by one, so that memory holds ids and what is to be copied, never
the listing. A reading that does not fit GoPro's own count is done again (`rules.readings`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket, run_key
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import InvalidInput, SchemaChanged
from cloud_sync_common.gopro_provider import MAX_PAGES, GoProProvider
from cloud_sync_common.models import MediaId, Medium
from cloud_sync_common.rules.events import ListEvent
from cloud_sync_common.rules.listing_row import Page
from cloud_sync_common.rules.media_rows import listing_facts
from cloud_sync_common.rules.readings import READINGS, Readings
from cloud_sync_common.rules.run_request import RunRequest, parse_run_request
from cloud_sync_common.rules.selection import Selection, as_dry_run, manifest_item, select
from cloud_sync_common.services.library_balance import LibraryBalance
from cloud_sync_common.services.listed_pages import ListedPages
from cloud_sync_common.services.stop_flag import raising_the_stop_flag, sharing_the_pace
from cloud_sync_common.transfer.deadline import Deadline

logger = logging.getLogger(__name__)

STALE_PAGES = 3
"""So many pages in a row that show nothing new end a reading: a server that repeats itself has no more."""
WRITERS = 8
"""Threads that write listing facts into the tracker."""
MERGE_SECONDS = 120.0
"""No further page is asked for when less than this is left of the invocation."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a listing goes on: the next page, which reading it is, how many documents there are.

    ``over`` is 1 once all is read, and only the tracker has to be told.
    """

    page: int = 1
    reading: int = 1
    documents: int = 0
    over: int = 0

    @classmethod
    def parse(cls, cursor: Mapping[str, Any]) -> _Cursor:
        return cls(**{field.name: int(cursor[field.name]) for field in fields(cls) if field.name in cursor})


@dataclass(frozen=True, slots=True)
class Lister:
    """Lists the library and decides what the run copies. Edges are passed in."""

    provider: GoProProvider
    credentials: Callable[[], Credentials]
    tracker: Tracker
    ledger: RunLedger
    runs: RunsBucket
    now_text: Callable[[], str]

    def run(self, event: ListEvent, deadline: Deadline) -> dict[str, Any]:
        """One slice of the listing; a server that repeats a page has no more.

        Returns ``decision`` (``CONTINUE`` with a cursor, ``SYNC`` with the manifest's key, ``NOTHING_TO_DO``),
        ``cursor`` and ``manifest_key``; all three always. Raises ``RunError`` after raising the run's stop flag.
        """
        request = self._request(event.run_id)
        if request.dry_run:
            return self._list(event, request, deadline)
        with (
            raising_the_stop_flag(self.ledger, event.run_id),
            sharing_the_pace(self.provider.api.pace, self.ledger, event.run_id, {}),
        ):
            return self._list(event, request, deadline)

    def _request(self, run_id: str) -> RunRequest:
        """What the run was asked for. Without it nobody knows whether this is a dry run: never guessed."""
        document = self.runs.get_json(run_key(run_id, "request.json"))
        if document is None:
            raise InvalidInput("the run's request.json is missing in the runs bucket: start a new run")
        return parse_run_request(document)

    def _list(self, event: ListEvent, request: RunRequest, deadline: Deadline) -> dict[str, Any]:
        cursor = _Cursor.parse(event.cursor)
        pages = ListedPages(self.runs, event.run_id)
        if not cursor.over:
            cursor, finished = self._read(pages, cursor, deadline)
            if not finished:
                return _continue(cursor)
        readings = pages.merged(cursor.documents)
        if not (cursor.over or readings.settled or cursor.reading >= READINGS):
            logger.warning("the library moved while it was listed, or GoPro counts otherwise; reading it again")
            return _continue(_Cursor(1, cursor.reading + 1, cursor.documents))
        return self._decide(pages, readings, request, deadline) or _continue(replace(cursor, over=1))

    def _read(self, pages: ListedPages, cursor: _Cursor, deadline: Deadline) -> tuple[_Cursor, bool]:
        """Store page after page until the listing ends or the time does; the cursor behind the last one stored."""
        latest = pages.ids(cursor.documents) if cursor.page > 1 else frozenset()
        seen, stale = set(latest), 0
        for page in self.provider.list_media(self.credentials(), first_page=cursor.page):
            pages.store(cursor.documents + 1, cursor.reading, page)
            cursor = replace(cursor, page=page.number + 1, documents=cursor.documents + 1)
            ids = _ids(page)
            stale = 0 if ids - seen else stale + 1
            if ids == latest or stale == STALE_PAGES:
                break
            latest = ids
            seen |= ids
            if page.is_last:
                break
            if page.number >= MAX_PAGES:
                raise SchemaChanged(f"GoPro's listing has no end after {MAX_PAGES} pages; listing stopped")
            if not deadline.allows(MERGE_SECONDS):
                return cursor, False
        return cursor, True

    def _decide(
        self, pages: ListedPages, readings: Readings, request: RunRequest, deadline: Deadline
    ) -> dict[str, Any] | None:
        """Write the manifest and the summary; ``None`` if the time ended before the tracker knew every medium."""
        listed = (
            (media, self.tracker.synced_facts(medium.media_id for medium in media)) for media in pages.media(readings)
        )
        selection = select(listed, request)
        if request.dry_run:
            selection = as_dry_run(selection)
        elif not self._record(pages, readings, selection, request, deadline):
            return None
        key = run_key(pages.run_id, "manifest.json")
        self.runs.put_json_list(key, map(manifest_item, selection.queued))
        unknown = len(request.media_ids - readings.page_of.keys())
        balance = LibraryBalance(self.provider, self.credentials, self.tracker, self.runs)
        summary = {
            **_summary(selection, readings, unknown),
            **balance.of(readings, remember=not request.dry_run),
        }
        self.runs.put_json(run_key(pages.run_id, "summary.json"), summary)
        logger.info("listed", extra={"run_id": pages.run_id, **summary["library"], "queued": len(selection.queued)})
        return {"decision": "SYNC" if selection.queued else "NOTHING_TO_DO", "cursor": {}, "manifest_key": key}

    def _record(
        self, pages: ListedPages, readings: Readings, selection: Selection, request: RunRequest, deadline: Deadline
    ) -> bool:
        """Have what the downloader needs in the tracker; rows that say so already are left alone.

        False if the time ended first; some are written in every pass, so that passes come to an end. What ``relist``
        asks for loses its proof of being synced, nothing else.
        """
        unrecorded = {one.media_id for one in selection.queued if one.unrecorded}
        forgotten = {one.media_id for one in selection.queued if one.proven} if request.relist else set()
        listed_at = self.now_text()

        def record(medium: Medium) -> None:
            if medium.media_id in unrecorded:
                self.tracker.record_listing(medium.media_id, {**listing_facts(medium), "listed_at": listed_at})
            if medium.media_id in forgotten:
                self.tracker.forget_synced(medium.media_id)

        wanted = unrecorded | forgotten
        written = 0
        with ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="listing") as pool:
            for media in pages.media(readings) if wanted else ():
                chosen = [medium for medium in media if medium.media_id in wanted]
                if chosen and written and not deadline.allows(0):
                    return False
                written += len(list(pool.map(record, chosen)))
        return True


def _ids(page: Page) -> frozenset[MediaId]:
    return frozenset(medium.media_id for medium in page.media)


def _continue(cursor: _Cursor) -> dict[str, Any]:
    return {"decision": "CONTINUE", "cursor": asdict(cursor), "manifest_key": ""}


def _summary(selection: Selection, readings: Readings, unknown: int) -> dict[str, Any]:
    """What the report needs of the listing: ``run_control`` reads it back."""
    return {
        "listed": selection.listed,
        "already_synced": selection.already_synced,
        "queued": len(selection.queued),
        "skipped": [
            {"media_id": one.media_id, "filename": one.filename, "reason": reason} for one, reason in selection.skipped
        ],
        "missing": readings.missing,
        "problems": readings.problems,
        "unknown": unknown,
    }
