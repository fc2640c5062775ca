"""The files that GoPro makes of an original: telemetry, tracks, edit lists, proxies, thumbnails. Pure.

Which of them are copied is the owner's choice, by GoPro's own labels. Each has a name of its own, never the original's.
The zip of a group of photos cannot be chosen: it holds the frames once more and is often empty (gopro-api.md 9).
"""

from __future__ import annotations

import re

from cloud_sync_common.models import Medium
from cloud_sync_common.rules.attributes import content_type
from cloud_sync_common.rules.piece_names import split_extension

RAW_PHOTO, GPMF, GPX, EDL = "raw_photo", "gpmf", "gpx", "edl_mce"

DEFAULT = (RAW_PHOTO, GPMF, GPX, EDL)
"""What cannot be made again from the original, or only with GoPro's own tools."""

_USUAL_FORMAT = {
    GPMF: "mp4",
    GPX: "gpx",
    EDL: "json",
    "mediainfo": "json",
    "high_res_proxy_mp4": "mp4",
    "edit_proxy": "mp4",
    "mp4_low": "mp4",
    "audio_proxy": "m4a",
    "timelapse_video": "mp4",
    "concat": "mp4",
    "large": "jpg",
    "medium": "jpg",
}
ALLOWED = frozenset({RAW_PHOTO, *_USUAL_FORMAT})
"""Labels that may be chosen. ``mediainfo`` is off by default: it only says what the original's own headers say."""

_FORMAT = re.compile(r"[A-Za-z0-9]{1,8}")
_EDIT_TYPES = frozenset({"multiclipedit", "edit"})


def extra_name(original: str, label: str, kind: str) -> str:
    """Return the name of a file made of ``original``; ``kind`` is GoPro's word for its format, if it has one.

    ``GX010042.MP4`` has ``GX010042.gpmf.mp4``, ``GX010042.gpx`` and ``GX010042.high_res_proxy.mp4``.
    """
    stem = split_extension(original)[0]
    extension = kind.lower() if _FORMAT.fullmatch(kind) else _USUAL_FORMAT.get(label, "bin")
    words = label.removesuffix("_mp4")
    return f"{stem}.{extension}" if words == extension else f"{stem}.{words}.{extension}"


def made_late(medium: Medium, first_file: str) -> frozenset[str]:
    """Return the labels that GoPro makes some time after the upload, of a medium of this kind.

    Telemetry and tracks of what a GoPro has filmed (it knows no camera of phones' uploads), the edit list of an edit.
    Whether a recording has a track at all, nobody can tell beforehand: cameras without GPS never get one.
    """
    if medium.type.lower() in _EDIT_TYPES:
        return frozenset({EDL})
    is_film = content_type(first_file).startswith("video/")
    return frozenset({GPMF, GPX}) if is_film and medium.camera_model else frozenset()
