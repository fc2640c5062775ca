"""The pool of workers: a few threads, each taking a ranged GET from the source into an UploadPart, part after part.

The same for both adapters: ``reader`` opens bodies, ``archive`` sends them. Bytes go through a buffer of 256 KiB; no
part is ever held whole. Each thread has its own keep-alive connection on both sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from cloud_sync_common.edges.archive import Archive, UploadedPart
from cloud_sync_common.errors import TransferError
from cloud_sync_common.models import ObjectKey, SecretUrl, Source, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.planning import Part
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.workers import WINDOW_SECONDS, WorkerCount

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
class PartMover:
    """Moves parts with up to ``workers`` threads until they are all there or the deadline comes."""

    archive: Archive
    reader: SourceReader
    retry: Retry
    tracing: Tracing
    workers: int
    clock: Callable[[], float] = time.monotonic
    cpu_clock: Callable[[], float] = time.process_time
    processors: float = 1.0
    """How much of a processor there is for the workers."""

    def move(self, job: PartJob, parts: Iterable[Part], deadline: Deadline, stats: TransferStats) -> list[UploadedPart]:
        """Upload ``parts`` and return those that S3 accepted; fewer than asked means that the deadline came first.

        The first error stops new parts; those in flight end by themselves, then the error is raised. Every part that
        was accepted is there for the next pass, whatever happens here.
        """
        queue = _Queue(iter(parts), deadline)
        count = WorkerCount(self.workers, self.processors)
        with self.tracing.shared(), ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="part") as pool:
            running: set[Future[tuple[UploadedPart, float]]] = set()
            while True:
                for part in queue.take(count.allowed - len(running)):
                    running.add(pool.submit(self._timed, job, part, deadline, stats))
                if not running:
                    return queue.done
                pause = None if count.is_settled else WINDOW_SECONDS / 2
                finished, running = wait(running, pause, return_when=FIRST_COMPLETED)
                if stats.time_to_first_byte is not None:
                    count.observe(self.clock(), self.cpu_clock())
                for future in finished:
                    queue.settle(future)

    def _timed(self, job: PartJob, part: Part, deadline: Deadline, stats: TransferStats) -> tuple[UploadedPart, float]:
        begun = self.clock()

        def one_try() -> UploadedPart:
            return job.urls.with_url(lambda url: self._move_one(job, part, url, deadline, stats))

        return self.retry.run(one_try, deadline, stats.budget), self.clock() - begun

    def _move_one(
        self, job: PartJob, part: Part, url: SecretUrl, deadline: Deadline, stats: TransferStats
    ) -> UploadedPart:
        asked = self.clock()
        with (
            self.tracing.part(part.number),
            self.reader.open_range(url, part.first, part.last, job.source, deadline) as body,
        ):
            stats.first_byte(self.clock() - asked)
            with stats.watching(body):
                uploaded = self.archive.upload_part(job.key, job.upload_id, part.number, body, part.size)
            return verified(uploaded, body.crc64nvme)


def verified(uploaded: UploadedPart, crc64nvme: str) -> UploadedPart:
    """The part, if S3 stored the checksum that was computed while streaming; S3 that names none has not checked it."""
    if uploaded.crc64nvme is not None and uploaded.crc64nvme != crc64nvme:
        raise TransferError(f"S3 stored another checksum for part {uploaded.number} than was sent")
    return UploadedPart(uploaded.number, uploaded.size, uploaded.etag, crc64nvme)


class _Queue:
    """The parts that still wait, and those that are done; no part is begun that would not end before the deadline."""

    def __init__(self, waiting: Iterator[Part], deadline: Deadline) -> None:
        self._waiting = waiting
        self._deadline = deadline
        self._slowest = 0.0
        self._is_fresh = True
        self.done: list[UploadedPart] = []

    def take(self, most: int) -> Iterator[Part]:
        """Up to ``most`` parts. A fresh invocation always tries one."""
        for _ in range(most):
            if not self._is_fresh and not self._deadline.allows(SAFETY * self._slowest):
                self._waiting = iter(())
            part = next(self._waiting, None)
            if part is None:
                return
            self._is_fresh = False
            yield part

    def settle(self, future: Future[tuple[UploadedPart, float]]) -> None:
        """Take in what came of a part; raises what it raised."""
        try:
            uploaded, seconds = future.result()
        except DeadlineReached:
            self._waiting = iter(())
        else:
            self.done.append(uploaded)
            self._slowest = max(self._slowest, seconds)
