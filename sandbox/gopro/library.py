"""What a simulated account holds: media and their pieces. Describes bytes, never reads them but for their digests."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Protocol

from sandbox.gopro.contents import Content, StoredFile, former_contents

PHOTO_GROUP_TYPES = frozenset({"Burst", "Continuous", "TimeLapse", "NightLapse"})
"""Types whose ``source`` variation is only the cover: the frames are in ``files``."""

EDIT_TYPES = frozenset({"MultiClipEdit", "Edit"})
"""Types that GoPro rendered itself: no ``source``, but a ``baked_source``."""

UNFINISHED_STATES = frozenset(
    {
        "registered",
        "uploading",
        "pretranscoding",
        "transcoding",
        "rendering",
        "stabilizing",
        "loading",
        "processing",
        "updating",
        "live",
    }
)
"""Values of ``ready_to_view`` under which nothing should be copied yet."""

ORIGINAL_LABELS = frozenset({"source", "baked_source", "raw_photo"})
"""Labels of what GoPro was given, or has rendered of it at the user's wish."""

_FALLBACK_LABEL = "high_res_proxy_mp4"


@dataclass(frozen=True)
class SimPiece:
    """One file of a medium as the CDN serves it.

    ``source`` is where its bytes come from. ``item_number`` counts the pieces of one label from 1. ``available`` is
    what ``/download`` says of the piece; the CDN has no object behind it while it is false. ``cdn_deleted``: the API
    still offers the piece, the CDN answers 404. ``camera_position`` names the lens where a medium has several.
    """

    label: str
    source: Path | Content
    item_number: int
    extension: str
    available: bool = True
    cdn_deleted: bool = False
    camera_position: str = "default"

    @property
    def content(self) -> Content:
        """Its bytes."""
        return StoredFile(self.source) if isinstance(self.source, Path) else self.source

    @property
    def path(self) -> Path:
        """The file that it is; ``TypeError`` for one whose bytes are made."""
        if not isinstance(self.source, Path):
            raise TypeError(f"the bytes of this {self.label} are made on the fly: there is no file, read its content")
        return self.source

    @property
    def size(self) -> int:
        """How many bytes it has now."""
        return self.content.size

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of its bytes, read once and remembered until they change."""
        return self.content.sha256


@dataclass(frozen=True)
class SimMedium:
    """One row of the listing and everything behind it.

    ``file_size`` is what the listing claims, in bytes. ``deleted``: ``/media/{id}`` and ``/download`` answer 404, and
    the trash shows the medium; the listing shows it as long as it is ``listed``. ``numbered=False`` leaves
    ``item_number`` out of ``/download``, so that chapters can only be told apart by their URLs; ``omitted`` are further
    keys that its entries lack. ``extra`` overrides or adds fields of the row, ``absent`` are those that it lacks.
    ``moments`` are the HiLight tags in milliseconds. ``object_number`` takes the place of a number made of the id.
    """

    media_id: str
    filename: str | None
    type: str
    file_extension: str | None
    captured_at: str | None
    created_at: str
    ready_to_view: str
    pieces: tuple[SimPiece, ...]
    file_size: int | None
    camera_model: str | None
    deleted: bool = False
    numbered: bool = True
    extra: Mapping[str, object] = field(default_factory=dict)
    listed: bool = True
    omitted: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    moments: tuple[int, ...] = ()
    object_number: int | None = None

    @property
    def object_id(self) -> str:
        """The 19-digit number that stands for the medium in the CDN's paths."""
        if self.object_number is not None:
            return str(self.object_number)
        return str(10**18 + int.from_bytes(sha256(self.media_id.encode()).digest()[:7]))

    @property
    def is_photo_group(self) -> bool:
        """Whether the frames are listed in ``files`` and ``source`` is only the cover."""
        return self.type in PHOTO_GROUP_TYPES

    @property
    def is_edit(self) -> bool:
        """Whether GoPro rendered the medium itself."""
        return self.type in EDIT_TYPES

    def labelled(self, label: str) -> list[SimPiece]:
        """Return the pieces of one label in the order of their numbers."""
        return sorted((piece for piece in self.pieces if piece.label == label), key=lambda piece: piece.item_number)


class Crowd(Protocol):
    """Media that are made one at a time, by position from 0, and found again by what names them."""

    def __len__(self) -> int:
        """How many there are."""

    def medium(self, position: int) -> SimMedium:
        """Make one."""

    def position_of(self, media_id: str) -> int | None:
        """Find one by its id."""

    def position_of_object(self, object_id: str) -> int | None:
        """Find one by the number that the CDN's paths carry."""


@dataclass(frozen=True)
class Library:
    """A simulated account's media, in no particular order: those written down, and a crowd of made ones.

    ``gone`` are ids of the crowd that are not to be seen: purged, or replaced by one of ``media``.
    """

    media: tuple[SimMedium, ...]
    crowd: Crowd | None = None
    gone: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.media) + (len(self.crowd) - len(self.gone) if self.crowd is not None else 0)

    def __iter__(self) -> Iterator[SimMedium]:
        return chain(self.media, (self._made(position) for position in self._places))

    def at(self, place: int) -> SimMedium:
        """Return one by its place in the order of iteration."""
        return self.media[place] if place < len(self.media) else self._made(self._places[place - len(self.media)])

    @cached_property
    def by_id(self) -> Mapping[str, SimMedium]:
        """The media that are written down, by their ids; ``find`` knows the others, too."""
        return {medium.media_id: medium for medium in self.media}

    @cached_property
    def _places(self) -> Sequence[int]:
        """Positions of the crowd that are to be seen."""
        if self.crowd is None:
            return ()
        gone = {self.crowd.position_of(media_id) for media_id in self.gone}
        everyone = range(len(self.crowd))
        return everyone if not gone else array("L", (position for position in everyone if position not in gone))

    @cached_property
    def _by_object_id(self) -> Mapping[str, SimMedium]:
        return {medium.object_id: medium for medium in self.media}

    def find(self, media_id: str) -> SimMedium | None:
        """Return the medium of that id."""
        known = self.by_id.get(media_id)
        position = self.crowd.position_of(media_id) if self.crowd is not None and known is None else None
        return known if position is None or media_id in self.gone else self._made(position)

    def find_object(self, object_id: str) -> SimMedium | None:
        """Return the medium whose number the CDN's paths carry."""
        known = self._by_object_id.get(object_id)
        position = self.crowd.position_of_object(object_id) if self.crowd is not None and known is None else None
        made = self._made(position) if position is not None else None
        return known if made is None or made.media_id in self.gone else made

    def with_medium(self, medium: SimMedium) -> Library:
        """Return a library that has this medium, in place of the one of the same id if there is one."""
        without = self.without(medium.media_id)
        return replace(without, media=(*without.media, medium))

    def without(self, media_id: str) -> Library:
        """Return a library that knows nothing of this medium."""
        media = tuple(medium for medium in self.media if medium.media_id != media_id)
        made = self.crowd is not None and self.crowd.position_of(media_id) is not None
        return replace(self, media=media, gone=self.gone | {media_id} if made else self.gone)

    def served(self, media_id: str) -> list[SimPiece]:
        """Return the pieces that a faithful copy of the medium must bring: its originals, ordered by label and number.

        Empty for a medium that is unknown, deleted, still in work or not wholly available yet. A finished medium
        without any original must bring its high-resolution proxy instead.
        """
        medium = self.find(media_id)
        if medium is None or medium.deleted or medium.ready_to_view in UNFINISHED_STATES:
            return []
        originals = [piece for piece in medium.pieces if piece.label in ORIGINAL_LABELS]
        if any(not piece.available for piece in originals):
            return []
        wanted = originals or [piece for piece in medium.labelled(_FALLBACK_LABEL) if piece.available]
        return _in_order(piece for piece in wanted if not piece.cdn_deleted)

    def not_required(self, media_id: str) -> list[SimPiece]:
        """Return what a faithful copy may bring, too: side files, proxies, and what originals were before an edit."""
        medium = self.find(media_id)
        pieces = medium.pieces if medium is not None else ()
        required = self.served(media_id)
        offered = [piece for piece in pieces if piece.available and not piece.cdn_deleted and piece not in required]
        former = [replace(piece, source=content) for piece in pieces for content in former_contents(piece.content)]
        return _in_order([*offered, *former])

    def _made(self, position: int) -> SimMedium:
        if self.crowd is None:
            raise IndexError(f"a library without a crowd has no position {position}")
        return self.crowd.medium(position)


def _in_order(pieces: Iterable[SimPiece]) -> list[SimPiece]:
    return sorted(pieces, key=lambda piece: (piece.label, piece.camera_position, piece.item_number))
