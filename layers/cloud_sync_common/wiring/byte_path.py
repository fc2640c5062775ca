"""The byte path: the archive bucket, and what moves parts into it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.config import Config

from cloud_sync_common.edges.archive import Archive
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer.adapters import (
    REQUESTS,
    Adapter,
    chosen_adapter,
    requests_adapter,
    sockets_adapter,
)
from cloud_sync_common.transfer.engine import PartMover
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader
from cloud_sync_common.wiring.clients import make_client
from cloud_sync_common.wiring.environment import Environment
from cloud_sync_common.wiring.gopro import provider
from cloud_sync_common.wiring.process import Wiring

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


BODY_READ_TIMEOUT = 40
"""Seconds; with the deadline in the middle of a body an answer is still there before the function ends."""


def archive(wired: Wiring) -> Archive:
    """The archive bucket."""
    bucket = wired.environment.text("ARCHIVE_BUCKET")
    body_client = _body_client(_workers(wired.environment))
    wired.kept(adapter).attach(body_client)
    return Archive(wired.client("s3"), bucket, body_client)


def mover(wired: Wiring) -> PartMover:
    """What moves parts from GoPro's CDN into the archive bucket."""
    workers, settings = _workers(wired.environment), wired.kept(provider).settings
    reader = SourceReader(
        wired.kept(adapter).transport,
        lambda url: check_url(url, settings.allowed_hosts, allow_loopback_http=settings.allow_loopback),
    )
    processors = _processors(wired.environment.values)
    return PartMover(wired.kept(archive), reader, Retry(time.sleep), wired.tracing, workers, processors=processors)


def adapter(wired: Wiring) -> Adapter:
    """Who puts bytes on the wire, ready for its first connection."""
    environ = wired.environment.values
    name = chosen_adapter(wired.environment.text("TRANSFER_ADAPTER"), environ)
    connections = _workers(wired.environment)
    made = requests_adapter(connections) if name == REQUESTS else sockets_adapter(connections, environ=environ)
    made.prepare()
    return made


def _processors(environ: Mapping[str, str]) -> float:
    """What Lambda gives a function of this size: a whole one from 1,769 MB on (Lambda's guide, "Configure memory")."""
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return min(1.0, int(memory) / 1769) if memory.isdigit() and int(memory) else 1.0


def _workers(environment: Environment) -> int:
    return environment.number("WORKERS")


def _body_client(connections: int) -> S3Client:
    """S3 for streamed bodies, which cannot be rewound: whoever holds the source tries again."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=connections + 2,
        read_timeout=BODY_READ_TIMEOUT,
    )
    client: S3Client = make_client("s3", config)
    return client
