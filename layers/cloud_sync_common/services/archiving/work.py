"""What a pass works on: one piece, where it goes, and what the tracker knows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloud_sync_common.edges.archive import ArchivedObject, ObjectAttributes
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.models import Medium, ObjectKey, Piece, Source, Status
from cloud_sync_common.rules.attributes import TOKEN, content_type, object_metadata, object_tags, storage_class_for
from cloud_sync_common.rules.parts import PartRange
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import TransferStats
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
    """

    done: bool
    moved: int
    ranges: tuple[PartRange, ...] = ()


@dataclass(frozen=True, slots=True)
class PieceRow:
    """The tracker's row of a piece: every write of the protocol, each under the medium's generation."""

    tracker: Tracker
    now: Callable[[], str]

    def intend(self, work: PieceWork, target: Target, restarts: int) -> None:
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
                "restarts": restarts,
                "superseded_keys": superseded,
                "upload_id": None,
                "part_size": None,
                "crc64nvme": None,
                "confirmed_bytes": 0,
            },
        )

    def give_up(self, work: PieceWork, restarts: int) -> None:
        """Void the plan: the source serves other bytes now."""
        self._write(
            work, {"restarts": restarts, "token": None, "upload_id": None, "part_size": None, "confirmed_bytes": 0}
        )

    def opened(self, work: PieceWork, upload_id: str, part_size: int) -> None:
        """Say which upload the parts go to, before the first part."""
        self._write(work, {"upload_id": upload_id, "part_size": part_size})

    def forget_upload(self, work: PieceWork) -> None:
        """The upload is gone; the next pass opens another."""
        self._write(work, {"upload_id": None, "part_size": None, "confirmed_bytes": 0})

    def confirmed(self, work: PieceWork, size: int) -> int:
        """Note how many bytes S3 holds; returns those that no pass has counted before."""
        moved = max(0, size - int(work.row.get("confirmed_bytes", 0)))
        self._write(work, {"confirmed_bytes": size})
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
                "part_size": None,
            },
        )
        return max(0, found.size - counted)

    def _write(self, work: PieceWork, facts: Row) -> None:
        facts = {**facts, "run_id": work.run_id, "updated_at": self.now()}
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


def is_proven_in_this_run(work: PieceWork) -> bool:
    """Whether an earlier pass has dealt with the piece; an earlier run's word is looked at again."""
    facts = (work.row.get("status"), work.row.get("signature"), work.row.get("run_id"))
    return facts == (Status.COMPLETED, work.signature, work.run_id)
