"""A folder of one's own files, served as if they were a GoPro library."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sandbox.gopro.errors import LibraryError
from sandbox.gopro.library import Library, SimMedium, SimPiece

MEDIUM_SUFFIX = ".medium"
"""A folder with this suffix is one medium of several pieces."""

_TYPES = {
    "Video": ("mp4", "mov", "m4v", "360", "lrv"),
    "Photo": ("jpg", "jpeg", "png", "gpr", "heic", "dng"),
    "Audio": ("wav", "m4a", "mp3"),
}
_TYPE_BY_EXTENSION = {extension: kind for kind, extensions in _TYPES.items() for extension in extensions}
_OTHER_TYPE = "ExternalVideo"
_RAW_EXTENSION = "gpr"
_URL_EXTENSION = re.compile(r"[a-z0-9]{1,8}")


def directory_library(root: Path) -> Library:
    """Describe the files below ``root`` as a library; nothing is copied or read but names, sizes and times.

    Each file is a medium of the type that its extension says (anything unknown: ExternalVideo). A folder
    ``NAME.medium`` is one medium: all photos make a burst, one photo with its ``.gpr`` a photo with RAW, anything else
    the chapters of a recording, in the order of the names. Other folders are walked. Hidden names, links to folders and
    what is neither file nor folder are left out. Ids come from the relative path, dates from the modification time.

    Raises ``LibraryError`` when there is no file, or one cannot be read or named.
    """
    try:
        if not root.is_dir():
            raise LibraryError(f"{root} is not a folder: name one that holds media files")
        media = tuple(_media(root, root))
    except OSError as error:
        raise LibraryError(f"cannot read {error.filename}: {error.strerror}; change that, or move it away") from None
    if not media:
        raise LibraryError(f"{root} holds no files to serve: put some media into it, or name another folder")
    return Library(media)


def _media(folder: Path, root: Path) -> Iterator[SimMedium]:
    for path in _visible(folder):
        if path.is_file():
            yield _single(path, root)
        elif path.is_dir() and not path.is_symlink():
            if path.suffix == MEDIUM_SUFFIX:
                yield _of_several(path, root)
            else:
                yield from _media(path, root)


def _visible(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.name)


def _single(path: Path, root: Path) -> SimMedium:
    _check(path)
    piece = SimPiece("source", path, 1, _url_extension(path))
    return _medium(path, root, path, _TYPE_BY_EXTENSION.get(_extension(path), _OTHER_TYPE), [piece])


def _of_several(folder: Path, root: Path) -> SimMedium:
    paths = _visible(folder)
    for path in paths:
        if not path.is_file():
            raise LibraryError(f"{folder} is one medium and may hold files only: move {path.name} out of it")
        _check(path)
    if not paths:
        raise LibraryError(f"{folder} is one medium, but holds no files: put its files there, or remove it")
    photos = all(_TYPE_BY_EXTENSION.get(_extension(path)) == "Photo" for path in paths)
    raws = [path for path in paths if photos and _extension(path) == _RAW_EXTENSION]
    originals = [path for path in paths if path not in raws] or raws
    pieces = _numbered("source", originals)
    if originals is not raws:
        pieces += _numbered("raw_photo", raws)
    kind = ("Burst" if len(originals) > 1 else "Photo") if photos else "Video"
    return _medium(folder, root, originals[0], kind, pieces)


def _numbered(label: str, paths: Sequence[Path]) -> list[SimPiece]:
    return [SimPiece(label, path, number, _url_extension(path)) for number, path in enumerate(paths, start=1)]


def _check(path: Path) -> None:
    """Refuse early what could not be served later."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise LibraryError(f"the file name {path.name!r} is not valid UTF-8: rename the file") from None
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise LibraryError(f"cannot read {path}: change its permissions, or move it out of the folder")


def _medium(identity: Path, root: Path, first: Path, kind: str, pieces: Sequence[SimPiece]) -> SimMedium:
    taken = datetime.fromtimestamp(first.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    relative = identity.relative_to(root).as_posix()
    return SimMedium(
        media_id=hashlib.sha256(relative.encode("utf-8", "surrogateescape")).hexdigest()[:24],
        filename=first.name,
        type=kind,
        file_extension=_extension(first) or None,
        captured_at=taken,
        created_at=taken,
        ready_to_view="ready",
        pieces=tuple(pieces),
        file_size=sum(piece.size for piece in pieces if piece.label == "source"),
        camera_model=None,
    )


def _extension(path: Path) -> str:
    return path.suffix[1:].lower()


def _url_extension(path: Path) -> str:
    """Return the extension if it may stand in a URL as it is, else one for "some bytes"."""
    extension = _extension(path)
    return extension if _URL_EXTENSION.fullmatch(extension) else "bin"
