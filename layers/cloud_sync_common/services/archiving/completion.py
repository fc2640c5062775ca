"""Making an object visible, and proving it. HEAD decides; ``docs/ARCHITECTURE.md`` has the table of answers."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sync_common.edges.archive import (
    Archive,
    ArchivedObject,
    KeyTaken,
    PartsUnusable,
    UploadedPart,
    UploadGone,
    WriteConflict,
)
from cloud_sync_common.errors import (
    ArchiveRefused,
    ArchiveThrottled,
    ArchiveUnavailable,
    ChecksumMismatch,
    KeyConflict,
    TransferError,
)
from cloud_sync_common.models import UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.services.archiving.work import Advance, PieceRow, PieceWork, Target
from cloud_sync_common.transfer.checksums import combine

_ENDED = (UploadGone, WriteConflict, PartsUnusable, TransferError, ArchiveRefused)
"""Answers after which this upload will never become the object."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The last steps of a piece: Complete, HEAD, compare, record."""

    archive: Archive
    row: PieceRow
    tracing: Tracing

    def complete(self, work: PieceWork, target: Target, upload_id: UploadId, parts: list[UploadedPart]) -> Advance:
        """Complete an upload whose parts are all there, in order, and prove the object.

        Raises ``KeyConflict`` or ``ChecksumMismatch`` (the medium fails), ``ArchiveUnavailable`` or
        ``ArchiveThrottled`` (the next pass looks again).
        """
        crc64nvme = combine((part.crc64nvme or "", part.size) for part in parts)
        size = sum(part.size for part in parts)
        try:
            with self.tracing.subsegment("s3_complete_multipart_upload"):
                self.archive.complete(target.key, upload_id, parts, size, crc64nvme)
        except (*_ENDED, KeyTaken, ArchiveUnavailable, ArchiveThrottled) as error:
            if self.archive.head(target.key) is None:
                raise self._not_completed(work, target, upload_id, error) from error
            self.archive.abort(target.key, upload_id)
        return self.prove(work, target, crc64nvme)

    def prove(self, work: PieceWork, target: Target, crc64nvme: str | None) -> Advance:
        """Record COMPLETED if HEAD shows this piece, with the checksum that was computed while streaming.

        ``crc64nvme`` is ``None`` when the bytes were sent by an earlier pass: the token in the object's metadata then
        says which bytes, and S3 has verified their checksum before it made the object visible.
        """
        found = self.archive.head(target.key)
        if found is None:
            raise ArchiveUnavailable("the object is not there although S3 has accepted it")
        if not target.is_held_by(found):
            raise KeyConflict(f"{target.key} holds an object that is not this piece")
        if crc64nvme is not None and found.crc64nvme != crc64nvme:
            raise ChecksumMismatch(f"S3 stored another checksum for {target.key} than that of the bytes sent")
        return self.record(work, target, found)

    def record(self, work: PieceWork, target: Target, found: ArchivedObject) -> Advance:
        """Record COMPLETED for an object that HEAD has shown to be this piece."""
        if found.crc64nvme is None:
            raise ChecksumMismatch(f"S3 keeps no whole-object checksum of {target.key}, so that nothing proves it")
        return Advance(done=True, moved=self.row.completed(work, target, found))

    def _not_completed(self, work: PieceWork, target: Target, upload_id: UploadId, error: Exception) -> Exception:
        if isinstance(error, KeyTaken):
            return ArchiveUnavailable("S3 says that the key is taken, and shows nothing under it")
        if isinstance(error, _ENDED):
            # The fenced write first: a late worker must not abort what its successor works on.
            self.row.forget_upload(work, type(error).__name__)
            self.archive.abort(target.key, upload_id)
            return ArchiveUnavailable("S3 did not complete the upload; the next pass makes a new one")
        return error
