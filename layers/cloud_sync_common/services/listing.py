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
from dataclasses import asdict, dataclass
from typing import Any

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket, listing_key, run_key
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import SchemaChanged
from cloud_sync_common.gopro_provider import MAX_PAGES, GoProProvider
from cloud_sync_common.models import MediaId, Medium
from cloud_sync_common.rules.events import ListEvent
from cloud_sync_common.rules.listing_row import Page
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
    """Where a listing goes on: the next page, which reading it is, and how many documents there are."""

    page: int = 1
    reading: int = 1
    documents: int = 0

    @classmethod
    def parse(cls, cursor: Mapping[str, Any]) -> _Cursor:
        return cls(**{name: int(cursor[name]) for name in ("page", "reading", "documents") if name in cursor})


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
        document = self.runs.get_json(run_key(run_id, "request.json"))
        return parse_run_request({} if document is None else document)

    def _list(self, event: ListEvent, request: RunRequest, deadline: Deadline) -> dict[str, Any]:
        cursor = _Cursor.parse(event.cursor)
        previous: frozenset[MediaId] = frozenset()
        while True:
            page = self._read_page(event.run_id, cursor)
            ids = frozenset(medium.media_id for medium in page.media)
            if page.is_last or ids == previous:
                break
            previous = ids
            cursor = _Cursor(cursor.page + 1, cursor.reading, cursor.documents + 1)
            if not deadline.allows(MERGE_SECONDS):
                return {"decision": "CONTINUE", "cursor": asdict(cursor), "manifest_key": ""}
        documents = cursor.documents + 1
        media, expected, problems = self._merge(event.run_id, documents)
        if expected is not None and len(media) < expected and cursor.reading < READINGS:
            logger.warning("listed %d of %d media; reading the listing again", len(media), expected)
            again = _Cursor(1, cursor.reading + 1, documents)
            return {"decision": "CONTINUE", "cursor": asdict(again), "manifest_key": ""}
        missing = max(0, (expected or 0) - len(media))
        return self._decide(event.run_id, media, request, missing=missing, problems=problems)

    def _read_page(self, run_id: str, cursor: _Cursor) -> Page:
        """Ask for one page and store it."""
        if cursor.page > MAX_PAGES:
            raise SchemaChanged(f"GoPro's listing has no end after {MAX_PAGES} pages; listing stopped")
        page = self.provider.api.search(cursor.page, PER_PAGE, self.credentials())
        document = {
            "media": [asdict(medium) for medium in page.media],
            "total_items": page.total_items,
            "problems": page.problems,
            "reading": cursor.reading,
        }
        self.runs.put_json(listing_key(run_id, cursor.documents + 1), document)
        return page

    def _merge(self, run_id: str, documents: int) -> tuple[list[Medium], int | None, int]:
        """Distinct media of all documents, GoPro's own count (its latest word), and rows of a reading without id."""
        expected: int | None = None
        problems: Counter[int] = Counter()

        def rows() -> Iterator[Medium]:
            nonlocal expected
            for number in range(1, documents + 1):
                document = self.runs.get_json(listing_key(run_id, number)) or {"media": []}
                counted = document.get("total_items")
                expected = expected if counted is None else counted
                problems[document.get("reading", 1)] += document.get("problems", 0)
                yield from (medium_from_document(row) for row in document["media"])

        return distinct(rows()), expected, max(problems.values(), default=0)

    def _decide(
        self, run_id: str, media: list[Medium], request: RunRequest, *, missing: int, problems: int
    ) -> dict[str, Any]:
        rows = self.tracker.media(medium.media_id for medium in media)
        selection = select(media, rows, request)
        if request.dry_run:
            selection = as_dry_run(selection)
        else:
            self._record(selection.queued, rows)
        key = run_key(run_id, "manifest.json")
        self.runs.put_json(key, manifest(selection))
        self.runs.put_json(run_key(run_id, "summary.json"), _summary(selection, missing=missing, problems=problems))
        logger.info(
            "listed",
            extra={"run_id": run_id, "listed": selection.listed, "queued": len(selection.queued), "missing": missing},
        )
        decision = "SYNC" if selection.queued else "NOTHING_TO_DO"
        return {"decision": decision, "cursor": {}, "manifest_key": key}

    def _record(self, queued: list[Medium], rows: Mapping[MediaId, Mapping[str, Any]]) -> None:
        """Have what the downloader needs in the tracker; rows that say so already are left alone."""
        listed_at = self.now_text()

        def record(medium: Medium) -> None:
            facts = listing_facts(medium)
            row = rows.get(medium.media_id, {})
            if any(row.get(name) != value for name, value in facts.items()):
                self.tracker.record_listing(medium.media_id, {**facts, "listed_at": listed_at})

        with ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="listing") as pool:
            for _ in pool.map(record, queued):
                pass


def _summary(selection: Selection, *, missing: int, problems: int) -> dict[str, Any]:
    """What the report needs of the listing: ``run_control`` reads it back."""
    return {
        "listed": selection.listed,
        "already_synced": len(selection.already_synced),
        "queued": len(selection.queued),
        "skipped": [
            {"media_id": medium.media_id, "filename": medium.filename, "reason": reason}
            for medium, reason in selection.skipped
        ],
        "missing": missing,
        "problems": problems,
    }
