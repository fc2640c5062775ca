"""Where an original lives in the archive: ``gopro-videos/{YYYY}/{MM}/{media id}/{file name}``. Pure.

The function is total and deterministic, and two different (media id, file name) pairs never share a key: a name that is
safe on every disk stays as it is; any other becomes ``{cleaned stem}~{10 hex digits of its SHA-256}{extension}``, and
a name that already looks like that counts as unsafe. Names that differ only in case or in Unicode form get different
keys here; within one medium `piece_names` keeps them apart on disks that ignore case, too.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from cloud_sync_common.models import Medium, ObjectKey, Piece
from cloud_sync_common.rules.piece_names import split_extension

PREFIX = "gopro-videos"
UNDATED = "undated"
MAX_NAME_BYTES = 200
"""UTF-8 bytes of a file name; leaves room under the 255 of common file systems for tools that add to names."""

RECORD = "record"
"""Label of `SIDE_RECORD` among the pieces."""

SIDE_RECORD = "medium.json"
"""What GoPro knows about the medium lives beside the pieces, so no piece may have this name, or that of a later one."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_YEAR_AND_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])(?![0-9])")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_LOOKS_CHANGED = re.compile(r"~[0-9a-f]{10}(?:\.[a-z0-9]{1,16})?\Z", re.IGNORECASE)
_MARK_DIGITS = 10
_CHANGED = re.compile(r"\.changed-[0-9a-f]{10}\Z")
_RECORDS = re.compile(r"medium(?:\.[0-9a-f]{10})?\.json", re.IGNORECASE)
_ENDS = re.compile(r"\A[\s.]+|[\s.]+\Z")
_FORBIDDEN = frozenset('<>:"|?*\\/')
# Control, format (right-to-left marks, zero-width), surrogate, line and paragraph separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_RESERVED_ON_WINDOWS = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"}
)


def object_key(medium: Medium, piece: Piece) -> ObjectKey:
    """Return the key under which ``piece`` of ``medium`` is archived; at most 422 bytes of UTF-8."""
    name = SIDE_RECORD if piece.label == RECORD else object_name(piece.filename)
    return ObjectKey(f"{medium_prefix(medium)}{name}")


def revised_key(key: ObjectKey, piece: Piece, mark: str) -> ObjectKey:
    """Return where another version of ``piece`` goes: beside ``key``, 10 hex digits of ``mark`` in its name."""
    folder, _, name = key.rpartition("/")
    if piece.label == RECORD:
        return ObjectKey(f"{folder}/medium.{mark[:_MARK_DIGITS]}.json")
    stem, extension = split_extension(name)
    original = _CHANGED.sub("", stem)
    return ObjectKey(f"{folder}/{object_name(f'{original}.changed-{mark[:_MARK_DIGITS]}{extension}')}")


def medium_prefix(medium: Medium) -> str:
    """Return the folder of all pieces of ``medium``, with its closing slash."""
    return f"{PREFIX}/{_date_folder(medium)}/{object_name(medium.media_id)}/"


def object_name(name: str) -> str:
    r"""Return ``name`` if every disk and S3 can hold it, else a safe name that no other name becomes.

    Safe means: at most 200 bytes of UTF-8 in NFC, no control or format character and none of ``<>:"|?*\/``, no dot or
    space at either end (a dot inside is fine), no reserved Windows device name and not that of a `SIDE_RECORD`.
    """
    if _is_safe(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    cleaned = _cleaned(name)
    match = _EXTENSION.search(cleaned)
    extension = match.group() if match and match.start() > 0 else ""
    stem = _ENDS.sub("", cleaned[: len(cleaned) - len(extension)]) or "unnamed"
    if _is_reserved(stem):
        stem = f"_{stem}"
    room = MAX_NAME_BYTES - len(digest) - 1 - len(extension)
    return f"{_cut(stem, room)}~{digest}{extension}"


def _is_safe(name: str) -> bool:
    return (
        bool(name)
        and _cleaned(name) == name
        and not _ENDS.search(name)
        and not _is_reserved(name)
        and not _RECORDS.fullmatch(name)
        and not _LOOKS_CHANGED.search(name)
        and len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
    )


def _cleaned(name: str) -> str:
    return "".join("_" if _is_forbidden(character) else character for character in unicodedata.normalize("NFC", name))


def _is_forbidden(character: str) -> bool:
    point = ord(character)
    is_noncharacter = 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
    return character in _FORBIDDEN or is_noncharacter or unicodedata.category(character) in _FORBIDDEN_CATEGORIES


def _is_reserved(name: str) -> bool:
    """Windows reads ``CON.anything.txt`` as the console: what counts stands before the first dot."""
    return name.split(".", 1)[0].rstrip().lower() in _RESERVED_ON_WINDOWS


def _cut(stem: str, room: int) -> str:
    """Shorten to ``room`` bytes without splitting a character."""
    return stem.encode("utf-8")[:room].decode("utf-8", "ignore")


def _date_folder(medium: Medium) -> str:
    """Year and month as GoPro writes them, without any change of time zone, so that a key never depends on ours.

    Years outside 2000..2100 are the epochs of clocks that were never set (1904, 1970, 1980) or nonsense; then the date
    of the upload counts, and without one ``undated``. Never today: the key would move.
    """
    for date in (medium.captured_at, medium.created_at):
        match = _YEAR_AND_MONTH.match(date or "")
        if match and _FIRST_YEAR <= int(match.group(1)) <= _LAST_YEAR:
            return f"{match.group(1)}/{match.group(2)}"
    return UNDATED
