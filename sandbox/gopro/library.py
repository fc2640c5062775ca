"""What a simulated account holds: media and their pieces. Describes files, never opens them but for their digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from sandbox.gopro.digests import sha256_of

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

_ORIGINAL_LABELS = frozenset({"source", "baked_source", "raw_photo"})
_FALLBACK_LABEL = "high_res_proxy_mp4"


@dataclass(frozen=True)
class SimPiece:
    """One file of a medium as the CDN serves it.

    ``item_number`` counts the pieces of one label from 1. ``available`` is what ``/download`` says of the piece; the
    CDN has no object behind it while it is false. ``cdn_deleted``: the API still offers the piece, the CDN answers 404.
    """

    label: str
    path: Path
    item_number: int
    extension: str
    available: bool = True
    cdn_deleted: bool = False

    @property
    def size(self) -> int:
        """Bytes of the file as it is now."""
        return self.path.stat().st_size

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the file, streamed once and remembered until the file changes."""
        return sha256_of(self.path)


@dataclass(frozen=True)
class SimMedium:
    """One row of the listing and everything behind it.

    ``file_size`` is what the listing claims, in bytes. ``deleted``: the listing still shows the medium, ``/media/{id}``
    and ``/download`` answer 404. ``numbered=False`` leaves ``item_number`` out of ``/download``, so that chapters can
    only be told apart by their URLs. ``extra`` overrides or adds fields of the row.
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

    @property
    def object_id(self) -> str:
        """The 19-digit number that stands for the medium in the CDN's paths."""
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


@dataclass(frozen=True)
class Library:
    """A simulated account's media, in no particular order."""

    media: tuple[SimMedium, ...]

    @cached_property
    def by_id(self) -> Mapping[str, SimMedium]:
        """The media by their ids."""
        return {medium.media_id: medium for medium in self.media}

    @cached_property
    def by_object_id(self) -> Mapping[str, SimMedium]:
        """The media by the numbers that the CDN's paths carry."""
        return {medium.object_id: medium for medium in self.media}

    def served(self, media_id: str) -> list[SimPiece]:
        """Return the pieces that a faithful copy of the medium must bring: its originals, ordered by label and number.

        Empty for a medium that is deleted, still in work or not wholly available yet. A finished medium without any
        original must bring its high-resolution proxy instead. Raises ``KeyError`` for an unknown id.
        """
        medium = self.by_id[media_id]
        if medium.deleted or medium.ready_to_view in UNFINISHED_STATES:
            return []
        originals = [piece for piece in medium.pieces if piece.label in _ORIGINAL_LABELS]
        if any(not piece.available for piece in originals):
            return []
        wanted = originals or [piece for piece in medium.labelled(_FALLBACK_LABEL) if piece.available]
        return sorted(
            (piece for piece in wanted if not piece.cdn_deleted), key=lambda piece: (piece.label, piece.item_number)
        )
