"""The nouns of the pipeline: what GoPro holds (medium, piece) and what a source says about itself. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

MediaId = NewType("MediaId", str)
PieceId = NewType("PieceId", str)
ObjectKey = NewType("ObjectKey", str)
UploadId = NewType("UploadId", str)

SCHEMA = 1
"""Version of events, tracker rows and manifests. A function that meets another one refuses it (fault F57)."""


class Status(StrEnum):
    """A medium's or piece's status in the tracker; the names are fixed by the mission but for LISTED."""

    LISTED = "LISTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    NOT_READY = "NOT_READY"


class Outcome(StrEnum):
    """What a pass of the downloader says about its medium; a closed list that the state machine's Choice knows."""

    TRANSFER = "TRANSFER"
    CONTINUE = "CONTINUE"
    COMPLETED = "COMPLETED"
    ALREADY_SYNCED = "ALREADY_SYNCED"
    NOT_READY = "NOT_READY"
    SOURCE_DELETED = "SOURCE_DELETED"
    FAILED = "FAILED"
    BUSY = "BUSY"


class Quality(StrEnum):
    """The labels of GoPro's variations that may be archived in an original's place, and the original itself."""

    SOURCE = "source"
    HIGH_RES_PROXY_MP4 = "high_res_proxy_mp4"
    EDIT_PROXY = "edit_proxy"
    AUDIO_PROXY = "audio_proxy"


class SecretUrl(str):
    """A pre-signed URL: a string where it is used, and only its host in a ``repr``, so in every dataclass around it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Scheme and host only; path and query name the account and carry the signature."""
        scheme, _, rest = str.partition(self, "://")
        return f"<pre-signed URL at {scheme}://{rest.split('/', 1)[0]}>"


@dataclass(frozen=True, slots=True)
class Medium:
    """One row of GoPro's listing, parsed: everything later steps need and no token.

    ``file_size`` is the listing's sum over all pieces in bytes, advisory only; ``None`` means unknown.
    Dates are RFC 3339 strings as GoPro gave them, or ``None``.
    """

    media_id: MediaId
    filename: str
    file_extension: str
    file_size: int | None
    type: str
    captured_at: str | None
    created_at: str | None
    ready_to_view: str
    camera_model: str | None = None
    item_count: int | None = None
    source_duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    content_title: str | None = None
    play_as: str | None = None
    reprocessed_at: str | None = None
    revision_number: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a medium, with the URLs that serve it now.

    ``piece_id`` is stable over calls and runs (``source-1``, ``frame-17``, ``raw_photo-1``, ``gpmf-1``): the label, and
    the number among the pieces of that label, from 1.
    """

    piece_id: PieceId
    label: str
    quality: str
    position: int
    filename: str
    url: SecretUrl
    head_url: SecretUrl | None = None
    camera_position: str = "default"
    is_extra: bool = False
    """GoPro or we made it of the original: the medium is complete without it, and it is looked for again."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the source server says of one piece: the truth that a transfer is checked against.

    ``size`` in bytes, ``None`` if it never says; ``validator`` is a strong ETag with its quotes, or a Last-Modified
    date, or ``None``; ``ranges`` tells whether a ranged GET is answered with 206.
    """

    size: int | None
    validator: str | None
    ranges: bool
    is_media: bool = False
    """By its name the piece is a video, photo or sound: an error document in its place is refused."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The answer to "which files make up this medium, now?"."""

    pieces: tuple[Piece, ...]
    fallback: bool = False
    """The original does not exist at GoPro, and a proxy stands in for it."""
    not_ready: str | None = None
    """Why there is nothing to copy yet; ``pieces`` is then empty."""
    absent: tuple[PieceId, ...] = ()
    """Ids of extra pieces that this deployment copies, and that GoPro may still be making."""
    warnings: tuple[str, ...] = field(default=())
