"""A library that is written down in a TOML file. ``every_shape.toml`` beside this module shows and explains every key.

No file is made of it: bytes are made when they are asked for, from the piece's size and seed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sandbox.gopro.contents import Seeded
from sandbox.gopro.errors import LibraryError
from sandbox.gopro.grown import MOST, Grown
from sandbox.gopro.library import Library, SimMedium, SimPiece
from sandbox.gopro.shapes import SHAPES, extension_of
from sandbox.gopro.toml_table import Table

_LARGEST_FILE = 4 * 1024 * 1024
_MOST_BYTES = 5 * 1024**4
_MOST_FRAMES = 100_000
_A_YEAR = 366 * 86_400
_WORD = r"[A-Za-z0-9_-]{1,64}"
_MEDIUM_KEYS = (
    *("id", "type", "filename", "file_extension", "file_size", "captured_at", "created_at", "state", "camera_model"),
    *("deleted", "pieces", "numbered", "entries_without", "moments", "fields", "null", "absent"),
)
_PIECE_KEYS = ("label", "size", "count", "extension", "available", "lost", "camera_position", "seed")
_GENERATE_KEYS = ("count", "types", "smallest", "largest", "since", "seconds_between", "seed")
_DELETED = {"after-listing": True, "in-trash": False}
"""What ``deleted`` may say, and whether the listing still shows the medium."""


def described_library(path: Path) -> Library:
    """Read the file; raises ``LibraryError``, one line that names the medium, for anything wrong in it."""
    try:
        return _library(_parsed(path))
    except LibraryError as error:
        raise LibraryError(f"{path.name}: {error}") from None


def _parsed(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise LibraryError(f"cannot be read ({error.strerror}); give the path of a library's file") from None
    if len(text) > _LARGEST_FILE:
        raise LibraryError("is larger than 4 MiB; let [generate] make many media")
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError:
        raise LibraryError("is not TOML: it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise LibraryError(f"is not TOML: {error}") from None


def _library(document: dict[str, object]) -> Library:
    whole = Table("the file", document, ("media", "generate"))
    media = tuple(_medium(number, values) for number, values in enumerate(whole.listed("media"), start=1))
    crowd = _grown(whole.value("generate")) if "generate" in document else None
    if not media and crowd is None:
        raise LibraryError("has no media; write each one as a [[media]] table, or let [generate] make some")
    seen: set[str] = set()
    for medium in media:
        if medium.media_id in seen or (crowd is not None and crowd.position_of(medium.media_id) is not None):
            raise LibraryError(f"two media have the id {medium.media_id!r}: give one of them another id")
        seen.add(medium.media_id)
    return Library(media, crowd)


def _grown(values: object) -> Grown:
    table = Table("generate", values, _GENERATE_KEYS)
    kinds = table.texts("types") or Grown.kinds
    unknown = next((kind for kind in kinds if kind not in SHAPES), None)
    if unknown is not None:
        raise table.wrong("types", f"cannot have {unknown!r}; use some of: {', '.join(SHAPES)}")
    count = table.whole("count", 1, MOST)
    if count is None:
        raise table.wrong("count", "is missing: say how many media there shall be")
    smallest = table.whole("smallest", 1, _MOST_BYTES) or Grown.smallest
    largest = table.whole("largest", 1, _MOST_BYTES) or max(smallest, Grown.largest)
    if largest < smallest:
        raise table.wrong("largest", f"is less than smallest, which is {smallest}")
    since = table.instant("since", Grown.since)
    seconds = table.whole("seconds_between", 0, _A_YEAR)
    apart = Grown.seconds_between if seconds is None else seconds
    if since.year + count * apart // _A_YEAR > 9_000:
        raise table.wrong("seconds_between", "leads beyond the year 9000: give less, or fewer media")
    return Grown(count, kinds, smallest, largest, since, apart, table.text("seed") or Grown.seed)


def _medium(number: int, values: object) -> SimMedium:
    name = values.get("filename") if isinstance(values, dict) else None
    table = Table(f"medium {number}" + (f" ({name!a})" if name else ""), values, _MEDIUM_KEYS)
    kind = table.needed("type", table.text("type"))
    filename = table.text("filename") or ""
    media_id = table.word("id", _WORD) or hashlib.sha256(f"{number}\n{filename!a}".encode()).hexdigest()[:24]
    pieces = tuple(_pieces(table, media_id, kind))
    originals = [piece.size for piece in pieces if piece.label == "source"]
    size = table.whole("file_size", 0, _MOST_BYTES)
    captured_at = table.moment("captured_at")
    deleted = table.choice("deleted", tuple(_DELETED))
    absent = table.texts("absent")
    return SimMedium(
        media_id=media_id,
        filename=filename,
        type=kind,
        file_extension=_extension(table, filename, kind),
        captured_at=captured_at,
        created_at=table.moment("created_at") or captured_at or "2024-01-01T00:00:00Z",
        ready_to_view=table.text("state") or "ready",
        pieces=pieces,
        file_size=size if size is not None else (sum(originals) if originals else None),
        camera_model=table.text("camera_model"),
        deleted=deleted is not None,
        listed=_DELETED.get(deleted or "", True),
        numbered=table.flag("numbered", default=True),
        omitted=table.texts("entries_without"),
        moments=table.wholes("moments", 0, _MOST_BYTES),
        extra=_fields(table) | dict.fromkeys(table.texts("null")),
        absent=absent,
    )


def _extension(table: Table, filename: str, kind: str) -> str:
    told = table.text("file_extension")
    stem, _, found = filename.rpartition(".")
    return told if told is not None else (found if stem else extension_of(kind, "source")).lower()


def _fields(table: Table) -> dict[str, object]:
    """Return further fields of the row: whatever JSON can say."""
    found = table.value("fields")
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(_is_json(value) for value in found.values()):
        raise table.wrong("fields", "must be a table of texts, numbers, booleans and lists of them")
    return found


def _is_json(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_is_json(one) for one in value.values())
    if isinstance(value, list):
        return all(_is_json(one) for one in value)
    return isinstance(value, str | int | bool) or (isinstance(value, float) and abs(value) < float("inf"))


def _pieces(medium: Table, media_id: str, kind: str) -> Iterator[SimPiece]:
    numbers: dict[tuple[str, str, str], int] = {}
    for position, values in enumerate(medium.listed("pieces"), start=1):
        table = Table(f"{medium.where}: piece {position}", values, _PIECE_KEYS)
        label = table.needed("label", table.word("label", _WORD))
        size = table.whole("size", 0, _MOST_BYTES)
        if size is None:
            raise table.wrong("size", "is missing: say how many bytes it has")
        camera = table.word("camera_position", _WORD) or "default"
        extension = table.word("extension", "[a-z0-9]{1,8}") or extension_of(kind, label)
        count = table.whole("count", 1, _MOST_FRAMES) or 1
        first = numbers.get((label, camera, extension), 0) + 1
        numbers[label, camera, extension] = first + count - 1
        seed = table.text("seed") or f"{media_id}/{label}/{camera}"
        yield from _numbered(table, (label, camera, extension), range(first, first + count), (seed, size))


def _numbered(
    table: Table, kind: tuple[str, str, str], numbers: Sequence[int], bytes_of: tuple[str, int]
) -> Iterator[SimPiece]:
    label, camera, extension = kind
    seed, size = bytes_of
    available, lost = table.flag("available", default=True), table.flag("lost", default=False)
    for number in numbers:
        content = Seeded(f"{seed}-{number}.{extension}", size)
        yield SimPiece(label, content, number, extension, available, lost, camera)
