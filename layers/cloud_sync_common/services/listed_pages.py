"""The pages of one run's listing as documents in the runs bucket: written once, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from cloud_sync_common.edges.runs_bucket import RunsBucket, listing_key
from cloud_sync_common.errors import RunsBucketUnavailable
from cloud_sync_common.models import MediaId, Medium
from cloud_sync_common.rules.listing_row import Page
from cloud_sync_common.rules.media_rows import medium_from_document
from cloud_sync_common.rules.readings import Readings


@dataclass(frozen=True, slots=True)
class ListedPages:
    """Documents 1, 2, 3 ... of the run's listing. None of them is held for longer than it is looked at."""

    runs: RunsBucket
    run_id: str

    def store(self, number: int, reading: int, page: Page) -> None:
        """Keep a page as document ``number`` of the given reading."""
        document = {
            "media": [{name: value for name, value in asdict(one).items() if value is not None} for one in page.media],
            "total_items": page.total_items,
            "problems": page.problems,
            "reading": reading,
        }
        self.runs.put_json(listing_key(self.run_id, number), document)

    def ids(self, number: int) -> frozenset[MediaId]:
        """The ids on document ``number``; none on document 0."""
        return frozenset(MediaId(row["media_id"]) for row in self._document(number)["media"]) if number else frozenset()

    def merged(self, documents: int) -> Readings:
        """All documents taken together."""
        readings = Readings()
        for number in range(1, documents + 1):
            document = self._document(number)
            ids = [MediaId(row["media_id"]) for row in document["media"]]
            readings.add(number, document["reading"], ids, document)
        return readings

    def media(self, readings: Readings) -> Iterator[list[Medium]]:
        """Every distinct medium as the last page that shows it has it, a page's worth at a time."""
        for number in sorted(set(readings.page_of.values())):
            rows = {row["media_id"]: row for row in self._document(number)["media"]}
            yield [
                medium_from_document(row) for media_id, row in rows.items() if readings.page_of.get(media_id) == number
            ]

    def _document(self, number: int) -> dict[str, Any]:
        document: dict[str, Any] | None = self.runs.get_json(listing_key(self.run_id, number))
        if document is None:
            raise RunsBucketUnavailable(f"page {number} of the listing is not in the runs bucket")
        return document
