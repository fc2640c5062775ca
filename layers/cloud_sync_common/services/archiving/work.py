"""What a pass works on: one piece, where it goes, and what the tracker knows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloud_sync_common.edges.archive import ArchivedObject, ObjectAttributes
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.models import Medium, ObjectKey, Piece, Source, Status
from cloud_sync_common.rules.attributes import TOKEN, content_type, object_metadata, object_tags, storage_class_for
from cloud_sync_common.rules.outcomes import PartRange
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.urls import PieceUrls


class NothingServed(Exception):
    """The source serves zero bytes for a medium whose listing does not say zero, too (fault F16)."""


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """Settings that decide how a piece is moved. Sizes in bytes."""

    multipart_threshold: int
    bytes_per_function: int
    max_functions: int
    storage_class: str


@dataclass(frozen=True, slots=True)
class PieceWork:
    """One piece as this pass finds it.

    ``row`` is the tracker's, empty for a piece never seen, and kept up to date by ``PieceRow``. ``lone_size`` is the
    listing's size if this is the medium's only original: the independent proof of a stream without a length.
    ``stalled_passes`` is how many passes in a row, up to this one, have moved nothing of the medium.
    """

    medium: Medium
    signature: str
    piece: Piece
    row: Row
    generation: int
    run_id: str
    urls: PieceUrls
    deadline: Deadline
    stats: TransferStats
    lone_size: int | None
    stalled_passes: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as what the piece is archived; ``token`` names exactly these bytes of the source."""

    key: ObjectKey
    source: Source
    token: str

    def is_held_by(self, found: ArchivedObject) -> bool:
        """Whether an object is this piece in this version."""
        return found.metadata.get(TOKEN) == self.token and self.source.size in (None, found.size)

    def attributes(self, work: PieceWork, storage_class: str) -> ObjectAttributes:
        """What the object will carry."""
        return ObjectAttributes(
            content_type(work.piece.filename),
            storage_class_for(self.source.size, storage_class),
            object_metadata(work.medium, work.piece, self.source),
            object_tags(work.medium, work.piece),
        )


@dataclass(frozen=True, slots=True)
class Advance:
    """What a pass did for one piece.

    ``moved`` counts bytes that S3 holds and no earlier pass has counted. ``ranges`` is work for other functions.
    ``is_planned_anew`` says that the next pass has another plan: one more pass that moved nothing, but not in vain.
    ``hindrance`` is why nothing more was moved, where that is known.
    """

    done: bool
    moved: int
    ranges: tuple[PartRange, ...] = ()
    is_planned_anew: bool = False
    hindrance: str | None = None


_NOTHING: Row = {}
_NEW_RUN: Row = {"restarts": 0, "replans": 0, "part_limit": None, "handed_over_at": None}
_NO_UPLOAD: Row = {"upload_id": None, "part_size": None, "handed_over_at": None, "confirmed_bytes": 0}


@dataclass(frozen=True, slots=True)
class PieceRow:
    """The tracker's row of a piece: every write of the protocol, each under the medium's generation."""

    tracker: Tracker
    now: Callable[[], str]

    def intend(self, work: PieceWork, target: Target) -> None:
        """Say what will be under which key, before any byte is sent; a former plan's progress is void."""
        superseded = list(work.row.get("superseded_keys", []))
        if work.row.get("status") == Status.COMPLETED and work.row["key"] != target.key:
            superseded.append(work.row["key"])
        self._write(
            work,
            {
                **_description(work, target),
                "status": Status.IN_PROGRESS,
                "size": target.source.size,
                "superseded_keys": superseded,
                "crc64nvme": None,
                **_NO_UPLOAD,
            },
        )

    def give_up(self, work: PieceWork) -> None:
        """Void the plan: the source serves other bytes now."""
        self.forget_upload(work, "SourceChanged", {"restarts": (of_this_run(work, "restarts") or 0) + 1, "token": None})

    def plan_anew(self, work: PieceWork, part_limit: int) -> None:
        """Void the plan: one invocation cannot move a part of it. The next one has none above ``part_limit`` bytes."""
        replans = (of_this_run(work, "replans") or 0) + 1
        self.forget_upload(work, "PartTooLarge", {"replans": replans, "part_limit": part_limit})

    def opened(self, work: PieceWork, upload_id: str, part_size: int) -> None:
        """Say which upload the parts go to, before the first part."""
        self._write(work, {"upload_id": upload_id, "part_size": part_size})

    def forget_upload(self, work: PieceWork, reason: str, facts: Row = _NOTHING) -> None:
        """The upload is gone, or about to be aborted; the next pass opens another.

        Which it was and why stays readable, whatever becomes of the piece. ``reason`` is an error's name; ``facts`` are
        written along.
        """
        ended: Row = {"restart_reason": reason}
        if upload_id := work.row.get("upload_id"):
            ended["aborted_upload_id"] = upload_id
        self._write(work, {**_NO_UPLOAD, **ended, **facts})

    def handed_over(self, work: PieceWork, size: int) -> int:
        """As ``confirmed``, and note that other functions go on from there."""
        return self.confirmed(work, size, {"handed_over_at": size})

    def confirmed(self, work: PieceWork, size: int, facts: Row = _NOTHING) -> int:
        """Note how many bytes S3 holds, ``facts`` along; returns those that no pass has counted before."""
        moved = max(0, size - int(work.row.get("confirmed_bytes", 0)))
        self._write(work, {"confirmed_bytes": size, **facts})
        return moved

    def completed(self, work: PieceWork, target: Target, found: ArchivedObject) -> int:
        """Say COMPLETED, from what HEAD has shown; returns the bytes that no pass has counted before.

        An object that is there although no row ever planned it was archived by others: nothing was moved now.
        """
        counted = int(work.row.get("confirmed_bytes", found.size))
        self._write(
            work,
            {
                **_description(work, target),
                "status": Status.COMPLETED,
                "signature": work.signature,
                "size": found.size,
                "crc64nvme": found.crc64nvme,
                "version_id": found.version_id,
                "confirmed_bytes": found.size,
                "completed_at": self.now(),
                "upload_id": None,
                "handed_over_at": None,
            },
        )
        return max(0, found.size - counted)

    def _write(self, work: PieceWork, facts: Row) -> None:
        begun_anew = {} if work.row.get("run_id") == work.run_id else _NEW_RUN
        facts = {**begun_anew, **facts, "run_id": work.run_id, "updated_at": self.now()}
        self.tracker.write_piece(work.medium.media_id, work.piece.piece_id, work.generation, facts)
        for name, value in facts.items():
            if value is None:
                work.row.pop(name, None)
            else:
                work.row[name] = value


def _description(work: PieceWork, target: Target) -> Row:
    return {
        "key": target.key,
        "token": target.token,
        "validator": target.source.validator,
        "label": work.piece.label,
        "quality": work.piece.quality,
        "position": work.piece.position,
        "filename": work.piece.filename,
    }


def of_this_run(work: PieceWork, name: str) -> int | None:
    """One of the facts that each run begins without: ``restarts``, ``replans``, ``part_limit``, ``handed_over_at``."""
    return int(work.row[name]) if name in work.row and work.row.get("run_id") == work.run_id else None


def is_proven_in_this_run(work: PieceWork) -> bool:
    """Whether an earlier pass has dealt with the piece; an earlier run's word is looked at again."""
    facts = (work.row.get("status"), work.row.get("signature"), work.row.get("run_id"))
    return facts == (Status.COMPLETED, work.signature, work.run_id)
