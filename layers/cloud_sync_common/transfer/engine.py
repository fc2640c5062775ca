"""The reference byte path: a few threads, each taking a ranged GET from the source into an UploadPart.

Bytes go through a buffer of 256 KiB; no part is ever held whole. Each thread has its own keep-alive connection on both
sides (the pools of requests and botocore). The pass-through adapter of design.md 7 will stand beside this one behind
the same ``PartMover``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from cloud_sync_common.edges.archive import Archive, UploadedPart
from cloud_sync_common.errors import TransferError
from cloud_sync_common.models import ObjectKey, SecretUrl, Source, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.parts import Part
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader

SAFETY = 1.5
"""A part is only begun if this many times the slowest part so far would still fit before the deadline."""


class UrlSource(Protocol):
    """Where a worker gets the piece's pre-signed URL, and a fresh one when it has expired."""

    def with_url(self, action: Callable[[SecretUrl], UploadedPart]) -> UploadedPart:
        """Run ``action`` with the URL of now; once more with a fresh one if it raises ``UrlExpired``."""
        ...


@dataclass(frozen=True, slots=True)
class PartJob:
    """Everything that stays the same over the parts of one upload."""

    key: ObjectKey
    upload_id: UploadId
    source: Source
    urls: UrlSource


@dataclass(slots=True)
class TransferStats:
    """What a transfer measured, for metrics; safe to share between threads."""

    time_to_first_byte: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def first_byte(self, seconds: float) -> None:
        """Note how long the source took to answer; only the first answer counts."""
        with self._lock:
            if self.time_to_first_byte is None:
                self.time_to_first_byte = seconds


@dataclass(slots=True)
class PartMover:
    """Moves parts with ``workers`` threads until they are all there or the deadline comes."""

    archive: Archive
    reader: SourceReader
    retry: Retry
    tracing: Tracing
    workers: int
    clock: Callable[[], float] = time.monotonic

    def move(self, job: PartJob, parts: Iterable[Part], deadline: Deadline, stats: TransferStats) -> list[UploadedPart]:
        """Upload ``parts`` and return those that S3 accepted; fewer than asked means that the deadline came first.

        The first error stops new parts; those in flight end by themselves, then the error is raised. Every part that
        was accepted is there for the next pass, whatever happens here.
        """
        done: list[UploadedPart] = []
        slowest = 0.0
        waiting = iter(parts)
        first = True
        with self.tracing.shared(), ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="part") as pool:
            running: set[Future[tuple[UploadedPart, float]]] = set()
            while True:
                for part in _up_to(waiting, self.workers - len(running)):
                    if not first and not deadline.allows(SAFETY * slowest):
                        waiting = iter(())
                        break
                    first = False
                    running.add(pool.submit(self._timed, job, part, deadline, stats))
                if not running:
                    return done
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    try:
                        uploaded, seconds = future.result()
                    except DeadlineReached:
                        waiting = iter(())
                    else:
                        done.append(uploaded)
                        slowest = max(slowest, seconds)

    def _timed(self, job: PartJob, part: Part, deadline: Deadline, stats: TransferStats) -> tuple[UploadedPart, float]:
        begun = self.clock()

        def one_try() -> UploadedPart:
            return job.urls.with_url(lambda url: self._move_one(job, part, url, deadline, stats))

        return self.retry.run(one_try, deadline), self.clock() - begun

    def _move_one(
        self, job: PartJob, part: Part, url: SecretUrl, deadline: Deadline, stats: TransferStats
    ) -> UploadedPart:
        asked = self.clock()
        with (
            self.tracing.part(part.number),
            self.reader.open_range(url, part.first, part.last, job.source, deadline) as body,
        ):
            stats.first_byte(self.clock() - asked)
            uploaded = self.archive.upload_part(job.key, job.upload_id, part.number, body, part.size)
            return verified(uploaded, body.crc64nvme)


def verified(uploaded: UploadedPart, crc64nvme: str) -> UploadedPart:
    """The part, if S3 stored the checksum that was computed while streaming; S3 that names none has not checked it."""
    if uploaded.crc64nvme is not None and uploaded.crc64nvme != crc64nvme:
        raise TransferError(f"S3 stored another checksum for part {uploaded.number} than was sent")
    return UploadedPart(uploaded.number, uploaded.size, uploaded.etag, crc64nvme)


def _up_to(items: Iterator[Part], count: int) -> Iterator[Part]:
    for _ in range(count):
        part = next(items, None)
        if part is None:
            return
        yield part
