"""``python -m benchmarks.copy URL s3://BUCKET/KEY``: one URL through the product's transfer engine, and nothing else.

No tracker, no GoPro, no resuming: what is measured is the engine that the functions use, from the probe to the
completed upload. Like them it never overwrites an object, where the endpoint knows ``If-None-Match``. Prints one line
of JSON: ``bytes``, ``seconds`` (without start-up), ``parts`` (1 for a single PutObject), ``crc64nvme`` as S3 writes it,
``cpu_seconds`` (start-up included), ``peak_rss_mb``. Exit codes: 0; 1 with one line on stderr if it failed, and then
nothing of it is visible under the key, as far as the endpoint can still be asked; 2 for a wrong command line.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.copy_options import any_url, parsed
from cloud_sync_common.edges.archive import (
    Archive,
    KeyTaken,
    ObjectAttributes,
    PartsUnusable,
    UploadedPart,
    UploadGone,
    WriteConflict,
)
from cloud_sync_common.errors import (
    ArchiveThrottled,
    ArchiveUnavailable,
    CloudSyncError,
    InvalidInput,
    TransferError,
    UrlExpired,
)
from cloud_sync_common.models import ObjectKey, Piece, PieceId, SecretUrl, Source, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.transfer.adapters import REQUESTS, requests_adapter, sockets_adapter
from cloud_sync_common.transfer.checksums import combine
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartJob, PartMover
from cloud_sync_common.transfer.planning import MAX_PARTS, PartPlan, plan_parts
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.sockets.connection import any_address
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

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THRESHOLD = 100 * 1000 * 1000
"""The product's default of ``multipart_threshold``; ``--part-size`` cuts whatever is larger than one part."""

_NO_HURRY = Deadline(time.monotonic, time.monotonic() + 7 * 86_400)
_LOST = (KeyTaken, UploadGone, ArchiveThrottled, ArchiveUnavailable)
"""What is heard, now or at the next try, where the answer to a call that did its work was lost."""

_REFUSED = {
    KeyTaken: "there is an object under the key already, and the engine never overwrites one",
    WriteConflict: "another write of the same key is under way",
    UploadGone: "the endpoint no longer knows the upload",
    PartsUnusable: "the endpoint refuses the parts that it has accepted",
}


class Copy:
    """One piece on its way to one key."""

    def __init__(self, url: SecretUrl, key: ObjectKey, mover: PartMover, part_size: int | None) -> None:
        self._piece = Piece(PieceId("copy"), "copy", "source", 1, "copy", url, None)
        self._urls = PieceUrls(self._piece, _refused)
        self._key = key
        self._mover = mover
        self._part_size = part_size
        # By the token a copy knows its own object when the answer that told of it was lost.
        self._attributes = ObjectAttributes("application/octet-stream", "STANDARD", {"copy": uuid4().hex}, {})
        self._stats = TransferStats()

    def run(self) -> dict[str, Any]:
        """Copy it, and say ``bytes``, ``parts`` and ``crc64nvme``; raises as ``Archive`` does."""
        source = self._urls.with_url(lambda url: self._mover.reader.probe(self._piece, url))
        way = choose_way(source, self._part_size or THRESHOLD)
        if way is Way.DIRECT:
            return self._direct(source)
        upload_id = self._mover.archive.create_upload(self._key, self._attributes)
        try:
            return self._in_parts(source, upload_id, way)
        except BaseException as error:
            self._give_up(upload_id, error)
            raise

    def _give_up(self, upload_id: UploadId, reason: BaseException) -> None:
        """Abort the upload; where not even that works, ``reason`` is what the caller has to hear."""
        try:
            self._mover.archive.abort(self._key, upload_id)
        except CloudSyncError as error:
            raise reason from error

    def _direct(self, source: Source) -> dict[str, Any]:
        job = DirectJob(self._key, source, self._attributes)

        def one_try() -> str:
            return self._urls.with_url(lambda url: direct_upload_stream(self._mover, job, url, _NO_HURRY, self._stats))

        try:
            crc64nvme = self._mover.retry.run(one_try, _NO_HURRY, self._stats.budget)
        except _LOST as error:
            crc64nvme = self._made_after_all(source.size or 0, error)
        return {"bytes": source.size, "parts": 1, "crc64nvme": crc64nvme}

    def _in_parts(self, source: Source, upload_id: UploadId, way: Way) -> dict[str, Any]:
        job = PartJob(self._key, upload_id, source, self._urls)
        parts = self._stream(job) if way is Way.SEQUENTIAL else self._ranges(job)
        parts.sort(key=lambda part: part.number)
        size = sum(part.size for part in parts)
        if source.size not in (None, size):
            raise TransferError(f"{size} bytes have come of {source.size}")
        crc64nvme = combine((part.crc64nvme or "", part.size) for part in parts)
        try:
            self._mover.archive.complete(self._key, upload_id, parts, size, crc64nvme)
        except _LOST as error:
            crc64nvme = self._made_after_all(size, error)
        return {"bytes": size, "parts": len(parts), "crc64nvme": crc64nvme}

    def _made_after_all(self, size: int, error: Exception) -> str:
        """The checksum of this copy's object, where only the answer that told of it was lost; else raises ``error``."""
        try:
            found = self._mover.archive.head(self._key)
        except CloudSyncError:
            raise error from None
        if found is None or found.size != size or found.crc64nvme is None:
            raise error
        if found.metadata.get("copy") != self._attributes.metadata["copy"]:
            raise error
        return found.crc64nvme

    def _ranges(self, job: PartJob) -> list[UploadedPart]:
        size = job.source.size or 0
        plan = PartPlan(size, self._part_size) if self._part_size else plan_parts(size)
        if plan.count > MAX_PARTS:
            raise TransferError(f"{size} bytes are more than {MAX_PARTS} parts of that size: raise --part-size")
        try:
            return multipart_upload_stream(self._mover, job, plan, range(1, plan.count + 1), _NO_HURRY, self._stats)
        except RangeIgnored:
            return self._stream(job)

    def _stream(self, job: PartJob) -> list[UploadedPart]:
        return self._urls.with_url(lambda url: sequential_upload_stream(self._mover, job, url, _NO_HURRY, self._stats))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    options = parsed(arguments)
    if options.ca_bundle is not None:
        os.environ["REQUESTS_CA_BUNDLE"] = os.environ["AWS_CA_BUNDLE"] = str(options.ca_bundle)
    try:
        done = _copied(options, os.environ)
    except tuple(_REFUSED) as error:
        return _failed(_REFUSED[type(error)])
    except (CloudSyncError, BotoCoreError, ClientError) as error:
        return _failed(f"{type(error).__name__}: {error}")
    usage = {"cpu_seconds": round(time.process_time(), 3), "peak_rss_mb": _peak_rss_mb()}
    print(json.dumps({**done, **usage}))  # noqa: T201 - this is what it is for
    return 0


def _copied(options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    adapter = (
        requests_adapter(options.workers)
        if options.adapter == REQUESTS
        else sockets_adapter(options.workers, environ=environ, addresses=any_address)
    )
    with ExitStack() as stack:
        stack.callback(adapter.close)
        session = _session(options)
        client, body_client = (_client(session, options, attempts) for attempts in (5, 1))
        stack.callback(client.close)
        stack.callback(body_client.close)
        adapter.attach(body_client)
        archive = Archive(client, options.bucket, body_client)
        reader = SourceReader(adapter.transport, any_url)
        mover = PartMover(archive, reader, Retry(time.sleep), Tracing({}), options.workers)
        begun = time.monotonic()
        done = Copy(SecretUrl(options.url), ObjectKey(options.key), mover, options.part_size).run()
        return {"bytes": done.pop("bytes"), "seconds": round(time.monotonic() - begun, 3), **done}


def _session(options: argparse.Namespace) -> boto3.Session:
    """With the keys of the environment. An endpoint of one's own often knows no accounts: any keys will do there."""
    session = boto3.Session()
    if options.endpoint_url and session.get_credentials() is None:
        return boto3.Session("benchmark", "benchmark")
    return session


def _client(session: boto3.Session, options: argparse.Namespace, attempts: int) -> S3Client:
    """As the functions make theirs."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=options.workers + 2,
        s3={"addressing_style": "path"} if options.endpoint_url else {},
    )
    region = session.region_name or "us-east-1"
    try:
        client: S3Client = session.client("s3", endpoint_url=options.endpoint_url, region_name=region, config=config)
    except ValueError:
        raise InvalidInput("the endpoint or the region is none that S3 can have") from None
    return client


def _peak_rss_mb() -> float:
    """This program's own peak in MiB: ``ru_maxrss`` would begin with that of whoever has started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return round(int(peak[1]) / 1024, 1) if peak else 0.0


def _refused() -> dict[PieceId, Piece]:
    """In place of asking GoPro for a fresh URL."""
    raise UrlExpired("the source refuses the URL, and there is no other")


def _failed(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
