"""The three ways in which bytes go from the source to the archive, and the choice between them.

``direct_upload_stream``      one GET into one PutObject: known sizes up to the threshold
``multipart_upload_stream``   ranged GETs into parts, several at a time, resumable: everything larger
``sequential_upload_stream``  one GET into parts, one after the other: a source without ranges or without a size
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cloud_sync_common.edges.archive import Archive, ObjectAttributes, UploadedPart
from cloud_sync_common.errors import RangesUnsupported
from cloud_sync_common.models import ObjectKey, SecretUrl, Source
from cloud_sync_common.transfer.body import CHUNK, BodySection, SourceBody
from cloud_sync_common.transfer.checksums import Crc64Nvme
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.engine import PartJob, PartMover, verified
from cloud_sync_common.transfer.planning import MAX_PARTS, UNKNOWN_SIZE_PART, PartPlan, plan_parts
from cloud_sync_common.transfer.stats import TransferStats


class Way(Enum):
    """How a piece is moved."""

    DIRECT = "one PutObject"
    MULTIPART = "parts by range"
    SEQUENTIAL = "parts from one stream"


@dataclass(frozen=True, slots=True)
class DirectJob:
    """A piece that goes into one PutObject."""

    key: ObjectKey
    source: Source
    attributes: ObjectAttributes


def choose_way(source: Source, threshold: int) -> Way:
    """Direct up to and including ``threshold`` bytes of known size; by range if the source can; else one stream."""
    if source.size is not None and source.size <= threshold:
        return Way.DIRECT
    if source.size is not None and source.ranges:
        return Way.MULTIPART
    return Way.SEQUENTIAL


def direct_upload_stream(
    mover: PartMover, job: DirectJob, url: SecretUrl, deadline: Deadline, stats: TransferStats
) -> str:
    """Stream a whole piece into one PutObject and return its CRC64NVME. Raises ``KeyTaken``, ``WriteConflict``."""
    size = job.source.size or 0
    asked = mover.clock()
    with mover.tracing.subsegment("cloudfront_download"):
        opened = mover.reader.open_whole(url, job.source, deadline)
        with opened as body:
            stats.first_byte(mover.clock() - asked)
            with stats.watching(body), mover.tracing.subsegment("s3_put_object"):
                mover.archive.put(job.key, body, size, job.attributes)
            return body.crc64nvme


def multipart_upload_stream(
    mover: PartMover, job: PartJob, plan: PartPlan, numbers: Iterable[int], deadline: Deadline, stats: TransferStats
) -> list[UploadedPart]:
    """Upload exactly the parts ``numbers`` of the plan; fewer come back when the deadline came first."""
    with mover.tracing.subsegment("cloudfront_download"):
        return mover.move(job, (plan.part(number) for number in sorted(numbers)), deadline, stats)


def sequential_upload_stream(
    mover: PartMover, job: PartJob, url: SecretUrl, deadline: Deadline, stats: TransferStats
) -> list[UploadedPart]:
    """Upload one stream as parts, one after the other, and return them all.

    A stream whose length is known passes through like any other; of one whose length nobody knows, a part of 16 MiB is
    held at a time, since S3 wants to know a part's length before its first byte. There is no way to go on later, so
    that a deadline is a ``RangesUnsupported``. Whether the stream was complete is proven by its length where the source
    states one; otherwise the caller needs to know it from elsewhere.
    """
    asked = mover.clock()
    try:
        with mover.reader.open_whole(url, job.source, deadline) as body, stats.watching(body):
            stats.first_byte(mover.clock() - asked)
            if job.source.size:
                return _pass_through(mover.archive, job, body, PartPlan(job.source.size, stream_part_size(job.source)))
            return _hold_and_send(mover.archive, job, body)
    except DeadlineReached:
        raise RangesUnsupported("the source serves no ranges, and one invocation is too short for the piece") from None


def stream_part_size(source: Source) -> int:
    """The part size of a stream. Raises ``PieceTooLarge``."""
    return plan_parts(source.size).part_size if source.size else UNKNOWN_SIZE_PART


def _pass_through(archive: Archive, job: PartJob, body: SourceBody, plan: PartPlan) -> list[UploadedPart]:
    parts: list[UploadedPart] = []
    for part in plan:
        section = BodySection(body, part.size)
        uploaded = archive.upload_part(job.key, job.upload_id, part.number, section, part.size)
        parts.append(verified(uploaded, section.crc64nvme))
    body.end()
    return parts


def _hold_and_send(archive: Archive, job: PartJob, body: SourceBody) -> list[UploadedPart]:
    parts: list[UploadedPart] = []
    while data := _one_part(body):
        number = len(parts) + 1
        if number > MAX_PARTS:
            raise RangesUnsupported(f"more than {MAX_PARTS} parts of {UNKNOWN_SIZE_PART} bytes")
        crc = Crc64Nvme()
        crc.update(data)
        parts.append(verified(archive.upload_held_part(job.key, job.upload_id, number, data, crc.base64), crc.base64))
    return parts


def _one_part(body: SourceBody) -> bytearray:
    held = bytearray()
    while len(held) < UNKNOWN_SIZE_PART and (data := body.read(min(CHUNK, UNKNOWN_SIZE_PART - len(held)))):
        held += data
    return held
