"""How the files of a medium are called: GoPro names only the first one. Pure.

Cameras number chapters in the name (GX010042, GX020042; GOPR0042, GP010042) and frames by counting up; where a name
follows neither habit the number is appended. All names of one medium differ, also on disks that ignore case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from cloud_sync_common.models import Medium

_EXTENSION = re.compile(r"(?s)(.+)(\.[A-Za-z0-9]{1,8})\Z")
_CHAPTER = re.compile(r"(G[HXSP])([0-9]{2})([0-9]{4})\Z", re.IGNORECASE)
_FIRST_CHAPTER_OF_OLD_CAMERAS = re.compile(r"(G)O(P)R([0-9]{4})\Z", re.IGNORECASE)
_FRAME = re.compile(r"(G[0-9A-Z_]{0,8}?)([0-9]{4})\Z", re.IGNORECASE)
_SAME_FORMAT = {"jpeg": "jpg", "tiff": "tif"}


def split_extension(name: str) -> tuple[str, str]:
    """Return stem and extension with its dot; the extension is empty where there is none."""
    match = _EXTENSION.match(name)
    return (match.group(1), match.group(2)) if match else (name, "")


def first_name(medium: Medium, answered: str, extension: str) -> str:
    """Return the name of the medium's first file: the listing's, else the download answer's, else one from the id.

    ``extension`` (without dot) is appended where the name has none; edits are listed as ``json``, which their files
    are not.
    """
    listed = medium.file_extension if medium.file_extension.lower() != "json" else ""
    name = next((found for found in (medium.filename, answered) if found.strip()), medium.media_id)
    fallback = listed or extension
    return name if split_extension(name)[1] or not fallback else f"{name}.{fallback}"


def with_extension(name: str, extension: str) -> str:
    """Return ``name`` as a file of the format ``extension`` (without dot); its own extension stays if it means that."""
    stem, own = split_extension(name)
    if not extension or _format(own) == _format(extension):
        return name
    return f"{stem}.{extension.upper() if own[1:].isupper() else extension}"


def chapter_name(first: str, number: int) -> str:
    """Return the name of chapter ``number`` (from 1) of the recording whose first file is ``first``."""
    if number == 1:
        return first
    stem, extension = split_extension(first)
    if (match := _CHAPTER.match(stem)) and int(match.group(2)) + number - 1 <= 99:
        return f"{match.group(1)}{int(match.group(2)) + number - 1:02d}{match.group(3)}{extension}"
    if (match := _FIRST_CHAPTER_OF_OLD_CAMERAS.match(stem)) and number <= 100:
        return f"{match.group(1)}{match.group(2)}{number - 1:02d}{match.group(3)}{extension}"
    return f"{stem}-{number}{extension}"


def frame_name(first: str, number: int) -> str:
    """Return the name of frame ``number`` (from 1) of the group whose first file is ``first``: G0020191 -> G0020192."""
    if number == 1:
        return first
    stem, extension = split_extension(first)
    if (match := _FRAME.match(stem)) and int(match.group(2)) + number - 1 <= 9999:
        return f"{match.group(1)}{int(match.group(2)) + number - 1:04d}{extension}"
    return f"{stem}-{number}{extension}"


def at_camera(name: str, position: str) -> str:
    """Return the name of the same file seen by another lens of the camera."""
    stem, extension = split_extension(name)
    return f"{stem}-{position}{extension}"


def unique(wished: Iterable[tuple[str, str]]) -> list[str]:
    """Return a name for each (piece id, wished name), all different also where case or Unicode form is ignored.

    The first to wish for a name gets it; the others carry their piece id, which is unique within a medium.
    """
    taken: set[str] = set()
    names: list[str] = []
    for piece_id, name in wished:
        stem, extension = split_extension(name)
        free, attempt = name, 1
        while _folded(free) in taken:
            free = f"{stem}.{piece_id}{f'.{attempt}' if attempt > 1 else ''}{extension}"
            attempt += 1
        taken.add(_folded(free))
        names.append(free)
    return names


def _folded(name: str) -> str:
    """Unicode's canonical caseless form: equal for names that some disk takes for the same."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _format(extension: str) -> str:
    bare = extension.lstrip(".").lower()
    return _SAME_FORMAT.get(bare, bare)
