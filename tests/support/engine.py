"""The transfer engine as a whole: probe, choice of the way, front and Complete, without tracker and GoPro."""

from __future__ import annotations

import mmap
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from cloud_sync_common.edges.archive import Archive, UploadedPart
from cloud_sync_common.models import ObjectKey, SecretUrl, Source, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer.adapters import Adapter
from cloud_sync_common.transfer.checksums import combine
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartJob, PartMover
from cloud_sync_common.transfer.planning import MIN_PART, PartPlan, plan_parts
from cloud_sync_common.transfer.ports import SourceAnswer
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import RangeIgnored, SourceReader
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.streams import (
    DirectJob,
    Way,
    choose_way,
    direct_upload_stream,
    multipart_upload_stream,
    sequential_upload_stream,
)
from cloud_sync_common.transfer.urls import PieceUrls
from tests.support.clocks import Naps, no_hurry
from tests.support.kill_switch import Killed
from tests.support.media import piece
from tests.support.scripted_http import Answer, Request, Script, origin
from tests.support.strict_s3 import ATTRIBUTES

MIB = 1024 * 1024
THRESHOLD = 100 * 1000 * 1000
"""The product's default of ``multipart_threshold``."""


@dataclass
class Engine:
    """One function's engine on an archive bucket, by one adapter that is attached to the archive's body client."""

    archive: Archive
    made: Adapter
    workers: int = 3
    stats: TransferStats = field(default_factory=TransferStats)

    @property
    def mover(self) -> PartMover:
        """The pool of workers."""
        reader = SourceReader(self.made.transport, lambda url: check_url(url, ("gopro.com",), allow_loopback_http=True))
        return PartMover(self.archive, reader, Retry(Naps()), Tracing({}), self.workers)

    def probe(self, url: SecretUrl) -> Source:
        """What the source says of itself."""
        return self.mover.reader.probe(piece(url=url), url)

    def job(self, url: SecretUrl, key: ObjectKey, upload: UploadId, source: Source) -> PartJob:
        """Parts of what ``source`` described, into an open upload."""
        return PartJob(key, upload, source, PieceUrls(piece(url=url), dict))

    def move(self, job: PartJob, plan: PartPlan, numbers: range | list[int]) -> list[UploadedPart]:
        """Parts by range, without a deadline."""
        return multipart_upload_stream(self.mover, job, plan, numbers, no_hurry(), self.stats)

    def copy(
        self,
        url: SecretUrl,
        key: ObjectKey,
        *,
        threshold: int = THRESHOLD,
        cut: Callable[[int], PartPlan] = plan_parts,
        known: int | None = None,
    ) -> Way:
        """Copy a URL as the services do. ``known`` is the size that somebody else vouches for; returns the way taken.

        A source without any size whose stream has another one than ``known`` is a ``ValueError``: the services' own
        errors are tested with the services.
        """
        source = self.probe(url)
        way = choose_way(source, threshold)
        if way is Way.DIRECT:
            direct_upload_stream(self.mover, DirectJob(key, source, ATTRIBUTES), url, no_hurry(), self.stats)
            return way
        job = self.job(url, key, self.archive.create_upload(key, ATTRIBUTES), source)
        parts = self._stream(job, url) if way is Way.SEQUENTIAL else self._ranges(job, url, cut)
        if sum(part.size for part in parts) != (known if source.size is None else source.size):
            raise ValueError("nobody vouches for the stream's length")
        self.complete(job, parts)
        return way

    def complete(self, job: PartJob, parts: list[UploadedPart]) -> str:
        """Make the object of its parts visible; returns its checksum."""
        ordered = sorted(parts, key=lambda part: part.number)
        size, whole = sum(part.size for part in ordered), combine((part.crc64nvme or "", part.size) for part in ordered)
        self.archive.complete(job.key, job.upload_id, ordered, size, whole)
        return whole

    def _ranges(self, job: PartJob, url: SecretUrl, cut: Callable[[int], PartPlan]) -> list[UploadedPart]:
        plan = cut(job.source.size or 0)
        try:
            return self.move(job, plan, range(1, plan.count + 1))
        except RangeIgnored:
            return self._stream(job, url)

    def _stream(self, job: PartJob, url: SecretUrl) -> list[UploadedPart]:
        return sequential_upload_stream(self.mover, job, url, no_hurry(), self.stats)


# Contents


@contextmanager
def content(path: Path, size: int) -> Iterator[bytes]:
    """``size`` bytes that need no memory: a sparse file whose every MiB begins unlike any other, mapped."""
    noise = random.Random(size)  # noqa: S311 - content, not a secret
    with path.open("w+b") as file:
        for start in range(0, size, MIB):
            file.seek(start)
            file.write(noise.randbytes(min(64, size - start)))
        file.truncate(size)
        file.flush()
        if not size:
            yield b""
            return
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            # As far as a server is concerned: it has a length, is cut by slices and goes to a socket.
            yield cast("bytes", view)


# Sources


def without_ranges(content: bytes) -> Script:
    """A server that says the length and ignores ``Range``."""
    return lambda request: Answer(200, {"ETag": '"v1"'}, content)


def in_chunks(content: bytes) -> Script:
    """A server that says no length: the body comes in chunks."""
    return lambda request: Answer(200, {"ETag": '"v1"'}, content, chunked=True)


def until_close(content: bytes) -> Script:
    """A server that says no length: the body ends with the connection."""
    return lambda request: Answer(200, {"ETag": '"v1"', "Content-Length": None, "Connection": "close"}, content)


def ranges_without_length(content: bytes) -> Script:
    """A server of ranges that come in chunks: how long each is says only its Content-Range."""
    served = origin(content)

    def answer(request: Request) -> Answer | None:
        made = served(request)
        return made if made is None or made.status != 206 else made.but(chunked=True)

    return answer


# The end of a process at a byte


class DyingTransport:
    """Brings ``most`` bytes of bodies, then ends the process: ``at_death`` is called, and ``Killed`` raised."""

    def __init__(self, adapter: Adapter, most: int, at_death: Callable[[], object] = lambda: None) -> None:
        self._transport = adapter.transport
        self._left = most
        self._at_death = at_death

    def request(self, method: str, url: SecretUrl, headers: Mapping[str, str]) -> SourceAnswer:
        """See ``SourceTransport``."""
        self.spend(0)
        return _DyingAnswer(self._transport.request(method, url, headers), self)

    def spend(self, amount: int) -> None:
        """Count bytes."""
        self._left -= amount
        if self._left < 0:
            self._at_death()
            raise Killed


class _DyingAnswer:
    def __init__(self, answer: SourceAnswer, owner: DyingTransport) -> None:
        self._answer, self._owner = answer, owner
        self.status, self.headers = answer.status, answer.headers
        self.until, self.close = answer.until, answer.close

    def read(self, amount: int) -> bytes:
        data = self._answer.read(amount)
        self._owner.spend(len(data))
        return data

    def fill(self, view: memoryview) -> int:
        filled = self._answer.fill(view)
        self._owner.spend(filled)
        return filled


def dying(adapter: Adapter, most: int, at_death: Callable[[], object] = lambda: None) -> Adapter:
    """The adapter, with a source side that ends the process behind ``most`` bytes."""
    return replace(adapter, transport=DyingTransport(adapter, most, at_death))


# A thousandth of the scale


@contextmanager
def thousandth() -> Iterator[None]:
    """S3's limits, our parts and our chunks on a scale of KiB in place of MiB: hundreds of files in seconds.

    Our chunks stay as large as the strict S3 wants them; everything else keeps its proportions.
    """
    names = dict.fromkeys(("MIB", "MIN_PART", "USUAL_MIN_PART", "USUAL_MAX_PART", "UNKNOWN_SIZE_PART"), 1024)
    names["CHUNK"] = 31
    with pytest.MonkeyPatch.context() as patch:
        for module in [module for name, module in sys.modules.items() if name.startswith("cloud_sync_common.")]:
            for name in names.keys() & vars(module).keys():
                patch.setattr(module, name, getattr(module, name) // names[name])
        patch.setattr("sandbox.s3.operations.complete.MIN_PART_SIZE", MIN_PART // 1024)
        yield


class Steps:
    """A clock that each reading moves on: a deadline of so many readings falls on the same one every time."""

    SECONDS = 1_000.0
    """For each reading: longer than anything waits."""

    def __init__(self) -> None:
        self._readings = 0

    def __call__(self) -> float:
        self._readings += 1
        return self._readings * self.SECONDS

    @classmethod
    def deadline(cls, readings: int) -> Deadline:
        """A deadline that many readings away."""
        return Deadline(cls(), readings * cls.SECONDS, readings * cls.SECONDS)
