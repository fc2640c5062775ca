"""Is what the bucket holds what the source served? Read from the disk, independent of what the pipeline says.

With a library of ours every piece of every completed medium must be there exactly once with the same content, and
nothing else but the record of what GoPro knows about it. Against somebody else's server we never saw the source's
bytes: there every archived piece must have the size and the CRC64NVME that were recorded at its transfer. The second
check is made in both cases. Objects of a kept account that passed it in an earlier run, and whose files are untouched
since, are not read again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sandbox.run.fingerprints import Fingerprint
from sandbox.run.recollection import Recollection

MEDIUM_METADATA, PIECE_METADATA = "source-media-id", "piece"
_RECORD = "record-1"
_COMPLETED = "COMPLETED"
_NOT_READY = "NOT_READY"
_DELETED = "source_deleted"


class ArchivedObject(Protocol):
    """What is needed of an object in the bucket; ``path`` is its content on this disk."""

    @property
    def key(self) -> str:
        """The object's whole key."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """User metadata, without the ``x-amz-meta-`` prefix."""

    @property
    def path(self) -> Path:
        """The content on disk."""


class ServedPiece(Protocol):
    """What is needed of a file that the library serves."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What its bytes are."""

    @property
    def required(self) -> bool:
        """Whether a faithful copy must bring it; the others it may bring: side files, proxies, former versions."""


Served = Callable[[str], Sequence[ServedPiece]]
"""A media id -> the files that are served of it; none is required of a medium that is not served (any more)."""

_Archive = list[tuple[ArchivedObject, Fingerprint]]
_Pieces = Mapping[str, Mapping[str, Any]]
"""Key -> the tracker's row of an archived piece."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result: ``by`` is ``content`` or ``checksum``; every problem is one sentence that names key or medium.

    ``media`` counts those that must be there, ``objects`` what was compared; of these, the earlier ones were read by
    earlier runs (an earlier medium is one of earlier objects only).
    """

    by: str
    media: int
    objects: int
    problems: tuple[str, ...]
    earlier_media: int = 0
    earlier_objects: int = 0

    @property
    def equal(self) -> bool:
        """Nothing missing, nothing extra, nothing different."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """For the last line of ``--json``."""
        return {
            "by": self.by,
            "equal": self.equal,
            "media": self.media,
            "objects": self.objects,
            "objects_earlier": self.earlier_objects,
            "problems": list(self.problems),
        }


def is_record(each: ArchivedObject) -> bool:
    """Tell whether an object is the pipeline's own record of a medium, which no source serves."""
    return each.metadata.get(PIECE_METADATA) == _RECORD


def compare(
    objects: Iterable[ArchivedObject],
    rows: Sequence[Mapping[str, Any]],
    reported: Iterable[str],
    served: Served | None,
    recollection: Recollection | None = None,
) -> Comparison:
    """Compare the archive with its source.

    ``rows`` are the tracker's; ``reported`` the media that a report calls COMPLETED; ``served`` is ``None`` for a
    source that is not ours; ``recollection`` knows the objects that need not be read.
    """
    recollection = recollection or Recollection()
    pieces = _archived_pieces(rows)
    archive = _read(objects, pieces, recollection)
    completed = _completed(rows) | set(reported)
    problems = _check_rows(archive, rows, completed)
    if served is not None:
        problems += _check_content(archive, completed, served) + _check_waiting(rows, served)
    compared = [each for each, _ in archive if served is not None or each.key in pieces]
    due = completed - _deleted(rows)
    now = [each for each in compared if each.key not in recollection.earlier]
    return Comparison(
        by="checksum" if served is None else "content",
        media=len(due),
        objects=len(compared),
        problems=tuple(problems),
        earlier_media=len((due & _media_of(compared)) - _media_of(now)),
        earlier_objects=len(compared) - len(now),
    )


def _read(objects: Iterable[ArchivedObject], pieces: _Pieces, recollection: Recollection) -> _Archive:
    """Every object with its content. One that is what its row says is remembered at once: reading can take hours."""
    archive = []
    for each in objects:
        content = recollection.content(each)
        row = pieces.get(each.key)
        if row is not None and _difference(each.key, row, content) is None:
            recollection.confirm(each, content)
        archive.append((each, content))
    return archive


def _media_of(objects: Iterable[ArchivedObject]) -> set[str]:
    return {each.metadata.get(MEDIUM_METADATA, "") for each in objects}


def _check_waiting(rows: Sequence[Mapping[str, Any]], served: Served) -> list[str]:
    """A medium whose originals the library serves is ready: calling it anything else leaves it behind for ever."""
    waiting = sorted(str(row["media_id"]) for row in _media_rows(rows) if row.get("status") == _NOT_READY)
    ready = [media_id for media_id in waiting if any(piece.required for piece in served(media_id))]
    return [f"medium {media_id} is NOT_READY, and the library serves it" for media_id in ready]


def _media_rows(rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    return (row for row in rows if row.get("record") == "MEDIUM")


def _completed(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(row["media_id"]) for row in _media_rows(rows) if row.get("status") == _COMPLETED}


def _deleted(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(row["media_id"]) for row in _media_rows(rows) if row.get("note") == _DELETED}


def _archived_pieces(rows: Iterable[Mapping[str, Any]]) -> _Pieces:
    return {str(row.get("key")): row for row in _piece_rows(rows) if row.get("status") == _COMPLETED}


def _piece_rows(rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    return (row for row in rows if str(row.get("record", "")).startswith("PIECE#"))


def _check_rows(archive: _Archive, rows: Sequence[Mapping[str, Any]], completed: set[str]) -> list[str]:
    """Every archived piece has its object, every object its row, every completed medium at least one piece."""
    found = {each.key: actual for each, actual in archive}
    pieces = list(_piece_rows(rows))
    archived = [row for row in pieces if row.get("status") == _COMPLETED]
    problems = [problem for row in archived if (problem := _check_row(row, found))]
    known = {str(row.get("key")) for row in pieces}
    problems += [f"{key} is in the bucket and not in the tracker" for key in found if key not in known]
    with_pieces = {str(row["media_id"]) for row in archived}
    bare = sorted(completed - with_pieces - _deleted(rows))
    return problems + [f"medium {media_id} is COMPLETED without any archived piece" for media_id in bare]


def _check_row(row: Mapping[str, Any], found: Mapping[str, Fingerprint]) -> str | None:
    key = str(row.get("key"))
    actual = found.get(key)
    if actual is None:
        return f"{key} is COMPLETED in the tracker and not in the bucket"
    return _difference(key, row, actual)


def _difference(key: str, row: Mapping[str, Any], actual: Fingerprint) -> str | None:
    if actual.size != row.get("size"):
        return f"{key} has {actual.size} bytes, the tracker says {row.get('size')}"
    if actual.crc64nvme != row.get("crc64nvme"):
        return f"{key} has the CRC64NVME {actual.crc64nvme}, the tracker says {row.get('crc64nvme')}"
    return None


def _check_content(archive: _Archive, completed: set[str], served: Served) -> list[str]:
    """Medium by medium: the contents in the bucket and the contents that the library serves, as multisets."""
    by_medium: dict[str, _Archive] = {}
    for entry in archive:
        by_medium.setdefault(entry[0].metadata.get(MEDIUM_METADATA, ""), []).append(entry)
    problems = []
    for media_id in sorted(completed | set(by_medium)):
        problems += _check_medium(media_id, by_medium.get(media_id, []), served, complete=media_id in completed)
    return problems


def _check_medium(media_id: str, archive: _Archive, served: Served, *, complete: bool) -> list[str]:
    pieces = served(media_id)
    wanted = Counter(piece.fingerprint for piece in pieces if piece.required)
    others: _Archive = []
    problems = []
    for each, actual in archive:
        if is_record(each):
            problems += _check_record(media_id, each)
        elif wanted[actual] > 0:
            wanted[actual] -= 1
        else:
            others.append((each, actual))
    problems += _check_others(media_id, others, pieces)
    missing = sum(wanted.values())
    if complete and missing:
        problems.append(f"medium {media_id} is COMPLETED and {missing} of its pieces are not in the bucket as served")
    return problems


def _check_others(media_id: str, others: _Archive, pieces: Sequence[ServedPiece]) -> list[str]:
    """What is archived beside the required must be served, too, and is there once for each time it is served."""
    allowed = Counter(piece.fingerprint for piece in pieces if others and not piece.required)
    problems = []
    for each, actual in others:
        if allowed[actual] > 0:
            allowed[actual] -= 1
        else:
            problems.append(f"{each.key} is no piece that the library serves for medium {media_id!r}, or a second copy")
    return problems


def _check_record(media_id: str, each: ArchivedObject) -> list[str]:
    """``medium.json`` must be JSON about this medium; what else is in it, only GoPro knows."""
    try:
        document = json.loads(each.path.read_bytes())
        found = document["medium"]["id"]
    except (ValueError, LookupError, TypeError):
        found = None
    return [] if str(found) == media_id else [f"{each.key} is no record of medium {media_id!r}"]
