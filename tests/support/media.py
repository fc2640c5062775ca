"""Media, pieces and sources with sensible defaults: a test names only what it is about."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.models import MediaId, Medium, Piece, PieceId, SecretUrl, Source

URL = SecretUrl("https://cdn.gopro.com/u/1/file.mp4?Signature=c4n4ry")


def medium(media_id: str = "m1", **fields: Any) -> Medium:
    """A ready video of 1,000 bytes."""
    defaults: dict[str, Any] = {
        "filename": "GX010042.MP4",
        "file_extension": "mp4",
        "file_size": 1_000,
        "type": "Video",
        "captured_at": "2026-01-31T12:00:00Z",
        "created_at": "2026-02-01T08:00:00Z",
        "ready_to_view": "ready",
    }
    return Medium(media_id=MediaId(media_id), **{**defaults, **fields})


def piece(piece_id: str = "source-1", **fields: Any) -> Piece:
    """The original of a video."""
    defaults: dict[str, Any] = {
        "label": "source",
        "quality": "source",
        "position": 1,
        "filename": "GX010042.MP4",
        "url": URL,
    }
    return Piece(piece_id=PieceId(piece_id), **{**defaults, **fields})


def source(size: int | None = 1_000, **fields: Any) -> Source:
    """What a well-behaved server says of a piece."""
    defaults: dict[str, Any] = {"validator": '"v1"', "ranges": True}
    return Source(size, **{**defaults, **fields})
