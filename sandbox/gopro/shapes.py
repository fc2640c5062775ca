"""What GoPro usually has of a medium of each type: labels, how many files of each, how large beside the original."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.gopro.contents import Seeded
from sandbox.gopro.library import SimPiece

EXTENSIONS = {
    "source": "mp4",
    "baked_source": "mp4",
    "raw_photo": "gpr",
    "large": "jpg",
    "medium": "jpg",
    "audio_proxy": "m4a",
    "gpx": "gpx",
    "mediainfo": "json",
    "edl_mce": "json",
    "zip": "zip",
}
"""By label, where nothing else says so; ``mp4`` for the others."""

_TYPE_EXTENSIONS = {"Audio": "wav"} | dict.fromkeys(
    ("Photo", "Burst", "Continuous", "TimeLapse", "NightLapse", "LivePhoto"), "jpg"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """``count`` files of a label, each of ``share`` of the original's bytes."""

    label: str
    count: int = 1
    share: float = 1.0


_VIDEO = (_Part("source"), _Part("high_res_proxy_mp4", share=0.3), _Part("gpmf", share=0.02))
_FRAMES = (_Part("source", count=5, share=0.2), _Part("zip"))
SHAPES: dict[str, tuple[_Part, ...]] = {
    "Video": _VIDEO,
    "Chaptered": (_Part("source", count=3, share=0.3), _Part("edit_proxy", share=0.1), _Part("gpmf", 3, 0.01)),
    "Photo": (_Part("source"), _Part("large", share=0.1)),
    "Burst": _FRAMES,
    "Continuous": _FRAMES,
    "TimeLapse": _FRAMES,
    "NightLapse": _FRAMES,
    "TimeLapseVideo": _VIDEO,
    "LoopedVideo": _VIDEO,
    "BurstVideo": _VIDEO,
    "MultiClipEdit": (_Part("baked_source"), _Part("edl_mce", share=0.001)),
    "Audio": (_Part("source"),),
    "ExternalVideo": (_Part("source"), _Part("high_res_proxy_mp4", share=0.3)),
}
"""The types that ``[generate]`` makes."""


def extension_of(kind: str, label: str) -> str:
    """Return the extension that a piece of this label usually has in a medium of this type."""
    return _TYPE_EXTENSIONS.get(kind, "mp4") if label == "source" else EXTENSIONS.get(label, "mp4")


def usual_pieces(kind: str, size: int, seed: str) -> tuple[SimPiece, ...]:
    """Make the pieces of one medium whose largest original has about ``size`` bytes; ``kind`` is one of ``SHAPES``."""
    return tuple(
        SimPiece(
            part.label,
            Seeded(f"{seed}/{part.label}-{number}", max(1, int(size * part.share))),
            number,
            extension_of(kind, part.label),
        )
        for part in SHAPES[kind]
        for number in range(1, part.count + 1)
    )
