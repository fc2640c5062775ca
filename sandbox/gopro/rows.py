"""The rows of the listing: every field GoPro is known to have, and the projection that ``fields`` asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sandbox.gopro.account import ACCOUNT_ID, Account
from sandbox.gopro.library import SimMedium

DEFAULT_FIELDS = (
    "id",
    "filename",
    "file_extension",
    "type",
    "file_size",
    "captured_at",
    "created_at",
    "ready_to_view",
    "camera_model",
    "width",
    "height",
    "source_duration",
    "item_count",
)
"""What a search without ``fields`` brings; the real set is not known (gopro-api: inferred)."""

UNASKED_FIELDS = ("source_gumi", "source_mgumi", "token")
"""Come whatever ``fields`` says. GoPro sends the first two so; the token is our trap for clients that store rows."""

_PLAY_AS = {"Photo": "photo", "MultiClipEdit": "edl", "Edit": "edl", "Audio": None}
_ALWAYS_NULL = (
    "reprocessed_at",
    "composition",
    "mce_type",
    "music_track_name",
    "music_track_artist",
    "content_title",
    "content_description",
    "content_source",
    "content_type",
    "tags",
    "width",
    "height",
    "resolution",
    "source_duration",
    "fov",
    "firmware_version",
    "source_mgumi",
)


def full_row(medium: SimMedium, account: Account) -> dict[str, object]:
    """Return everything that ``/media/{id}`` tells of a medium, ``medium.extra`` having the last word."""
    row: dict[str, object] = dict.fromkeys(_ALWAYS_NULL)
    row.update(_own_fields(medium))
    row.update(_constant_fields())
    row["folder_path"] = f"{ACCOUNT_ID}/{medium.media_id}/"
    row["source_gumi"] = hashlib.sha256(f"gumi\n{medium.media_id}".encode()).hexdigest()[:32]
    row["token"] = account.row_token(medium.media_id)
    row.update(medium.extra)
    return {name: value for name, value in row.items() if name not in medium.absent}


def project(row: Mapping[str, object], fields: str | None) -> dict[str, object]:
    """Keep what the comma list asks for (or the default set), and the fields that come unasked."""
    wanted = DEFAULT_FIELDS if fields is None else tuple(name.strip() for name in fields.split(","))
    return {name: value for name, value in row.items() if name in wanted or name in UNASKED_FIELDS}


def _own_fields(medium: SimMedium) -> dict[str, object]:
    times = ("created_at", "updated_at", "client_updated_at", "submitted_at", "upload_completed_at")
    ready = medium.ready_to_view == "ready"
    return dict.fromkeys(times, medium.created_at) | {
        "id": medium.media_id,
        "filename": medium.filename,
        "file_extension": medium.file_extension,
        "file_size": medium.file_size,
        "type": medium.type,
        "captured_at": medium.captured_at,
        "ready_to_view": medium.ready_to_view,
        "ready_to_edit": ready,
        "thumbnail_available": ready,
        "moments_count": len(medium.moments),
        "item_count": max(1, len({piece.item_number for piece in medium.labelled("source")})),
        "camera_model": medium.camera_model,
        "available_labels": sorted({piece.label for piece in medium.pieces if piece.available}),
        "play_as": "multi_shot_photo" if medium.is_photo_group else _PLAY_AS.get(medium.type, "video"),
    }


def _constant_fields() -> dict[str, object]:
    return {
        "orientation": 1,
        "stabilized": False,
        "gopro_media": True,
        "subscription_type": "gopro",
        "region": "us-west-2",
        "revision_number": 0,
        "on_public_profile": False,
        "ai_training_opt_out": True,
        "gopro_user_id": ACCOUNT_ID,
        "user_id": ACCOUNT_ID,
    }
