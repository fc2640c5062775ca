"""A piece that goes to S3 in parts: opened, resumed, handed over, completed."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_sync_common.edges.archive import Archive, UploadedPart, UploadGone
from cloud_sync_common.errors import ArchiveUnavailable, RangesUnsupported, SizeUnproven
from cloud_sync_common.models import UploadId
from cloud_sync_common.rules.outcomes import PartRange
from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.work import (
    Advance,
    PieceRow,
    PieceWork,
    Target,
    TransferLimits,
    of_this_run,
)
from cloud_sync_common.transfer.engine import PartJob, PartMover
from cloud_sync_common.transfer.planning import PartPlan, missing_ranges, plan_parts, smaller_part
from cloud_sync_common.transfer.source import RangeIgnored
from cloud_sync_common.transfer.streams import multipart_upload_stream, sequential_upload_stream, stream_part_size


@dataclass(frozen=True, slots=True)
class MultipartArchiver:
    """Brings a multipart upload as far as this invocation can. ListParts is the only truth about progress."""

    archive: Archive
    row: PieceRow
    mover: PartMover
    completion: Completion
    limits: TransferLimits

    def by_range(self, work: PieceWork, target: Target, size: int) -> Advance:
        """Move the missing parts, or hand them over where they are too many for one function."""
        upload_id, plan, present = self._upload(work, target, size)
        missing = [part.number for part in plan if part.number not in present]
        ranges = self._hand_over(work, plan, present, missing)
        if ranges:
            return Advance(done=False, moved=self.row.handed_over(work, _size(plan, present)), ranges=ranges)
        was_fresh = work.deadline.is_fresh()
        job = PartJob(target.key, upload_id, target.source, work.urls)
        try:
            sent = multipart_upload_stream(self.mover, job, plan, missing, work.deadline, work.stats)
        except UploadGone:
            self.row.forget_upload(work, "UploadGone")
            raise ArchiveUnavailable("the multipart upload is gone; the next pass opens a new one") from None
        except RangeIgnored:
            return self.by_stream(work, target)
        if missing and not sent and was_fresh:
            return self._nothing_fits(work, target, plan, present)
        present |= {part.number: part for part in sent}
        if len(present) < plan.count:
            return Advance(done=False, moved=self.row.confirmed(work, _size(plan, present)))
        return self.completion.complete(work, target, upload_id, [present[part.number] for part in plan])

    def by_stream(self, work: PieceWork, target: Target) -> Advance:
        """Move a source that serves no ranges, or does not say how long it is, in one go.

        Complete only against an independently known size (fault F04): raises ``SizeUnproven`` otherwise.
        """
        upload = self._open(work, target, stream_part_size(target.source))
        job = PartJob(target.key, upload, target.source, work.urls)
        parts = work.urls.with_url(
            lambda url: sequential_upload_stream(self.mover, job, url, work.deadline, work.stats)
        )
        size = sum(part.size for part in parts)
        proof = target.source.size if target.source.size is not None else work.lone_size
        if not parts or proof != size:
            self.row.forget_upload(work, "SizeUnproven")
            self.archive.abort(target.key, upload)
            known = "nobody says how many it has" if proof is None else f"{proof} were expected"
            raise SizeUnproven(f"the source's stream ended after {size} bytes, and {known}")
        return self.completion.complete(work, target, upload, parts)

    def _upload(self, work: PieceWork, target: Target, size: int) -> tuple[UploadId, PartPlan, dict[int, UploadedPart]]:
        """The open upload with its plan and the usable parts that S3 holds; opened here if there is none."""
        if upload_id := work.row.get("upload_id"):
            plan = PartPlan(size, work.row["part_size"])
            try:
                held = self.archive.parts(target.key, UploadId(upload_id))
            except UploadGone:
                # The next pass begins with HEAD: whoever ended the upload may have completed it.
                self.row.forget_upload(work, "UploadGone")
                raise ArchiveUnavailable("the multipart upload is gone; the next pass looks why") from None
            return UploadId(upload_id), plan, {n: part for n, part in held.items() if is_usable(part, plan)}
        plan = plan_parts(size, of_this_run(work, "part_limit"))
        return self._open(work, target, plan.part_size), plan, {}

    def _open(self, work: PieceWork, target: Target, part_size: int) -> UploadId:
        """Open an upload and have its id in the tracker before anything else; abort the key's other ones.

        One that the row knows was given up before, or cannot be gone on with, since the source serves no ranges.
        """
        strays = self.archive.open_uploads(target.key)
        if strays:
            given_up, own = work.row.get("aborted_upload_id"), work.row.get("upload_id")
            reasons = {given_up: work.row.get("restart_reason"), own: RangesUnsupported.__name__}
            # A fenced write: a late worker must not abort what its successor works on.
            self.row.forget_upload(work, str(reasons.get(strays[-1], "Stray")), {"aborted_upload_id": strays[-1]})
        for stray in strays:
            self.archive.abort(target.key, stray)
        upload_id = self.archive.create_upload(target.key, target.attributes(work, self.limits.storage_class))
        self.row.opened(work, upload_id, part_size)
        return upload_id

    def _nothing_fits(
        self, work: PieceWork, target: Target, plan: PartPlan, present: dict[int, UploadedPart]
    ) -> Advance:
        """An invocation that had its time has finished no part: plan anew with parts that this connection can manage.

        Parts that are there were finished once, so that the plan can work: one slow pass throws no gigabytes away, a
        second one in a row does. Bounded without a count of its own: each plan's parts are at most half of those of the
        one before, from 5 GiB to 5 MiB ten times. Functions that a piece was handed over to write no rows and need not:
        a pass that finds nothing new from them tries by itself, and so measures.
        """
        part_limit = smaller_part(plan, work.stats.best_unfinished)
        if part_limit is not None and (not present or work.stalled_passes):
            upload_id = UploadId(work.row["upload_id"])
            # The fenced write first: a late worker must not abort what its successor works on.
            self.row.plan_anew(work, part_limit)
            self.archive.abort(target.key, upload_id)
            return Advance(done=False, moved=0, is_planned_anew=True)
        slow = work.stats.best_unfinished > 0
        hindrance = f"no part of {plan.part_size} bytes fits into an invocation" if slow else None
        return Advance(done=False, moved=self.row.confirmed(work, _size(plan, present)), hindrance=hindrance)

    def _hand_over(
        self, work: PieceWork, plan: PartPlan, present: dict[int, UploadedPart], missing: list[int]
    ) -> tuple[PartRange, ...]:
        """Ranges for other functions, unless nothing has come of the last ones: then this one tries by itself."""
        if of_this_run(work, "handed_over_at") == _size(plan, present):
            return ()
        bytes_missing = sum(plan.part(number).size for number in missing)
        functions = min(self.limits.max_functions, -(-bytes_missing // self.limits.bytes_per_function))
        return missing_ranges(missing, functions) if functions > 1 else ()


def is_usable(part: UploadedPart, plan: PartPlan) -> bool:
    """A part of another size, or that S3 holds without checksum, is sent again."""
    return part.number <= plan.count and part.crc64nvme is not None and part.size == plan.part(part.number).size


def _size(plan: PartPlan, present: dict[int, UploadedPart]) -> int:
    return sum(plan.part(number).size for number in present)
