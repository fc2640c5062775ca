"""The built-in library: one medium of every shape that a first run should meet, in real, playable files."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from sandbox.gopro.library import Library, SimMedium, SimPiece
from sandbox.gopro.padding import grow_jpeg, grow_mp4

MIB = 1024 * 1024

_PHOTO_PIXELS = 640 * 480
_VIDEO_FIELDS: Mapping[str, object] = {"width": 320, "height": 240, "resolution": "240p", "source_duration": "1000"}
_PHOTO_FIELDS: Mapping[str, object] = {"width": 640, "height": 480, "resolution": str(_PHOTO_PIXELS)}
_GPX = '<?xml version="1.0"?><gpx version="1.1" creator="{name}" xmlns="http://www.topografix.com/GPX/1/1"/>\n'


def builtin_library(root: Path) -> Library:
    """Write about 160 MB of media below ``root`` (created if absent) and return the library that describes them.

    Names, ids, dates and bytes are the same on every machine; files that are there already are written again.
    """
    root.mkdir(parents=True, exist_ok=True)
    writer = _Writer(root)
    return Library(
        (
            writer.video("GH010001.MP4", [12 * MIB + 345], "2024-03-09T08:15:30Z"),
            writer.video("GX010002.MP4", [108 * MIB + 77], "2024-08-21T17:40:02Z"),
            writer.photo("GOPR0003.JPG", MIB + 511, "2024-12-31T23:59:59Z"),
            writer.video("GX010004.MP4", [6 * MIB + 13, 5 * MIB + 901], "2025-02-14T10:00:00Z"),
            writer.burst("G0050005.JPG", [(180 + 10 * frame) * 1024 + frame for frame in range(5)]),
            writer.edit(9 * MIB + 1, "2025-09-30T19:05:44Z"),
            replace(writer.video("GH010007.MP4", [2 * MIB + 3], "2025-11-11T11:11:11Z"), deleted=True),
            _transcoding(writer.video("GX010008.MP4", [3 * MIB + 5], "2026-01-05T06:07:08Z")),
        )
    )


@dataclass(frozen=True)
class _Writer:
    """Writes media below one folder, each into a folder named by its id."""

    root: Path

    def video(self, filename: str, sizes: Sequence[int], captured_at: str) -> SimMedium:
        """Write a recording of one or more chapters with what GoPro makes of it: proxies, telemetry, side files."""
        media_id, folder = self._folder(filename)
        chapters = [f"{filename[:2]}{number:02}{filename[4:]}" for number in range(1, len(sizes) + 1)]
        pieces = [
            self._mp4(folder / name, "source", number, size)
            for number, (name, size) in enumerate(zip(chapters, sizes, strict=True), start=1)
        ]
        pieces += [
            self._mp4(folder / "high_res_proxy.mp4", "high_res_proxy_mp4", 1, 700 * 1024 + 1, sample="proxy.mp4"),
            self._mp4(folder / "edit_proxy.mp4", "edit_proxy", 1, 300 * 1024 + 1, sample="proxy.mp4"),
            self._mp4(folder / "audio_proxy.m4a", "audio_proxy", 1, 20 * 1024 + 1, sample="audio.m4a"),
            *(
                self._mp4(folder / f"gpmf-{number}.mp4", "gpmf", number, 40 * 1024 + number, sample="proxy.mp4")
                for number in range(1, len(sizes) + 1)
            ),
            self._text(folder / "track.gpx", "gpx", _GPX.format(name=filename)),
            self._text(folder / "mediainfo.json", "mediainfo", json.dumps({"filename": filename})),
        ]
        fields = dict(_VIDEO_FIELDS, source_duration=str(1000 * len(sizes)))
        return _medium(media_id, filename, "Video", captured_at, pieces, fields)

    def photo(self, filename: str, size: int, captured_at: str) -> SimMedium:
        """Write a single photo and the previews GoPro makes of it."""
        media_id, folder = self._folder(filename)
        pieces = [
            self._jpeg(folder / filename, "source", 1, size),
            self._jpeg(folder / "large.jpg", "large", 1, 30 * 1024 + 1),
            self._text(folder / "mediainfo.json", "mediainfo", json.dumps({"filename": filename})),
        ]
        return _medium(media_id, filename, "Photo", captured_at, pieces, _PHOTO_FIELDS)

    def burst(self, filename: str, sizes: Sequence[int]) -> SimMedium:
        """Write the frames of a burst and the zip of all of them."""
        media_id, folder = self._folder(filename)
        names = [f"{filename[:4]}{int(filename[4:8]) + frame:04}.JPG" for frame in range(len(sizes))]
        frames = [
            self._jpeg(folder / name, "source", number, size)
            for number, (name, size) in enumerate(zip(names, sizes, strict=True), start=1)
        ]
        zipped = _zip(folder / "frames.zip", [frame.path for frame in frames])
        fields = dict(_PHOTO_FIELDS, source_duration="0")
        return _medium(media_id, filename, "Burst", "2025-06-18T14:30:00Z", [*frames, zipped], fields)

    def edit(self, size: int, captured_at: str) -> SimMedium:
        """Write a rendered edit: no name, no size in the listing, no source."""
        media_id, folder = self._folder("edit")
        pieces = [
            self._mp4(folder / "edit.mp4", "baked_source", 1, size),
            self._text(folder / "edl.json", "edl_mce", json.dumps({"version": 1, "clips": []})),
        ]
        fields = dict(_VIDEO_FIELDS, mce_type="user_created", content_title="Best of the year")
        medium = _medium(media_id, "", "MultiClipEdit", captured_at, pieces, fields)
        return replace(medium, file_extension="json", file_size=None, camera_model=None)

    def _folder(self, name: str) -> tuple[str, Path]:
        media_id = hashlib.sha256(f"built-in\n{name}".encode()).hexdigest()[:24]
        folder = self.root / media_id
        folder.mkdir(exist_ok=True)
        return media_id, folder

    def _mp4(self, path: Path, label: str, number: int, size: int, *, sample: str = "video.mp4") -> SimPiece:
        grow_mp4(_sample(sample), path, size, self._seed(path))
        return SimPiece(label, path, number, path.suffix[1:].lower())

    def _jpeg(self, path: Path, label: str, number: int, size: int) -> SimPiece:
        grow_jpeg(_sample("photo.jpg"), path, size, self._seed(path))
        return SimPiece(label, path, number, "jpg")

    def _text(self, path: Path, label: str, text: str) -> SimPiece:
        path.write_text(text, encoding="utf-8")
        return SimPiece(label, path, 1, path.suffix[1:])

    def _seed(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _sample(name: str) -> bytes:
    return resources.files("sandbox.gopro").joinpath("samples", name).read_bytes()


def _zip(path: Path, members: Sequence[Path]) -> SimPiece:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            archive.writestr(zipfile.ZipInfo(member.name, (2025, 6, 18, 14, 30, 0)), member.read_bytes())
    return SimPiece("zip", path, 1, "zip")


def _medium(
    media_id: str,
    filename: str,
    kind: str,
    captured_at: str,
    pieces: Sequence[SimPiece],
    fields: Mapping[str, object],
) -> SimMedium:
    return SimMedium(
        media_id=media_id,
        filename=filename,
        type=kind,
        file_extension=filename.rpartition(".")[2].lower(),
        captured_at=captured_at,
        created_at=captured_at,
        ready_to_view="ready",
        pieces=tuple(pieces),
        file_size=sum(piece.size for piece in pieces if piece.label == "source"),
        camera_model="HERO12 Black",
        extra=fields,
    )


def _transcoding(medium: SimMedium) -> SimMedium:
    """Return the medium as GoPro shows it just after the upload: the source is there, everything else is to come."""
    pieces = tuple(replace(piece, available=piece.label == "source") for piece in medium.pieces)
    return replace(medium, ready_to_view="transcoding", pieces=pieces)
