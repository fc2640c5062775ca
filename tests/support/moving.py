"""A fresh process that moves files by the engine and says how much memory that took: ``test_engine_memory`` runs it.

``python -m tests.support.moving ENDPOINT BUCKET ADAPTER URL...``: one line of JSON, the peaks in KiB (VmHWM) once the
engine is imported and its clients are made, and behind each URL. No test library is imported here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config

from cloud_sync_common.edges.archive import Archive, ObjectAttributes
from cloud_sync_common.models import ObjectKey, Piece, PieceId, SecretUrl
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.transfer.adapters import requests_adapter, sockets_adapter
from cloud_sync_common.transfer.checksums import combine
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartJob, PartMover
from cloud_sync_common.transfer.planning import PartPlan
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.streams import multipart_upload_stream
from cloud_sync_common.transfer.urls import PieceUrls

WORKERS = 4
_ATTRIBUTES = ObjectAttributes("video/mp4", "STANDARD", {}, {})


def move(mover: PartMover, url: SecretUrl, key: ObjectKey) -> None:
    """One file by ranges, in at least as many parts as there are workers."""
    piece = Piece(PieceId("source-1"), "source", "source", 1, "copy", url, None)
    source = mover.reader.probe(piece, url)
    plan = PartPlan(source.size or 0, -(-(source.size or 0) // (2 * WORKERS)))
    upload = mover.archive.create_upload(key, _ATTRIBUTES)
    job = PartJob(key, upload, source, PieceUrls(piece, dict))
    deadline = Deadline(time.monotonic, time.monotonic() + 600)
    sent = multipart_upload_stream(mover, job, plan, range(1, plan.count + 1), deadline, TransferStats())
    parts = sorted(sent, key=lambda part: part.number)
    mover.archive.complete(key, upload, parts, plan.size, combine((p.crc64nvme or "", p.size) for p in parts))


def as_it_is(url: str) -> SecretUrl:
    """No URL is refused here: the benchmark's own source is on this machine."""
    return SecretUrl(url)


def peak_kib() -> int:
    """The most memory that this process has had so far."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def main() -> None:
    """Move every URL of the command line."""
    endpoint, bucket, name, *urls = sys.argv[1:]
    client = boto3.client(
        "s3", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}, max_pool_connections=2 * WORKERS)
    )
    made = requests_adapter(WORKERS) if name == "requests" else sockets_adapter(WORKERS, environ=os.environ)
    made.attach(client)
    mover = PartMover(
        Archive(client, bucket, client),
        SourceReader(made.transport, as_it_is),
        Retry(time.sleep),
        Tracing({}),
        WORKERS,
    )
    peaks = [peak_kib()]
    for number, url in enumerate(urls):
        move(mover, SecretUrl(url), ObjectKey(f"file-{number}"))
        peaks.append(peak_kib())
    made.close()
    sys.stdout.write(json.dumps(peaks))


if __name__ == "__main__":
    main()
