"""The answer of ``/media/{id}/download``: which files make up a medium, and where they are now.

The shapes are those of gopro-api section 8. Two of its traps are kept on purpose: ``variations`` are in no useful
order, and ``files[0]`` of a video is a proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.gopro.library import SimMedium, SimPiece
from sandbox.gopro.signing import piece_path

Link = Callable[[str, str], str]
"""From a method and a path to the pre-signed URL."""

_VARIATION_LABELS = (
    "edit_proxy",
    "audio_proxy",
    "mp4_low",
    "source",
    "baked_source",
    "concat",
    "timelapse_video",
    "high_res_proxy_mp4",
    "large",
    "medium",
)
_PROXY_LABELS = ("high_res_proxy_mp4", "edit_proxy")
_QUALITIES = {"high_res_proxy_mp4": "1080p", "edit_proxy": "720p", "mp4_low": "240p"}


def download_document(medium: SimMedium, link: Link, labels: str | None) -> dict[str, object]:
    """Return the document with fresh URLs; ``labels``, a comma list, narrows the variations."""
    variations = [piece for label in _VARIATION_LABELS for piece in medium.labelled(label)]
    if medium.is_photo_group:
        variations = [piece for piece in variations if piece.label != "source" or piece.item_number == 1]
    if labels is not None:
        variations = [piece for piece in variations if piece.label in labels.split(",")]
    sidecars = sorted(
        (piece for piece in medium.pieces if piece.label not in _VARIATION_LABELS),
        key=lambda piece: (piece.label, piece.item_number),
    )
    name = {} if "filename" in medium.absent else {"filename": medium.filename}
    return name | {
        "_embedded": {
            "files": [_file(medium, piece, link) for piece in _files(medium)],
            "variations": [_variation(medium, piece, link) for piece in variations],
            "sidecar_files": [_sidecar(medium, piece, link) for piece in sidecars],
            "sprites": [],
        },
    }


def _files(medium: SimMedium) -> Iterable[SimPiece]:
    """Choose what ``files`` shows: a video's first proxy, and otherwise the originals."""
    proxies = [piece for label in _PROXY_LABELS for piece in medium.labelled(label)]
    return proxies[:1] or medium.labelled("baked_source") or medium.labelled("source")


def _file(medium: SimMedium, piece: SimPiece, link: Link) -> dict[str, object]:
    return _common(medium, piece, link) | {"orientation": 0, "type": None, "video_codec": None}


def _variation(medium: SimMedium, piece: SimPiece, link: Link) -> dict[str, object]:
    quality = _QUALITIES.get(piece.label) or medium.extra.get("resolution")
    return _common(medium, piece, link) | {"label": piece.label, "type": piece.extension, "quality": quality}


def _sidecar(medium: SimMedium, piece: SimPiece, link: Link) -> dict[str, object]:
    entry = _common(medium, piece, link) | {"label": piece.label, "type": piece.extension, "fps": 0}
    return entry | {"task_version": None}


def _common(medium: SimMedium, piece: SimPiece, link: Link) -> dict[str, object]:
    path = piece_path(medium, piece)
    original = piece.label in {"source", "baked_source"}
    entry: dict[str, object] = {
        "url": link("GET", path),
        "head": link("HEAD", path),
        "width": medium.extra.get("width") if original else 0,
        "height": medium.extra.get("height") if original else 0,
        "available": piece.available,
        "camera_position": piece.camera_position,
        "transforms": None,
        "urls": [],
        "heads": [],
    }
    entry |= {"item_number": piece.item_number} if medium.numbered else {}
    return {key: value for key, value in entry.items() if key not in medium.omitted}
