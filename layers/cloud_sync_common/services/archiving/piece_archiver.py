"""The front of archiving: decides what a piece still needs and by which way it goes."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sync_common.edges.archive import Archive, KeyTaken, WriteConflict
from cloud_sync_common.errors import ArchiveUnavailable, NoProgress, SourceChanged
from cloud_sync_common.models import ObjectKey, Status, UploadId
from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.multipart import MultipartArchiver
from cloud_sync_common.services.archiving.targets import find_target
from cloud_sync_common.services.archiving.work import (
    Advance,
    NothingServed,
    PieceRow,
    PieceWork,
    Target,
    TransferLimits,
    is_proven_in_this_run,
    of_this_run,
)
from cloud_sync_common.transfer.deadline import DeadlineReached
from cloud_sync_common.transfer.engine import PartMover
from cloud_sync_common.transfer.planning import PartPlan, smaller_part
from cloud_sync_common.transfer.streams import DirectJob, Way, choose_way, direct_upload_stream

MAX_RESTARTS = 3
"""A source that changes under its upload more often than this fails the medium."""


@dataclass(frozen=True, slots=True)
class PieceArchiver:
    """Brings one piece as far as this invocation can."""

    archive: Archive
    row: PieceRow
    mover: PartMover
    completion: Completion
    multipart: MultipartArchiver
    limits: TransferLimits

    def advance(self, work: PieceWork) -> Advance:
        """Move what is missing. Safe to repeat at any time, from any number of functions.

        Raises ``MediumError`` for what no other try mends, ``TransientError`` for what the workflow tries again.
        """
        if is_proven_in_this_run(work):
            return Advance(done=True, moved=0)
        source = work.urls.with_url(lambda url: self.mover.reader.probe(work.piece, url))
        if source.size == 0 and (work.piece.is_extra or work.medium.file_size != 0):
            raise NothingServed
        target, found = find_target(self.archive, work, source)
        if found is not None:
            return self.completion.record(work, target, found)
        self._intend(work, target)
        try:
            return self.download_and_upload_video(work, target)
        except SourceChanged:
            self._give_up_plan(work)
            raise

    def download_and_upload_video(self, work: PieceWork, target: Target) -> Advance:
        """Choose the way by the source's own size and move the piece (design.md 2, "transfer")."""
        way = choose_way(target.source, self.limits.multipart_threshold)
        if way is Way.DIRECT and (work.row.get("upload_id") or of_this_run(work, "part_limit")):
            # One PutObject did not fit into an invocation.
            way = Way.MULTIPART
        match way:
            case Way.DIRECT:
                return self._direct(work, target)
            case Way.MULTIPART:
                return self.multipart.by_range(work, target, target.source.size or 0)
            case Way.SEQUENTIAL:
                return self.multipart.by_stream(work, target)

    def _intend(self, work: PieceWork, target: Target) -> None:
        """Have the plan in the tracker; a plan for other bytes of the source is given up, and counted."""
        planned = (Status.IN_PROGRESS, target.token, target.key)
        if (work.row.get("status"), work.row.get("token"), work.row.get("key")) == planned:
            return
        if work.row.get("upload_id"):
            self._give_up_plan(work)
        self.row.intend(work, target)
        restarts = of_this_run(work, "restarts") or 0
        if restarts > MAX_RESTARTS:
            raise NoProgress(f"the source changed {restarts} times while it was copied")

    def _give_up_plan(self, work: PieceWork) -> None:
        """What was sent belongs to bytes that the source no longer serves.

        The fenced write comes first: a late worker must not abort what its successor works on.
        """
        key, upload_id = work.row.get("key"), work.row.get("upload_id")
        self.row.give_up(work)
        if key and upload_id:
            self.archive.abort(ObjectKey(key), UploadId(upload_id))

    def _direct(self, work: PieceWork, target: Target) -> Advance:
        job = DirectJob(target.key, target.source, target.attributes(work, self.limits.storage_class))

        def one_try() -> str | None:
            try:
                return work.urls.with_url(
                    lambda url: direct_upload_stream(self.mover, job, url, work.deadline, work.stats)
                )
            except KeyTaken:
                return None
            except WriteConflict:
                raise ArchiveUnavailable("another write of this key is under way") from None

        was_fresh = work.deadline.is_fresh()
        try:
            crc64nvme = self.mover.retry.run(one_try, work.deadline, work.stats.budget)
        except DeadlineReached:
            plan = PartPlan(job.source.size or 1, job.source.size or 1)
            part_limit = smaller_part(plan, work.stats.best_unfinished)
            if part_limit is None or not was_fresh or not job.source.ranges:
                raise
            self.row.plan_anew(work, part_limit)
            return Advance(done=False, moved=0, is_planned_anew=True)
        return self.completion.prove(work, target, crc64nvme)
