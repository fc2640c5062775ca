"""Whether a listing can be believed: offset paging over a library that lives leaves gaps and repeats rows. Pure.

A medium that is uploaded while pages are read moves later rows back: they come twice. One that is deleted moves them
forward, over the edge of a page: they do not come at all (gopro-api.md 6, faults F24 and F26). So a reading counts what
GoPro's own count says, or the listing is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud_sync_common.models import MediaId

READINGS = 3
"""How often a listing is read at most."""


@dataclass(slots=True)
class Reading:
    """One reading of the listing, from its first page to its last.

    ``total`` is GoPro's latest count beside media, ``steady`` whether it stayed the same; ``problems`` are rows that
    name no medium; ``digest`` is the same for the same set of ids within one process.
    """

    first_page: int
    media: int = 0
    total: int | None = None
    steady: bool = True
    problems: int = 0
    digest: int = 0

    def count(self, total: int | None, problems: int, *, has_media: bool) -> None:
        """Take in what a page says beside its media; an empty page's count takes no earlier one back."""
        self.problems += problems
        if total is None or (self.total is not None and not has_media):
            return
        self.steady = self.steady and self.total in (None, total)
        self.total = total

    def is_like(self, other: Reading) -> bool:
        """Whether both saw the same media under the same count."""
        return (self.media, self.digest, self.total) == (other.media, other.digest, other.total)


@dataclass(slots=True)
class Readings:
    """All pages of a run's listing taken together, in constant memory but for the ids.

    ``page_of`` has every id that any reading showed, and the page that showed it last: later pages are newer news.
    """

    page_of: dict[MediaId, int] = field(default_factory=dict)
    each: dict[int, Reading] = field(default_factory=dict)

    def add(self, page: int, reading: int, media_ids: Iterable[MediaId], counts: Mapping[str, Any]) -> None:
        """Take in the next page; ``counts`` has GoPro's ``total_items`` and the number of ``problems``."""
        this = self.each.setdefault(reading, Reading(page))
        empty = True
        for media_id in media_ids:
            empty = False
            if self.page_of.get(media_id, 0) < this.first_page:
                this.media += 1
                this.digest ^= hash(media_id)
            self.page_of[media_id] = page
        this.count(counts["total_items"], counts["problems"], has_media=not empty)

    @property
    def settled(self) -> bool:
        """Whether the last reading shows the library as it is.

        It does if GoPro's count stood still and is the number of its media, or if the reading before it was the same:
        then GoPro counts otherwise than it lists, and a further reading would not change that.
        """
        last = self.each[max(self.each)]
        if last.steady and last.total in (None, last.media):
            return True
        before = self.each.get(max(self.each) - 1)
        return last.steady and before is not None and before.steady and last.is_like(before)

    @property
    def total(self) -> int | None:
        """GoPro's own count in the last reading."""
        return self.each[max(self.each)].total

    @property
    def missing(self) -> int:
        """How many more media GoPro counts than all readings showed."""
        return max(0, (self.total or 0) - len(self.page_of))

    @property
    def problems(self) -> int:
        """Rows that name no medium, in the reading that had most of them."""
        return max(reading.problems for reading in self.each.values())
