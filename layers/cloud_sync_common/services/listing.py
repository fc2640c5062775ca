"""``media_lister``: GoPro's whole listing, slice by slice, then the manifest of what this run copies.

Each page is a document in the runs bucket, so that state stays of constant size and a repeated pass only writes the
same documents again. The last pass merges them. Offset paging over a living library can leave gaps (gopro-api.md 6):
if fewer distinct media came than GoPro counts, the listing is read once more and both readings are merged.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket, listing_key, run_key
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import InvalidInput, RunsBucketUnavailable
from cloud_sync_common.gopro_provider import GoProProvider
from cloud_sync_common.models import MediaId, Medium
from cloud_sync_common.rules.events import ListEvent
from cloud_sync_common.rules.media_rows import listing_facts, medium_from_document
from cloud_sync_common.rules.run_request import RunRequest, parse_run_request
from cloud_sync_common.rules.selection import Selection, as_dry_run, distinct, manifest, select
from cloud_sync_common.services.stop_flag import raising_the_stop_flag
from cloud_sync_common.transfer.deadline import Deadline

logger = logging.getLogger(__name__)

PER_PAGE = 100
READINGS = 2
"""How often the listing is read when its own count says that media are missing."""
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
class _Listing:
    """All readings merged. ``missing`` is how many more media GoPro counts, ``problems`` rows that name no medium."""

    media: list[Medium]
    missing: int
    problems: int


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
        with raising_the_stop_flag(self.ledger, event.run_id):
            return self._list(event, request, deadline)

    def _request(self, run_id: str) -> RunRequest:
        """What the run was asked for. Without it nobody knows whether this is a dry run: never guessed."""
        document = self.runs.get_json(run_key(run_id, "request.json"))
        if document is None:
            raise InvalidInput("the run's request.json is missing in the runs bucket: start a new run")
        return parse_run_request(document)

    def _list(self, event: ListEvent, request: RunRequest, deadline: Deadline) -> dict[str, Any]:
        cursor = _Cursor.parse(event.cursor)
        if not cursor.over:
            cursor, finished = self._read(event.run_id, cursor, deadline)
            if not finished:
                return _continue(cursor)
        listing = self._merge(event.run_id, cursor.documents)
        if listing.missing and cursor.reading < READINGS:
            logger.warning("%d media are missing in the listing; reading it again", listing.missing)
            return _continue(_Cursor(1, cursor.reading + 1, cursor.documents))
        return self._decide(event.run_id, listing, request, deadline) or _continue(replace(cursor, over=1))

    def _read(self, run_id: str, cursor: _Cursor, deadline: Deadline) -> tuple[_Cursor, bool]:
        """Store page after page until the listing ends or the time does; the cursor behind the last one stored."""
        previous: frozenset[MediaId] = frozenset()
        for page in self.provider.list_media(self.credentials(), first_page=cursor.page, per_page=PER_PAGE):
            document = {
                "media": [asdict(medium) for medium in page.media],
                "total_items": page.total_items,
                "problems": page.problems,
                "reading": cursor.reading,
            }
            self.runs.put_json(listing_key(run_id, cursor.documents + 1), document)
            cursor = replace(cursor, page=page.number + 1, documents=cursor.documents + 1)
            ids = frozenset(medium.media_id for medium in page.media)
            if ids == previous:
                break
            previous = ids
            if not page.is_last and not deadline.allows(MERGE_SECONDS):
                return cursor, False
        return cursor, True

    def _merge(self, run_id: str, documents: int) -> _Listing:
        """Distinct media of all documents, GoPro's own count being the latest one beside media."""
        expected = 0
        problems: Counter[int] = Counter()

        def rows() -> Iterator[Medium]:
            nonlocal expected
            for number in range(1, documents + 1):
                document = self.runs.get_json(listing_key(run_id, number))
                if document is None:
                    raise RunsBucketUnavailable(f"page {number} of the listing is not in the runs bucket")
                if document["media"] and document["total_items"] is not None:
                    expected = document["total_items"]
                problems[document["reading"]] += document["problems"]
                yield from (medium_from_document(row) for row in document["media"])

        media = distinct(rows())
        return _Listing(media, max(0, expected - len(media)), max(problems.values(), default=0))

    def _decide(self, run_id: str, listing: _Listing, request: RunRequest, deadline: Deadline) -> dict[str, Any] | None:
        """Write the manifest and the summary; ``None`` if the time ended before the tracker knew every medium."""
        rows = self.tracker.synced_facts(medium.media_id for medium in listing.media)
        selection = select(listing.media, rows, request)
        if request.dry_run:
            selection = as_dry_run(selection)
        elif not self._record(selection.queued, rows, request, deadline):
            return None
        key = run_key(run_id, "manifest.json")
        self.runs.put_json(key, manifest(selection))
        unknown = len(request.media_ids - {medium.media_id for medium in listing.media})
        self.runs.put_json(run_key(run_id, "summary.json"), _summary(selection, listing, unknown))
        logger.info("listed", extra={"run_id": run_id, "listed": selection.listed, "queued": len(selection.queued)})
        decision = "SYNC" if selection.queued else "NOTHING_TO_DO"
        return {"decision": decision, "cursor": {}, "manifest_key": key}

    def _record(
        self, queued: list[Medium], rows: Mapping[MediaId, Row], request: RunRequest, deadline: Deadline
    ) -> bool:
        """Have what the downloader needs in the tracker; rows that say so already are left alone.

        False if the time ended first. What ``relist`` asks for loses its proof of being synced, nothing else.
        """
        listed_at = self.now_text()

        def record(medium: Medium) -> bool:
            if not deadline.allows(0):
                return False
            facts, row = listing_facts(medium), rows.get(medium.media_id, {})
            if row.get("facts_hash") != facts["facts_hash"]:
                self.tracker.record_listing(medium.media_id, {**facts, "listed_at": listed_at})
            if request.relist and "synced_signature" in row:
                self.tracker.forget_synced(medium.media_id)
            return True

        with ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="listing") as pool:
            return all(list(pool.map(record, queued)))


def _continue(cursor: _Cursor) -> dict[str, Any]:
    return {"decision": "CONTINUE", "cursor": asdict(cursor), "manifest_key": ""}


def _summary(selection: Selection, listing: _Listing, unknown: int) -> dict[str, Any]:
    """What the report needs of the listing: ``run_control`` reads it back."""
    return {
        "listed": selection.listed,
        "already_synced": len(selection.already_synced),
        "queued": len(selection.queued),
        "skipped": [
            {"media_id": medium.media_id, "filename": medium.filename, "reason": reason}
            for medium, reason in selection.skipped
        ],
        "missing": listing.missing,
        "problems": listing.problems,
        "unknown": unknown,
    }
