"""Media without number: each is made when it is asked for, from its position, so that 100,000 need no memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from sandbox.gopro.library import SimMedium
from sandbox.gopro.shapes import extension_of, usual_pieces

MOST = 1_000_000
_FIRST_OBJECT = 2 * 10**18
"""Above every number that is made of an id."""
_POSITION_DIGITS = 8
_COUNTER = 10_000
"""A camera's file names count to 9999 and begin again, so that large libraries have every name several times."""


@dataclass(frozen=True)
class Grown:
    """``count`` media whose ``kinds`` take turns; a ``sandbox.gopro.library.Crowd``.

    Sizes of originals are spread from ``smallest`` to ``largest`` bytes. The first was captured at ``since``, the next
    ones ``seconds_between`` later each. The same ``seed`` gives the same media.
    """

    count: int
    kinds: Sequence[str] = ("Video", "Photo")
    smallest: int = 10_000
    largest: int = 50_000
    since: datetime = datetime(2015, 1, 1, tzinfo=UTC)
    seconds_between: int = 3_600
    seed: str = "generated"

    def __len__(self) -> int:
        return self.count

    def medium(self, position: int) -> SimMedium:
        """Make the medium at a position; ``IndexError`` for one that is none."""
        if not 0 <= position < self.count:
            raise IndexError(f"there is no position {position} among {self.count} media")
        kind = self.kinds[position % len(self.kinds)]
        size = self.smallest + position * 7919 % (self.largest - self.smallest + 1)
        taken = (self.since + timedelta(seconds=position * self.seconds_between)).strftime("%Y-%m-%dT%H:%M:%SZ")
        pieces = usual_pieces(kind, size, f"{self.seed}/{position}")
        extension = extension_of(kind, "source")
        prefix = "GOPR" if extension == "jpg" else "GX01"
        sizes = [piece.size for piece in pieces if piece.label == "source"]
        return SimMedium(
            media_id=f"{self._prefix}{position:0{_POSITION_DIGITS}x}",
            filename=f"{prefix}{position % _COUNTER:04}.{extension.upper()}" if sizes else "",
            type=kind,
            file_extension=extension if sizes else "json",
            captured_at=taken,
            created_at=taken,
            ready_to_view="ready",
            pieces=pieces,
            file_size=sum(sizes) if sizes else None,
            camera_model="HERO12 Black" if sizes else None,
            object_number=_FIRST_OBJECT + position,
        )

    def position_of(self, media_id: str) -> int | None:
        """Read the position out of the id."""
        prefix, number = media_id[:-_POSITION_DIGITS], media_id[-_POSITION_DIGITS:]
        if prefix != self._prefix or number != number.lower() or not set(number) <= set("0123456789abcdef"):
            return None
        return self._checked(int(number, 16))

    def position_of_object(self, object_id: str) -> int | None:
        """Read the position out of the number."""
        return self._checked(int(object_id) - _FIRST_OBJECT) if object_id.isascii() and object_id.isdigit() else None

    @cached_property
    def _prefix(self) -> str:
        return hashlib.sha256(f"grown\n{self.seed}".encode()).hexdigest()[:16]

    def _checked(self, position: int) -> int | None:
        return position if 0 <= position < self.count else None
