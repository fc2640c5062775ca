"""The downloader with everything it touches, in one process: a GoPro simulator, the strict S3, moto's DynamoDB.

Nothing of ours is replaced: real services, real edges, real HTTP and TLS. Faults come from the servers' behaviours.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config
from moto import mock_aws

from cloud_sync_common.edges.archive import Archive
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.gopro_api import GoProApi
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.sessions import api_session
from cloud_sync_common.edges.table import Table
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.gopro_provider import GoProProvider, SourceSettings
from cloud_sync_common.models import MediaId, PieceId
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.events import DownloadEvent, parse_upload
from cloud_sync_common.rules.extra_pieces import DEFAULT
from cloud_sync_common.rules.media_rows import listing_facts
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.multipart import MultipartArchiver
from cloud_sync_common.services.archiving.piece_archiver import PieceArchiver
from cloud_sync_common.services.archiving.record import RecordArchiver
from cloud_sync_common.services.archiving.work import PieceRow, TransferLimits
from cloud_sync_common.services.claims import Claims
from cloud_sync_common.services.downloading import Downloader
from cloud_sync_common.services.uploading import Uploader
from cloud_sync_common.transfer.adapters import Adapter, requests_adapter, sockets_adapter
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartMover
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader
from sandbox.gopro.library import Library, SimMedium, SimPiece
from sandbox.gopro.messages import Request, Response
from sandbox.gopro.server import GoProServer
from sandbox.s3.behaviour import Action, Call, Stage
from sandbox.s3.model import BucketConfig, StoredObject
from sandbox.s3.server import S3Server
from tests.support.kill_switch import KillSwitch
from tests.support.tables import make_table

BUCKET = "archive"
TABLE = "tracker"
KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
MIB = 1024 * 1024
PART = 16 * MIB
"""The smallest part that the planner cuts a known size into."""


def make_file(path: Path, size: int, seed: int = 1) -> Path:
    """Write ``size`` pseudo-random bytes behind a zero, as films begin: chance must not write ``{"`` or ``<a``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"\0" + random.Random(seed).randbytes(max(size - 1, 0))  # noqa: S311 - content, not a secret
    path.write_bytes(content[:size])
    return path


def make_medium(media_id: str, *pieces: SimPiece, filename: str | None = None, **changes: Any) -> SimMedium:
    """A ready video made of ``pieces``; ``changes`` are ``SimMedium`` fields."""
    facts: dict[str, Any] = {
        "media_id": media_id,
        "filename": pieces[0].path.name if filename is None and pieces else filename,
        "type": "Video",
        "file_extension": "MP4",
        "captured_at": "2024-03-05T10:20:30Z",
        "created_at": "2024-04-01T00:00:00Z",
        "ready_to_view": "ready",
        "pieces": pieces,
        "file_size": sum(piece.size for piece in pieces) if pieces else 10,
        "camera_model": "HERO12 Black",
        **changes,
    }
    return SimMedium(**facts)


def is_record(key: str) -> bool:
    """Tell whether a key is that of a ``medium.json`` or of a later one beside it."""
    return re.fullmatch(r"medium(\.[0-9a-f]{10})?\.json", key.rpartition("/")[2]) is not None


def source(path: Path, number: int = 1) -> SimPiece:
    """An original of a video."""
    return SimPiece("source", path, number, "mp4")


@cache
def _session() -> boto3.Session:
    """One for all worlds: what it has read of services' models is kept, while moto makes the default one forget it."""
    return boto3.Session(region_name="us-east-1")


class Clock:
    """Wall and monotonic time that tests move by hand."""

    def __init__(self) -> None:
        self.now = 1_750_000_000
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.slept.append(seconds)


@dataclass
class World:
    """One account: its library, bucket and table, and the services over them."""

    root: Path
    gopro: GoProServer
    s3: S3Server
    clock: Clock
    limits: TransferLimits
    workers: int = 2
    extra_pieces: tuple[str, ...] = DEFAULT
    metrics: io.StringIO = field(default_factory=io.StringIO)
    gopro_behaviour: Callable[[Request], Response | None] | None = None
    s3_behaviour: Callable[[Stage, Call], Action | None] | None = None
    adapter: str = "sockets"
    adapters: list[Adapter] = field(default_factory=list)
    sessions: list[requests.Session] = field(default_factory=list)
    clients: dict[int, Any] = field(default_factory=dict)
    kill: KillSwitch = field(default_factory=KillSwitch)

    def __post_init__(self) -> None:
        dynamodb = _session().client("dynamodb")
        make_table(dynamodb, TABLE)
        self.kill.watch(dynamodb)
        self.table = Table(dynamodb, TABLE)
        self.tracker = Tracker(self.table)
        self.ledger = RunLedger(self.table)

    # The services

    def credentials(self) -> Credentials:
        """What a person has stored."""
        return Credentials(self.gopro.credentials["cookies"], self.gopro.credentials["user-agent"])

    def provider(self) -> GoProProvider:
        """The provider, speaking to the simulator."""
        settings = SourceSettings(
            self.gopro.url, ("gopro.com",), allow_loopback=True, extra_pieces=frozenset(self.extra_pieces)
        )
        session = self._keep(api_session())
        api = GoProApi(session, self.gopro.url, sleep=self.clock.sleep, clock=time.time, jitter=lambda: 0.0)
        return GoProProvider(api, settings)

    def archive(self) -> Archive:
        """The archive bucket through real clients."""
        return Archive(self.client(attempts=3), BUCKET, self.client(attempts=1))

    def client(self, attempts: int = 1) -> Any:
        """A boto3 client of the strict S3, made once: making one takes longer than most passes."""
        if attempts in self.clients:
            return self.clients[attempts]
        client = self.clients[attempts] = _session().client(
            "s3",
            endpoint_url=self.s3.url,
            verify=str(self.s3.ca_bundle),
            aws_access_key_id="function",
            aws_secret_access_key="secret",
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        )
        self.kill.watch(client)
        return client

    def mover(self, archive: Archive) -> PartMover:
        """The byte path by ``adapter``."""
        reader = SourceReader(
            self._adapter().transport, lambda url: check_url(url, ("gopro.com",), allow_loopback_http=True)
        )
        return PartMover(archive, reader, Retry(self.clock.sleep), Tracing({}), self.workers)

    def _adapter(self) -> Adapter:
        """Made once, since it is attached to the body client."""
        if not self.adapters:
            made = requests_adapter(self.workers) if self.adapter == "requests" else self._sockets()
            made.attach(self.client(attempts=1))
            self.adapters.append(made)
        return self.adapters[0]

    def _sockets(self) -> Adapter:
        return sockets_adapter(self.workers, environ={**os.environ, "AWS_CA_BUNDLE": str(self.s3.ca_bundle)})

    def downloader(self) -> Downloader:
        """A downloader as a fresh function process builds it."""
        archive = self.archive()
        row = PieceRow(self.tracker, lambda: "2026-01-01T00:00:00Z")
        mover = self.mover(archive)
        completion = Completion(archive, row, mover.tracing)
        multipart = MultipartArchiver(archive, row, mover, completion, self.limits)
        return Downloader(
            tracker=self.tracker,
            ledger=self.ledger,
            claims=Claims(self.tracker, self.ledger, lambda: self.clock.now, lambda: "2026-01-01T00:00:00Z"),
            provider=self.provider(),
            credentials=self.credentials,
            archiver=PieceArchiver(archive, row, mover, completion, multipart, self.limits),
            records=RecordArchiver(
                archive, row, completion, self.provider(), self.credentials, self.limits.storage_class
            ),
            metrics=MetricsPublisher(self.metrics),
            monotonic=time.monotonic,
            environment="test",
            max_stalled_passes=2,
            side_file_days=14,
        )

    def uploader(self) -> Uploader:
        """An uploader as a fresh function process builds it."""
        archive = self.archive()
        return Uploader(self.tracker, self.ledger, self.provider(), self.credentials, archive, self.mover(archive))

    # What a workflow does with them

    def list_media(self) -> None:
        """Have every medium's listing facts in the tracker, as the lister writes them."""
        page = self.provider().api.search(1, 100, self.credentials())
        for medium in page.media:
            self.tracker.record_listing(medium.media_id, {**listing_facts(medium), "listed_at": "2026-01-01T00:00:00Z"})

    def download(self, media_id: str, *, run_id: str = "run-1", seconds: float = 600) -> dict[str, Any]:
        """One pass of the downloader."""
        event = DownloadEvent(run_id, MediaId(media_id), "GX010001.MP4", None, None)
        return self.downloader().run(event, Deadline(time.monotonic, time.monotonic() + seconds), int(seconds))

    def upload(self, event: dict[str, Any]) -> dict[str, Any]:
        """One range of a TRANSFER outcome."""
        return self.uploader().run(parse_upload(event), Deadline(time.monotonic, time.monotonic() + 600))

    # What there is to see

    def objects(self) -> list[StoredObject]:
        """Everything in the archive bucket but the records of media."""
        return [item for item in self.s3.objects(BUCKET) if not is_record(item.key)]

    def records(self) -> list[StoredObject]:
        """Every ``medium.json`` in the archive bucket, later ones too."""
        return [item for item in self.s3.objects(BUCKET) if is_record(item.key)]

    def lose_the_objects(self) -> None:
        """Empty the archive, as somebody with more rights than the pipeline might.

        The strict S3 deletes nothing, on purpose: so they are taken out of its index.
        """
        self.s3._account.bucket(BUCKET).objects._versions.clear()

    def medium_row(self, media_id: str) -> dict[str, Any]:
        """The medium's row; it must exist."""
        row = self.tracker.medium(MediaId(media_id))
        assert row is not None
        return row

    def piece_row(self, media_id: str, piece_id: str = "source-1") -> dict[str, Any]:
        """A piece's row; it must exist."""
        row = self.tracker.piece(MediaId(media_id), PieceId(piece_id))
        assert row is not None
        return row

    def calls(self, operation: str) -> int:
        """How often S3 was asked for ``operation``, for other objects than records."""
        return sum(request.operation == operation and not is_record(request.key) for request in self.s3.requests)

    def emitted(self) -> list[dict[str, Any]]:
        """The metric documents so far."""
        return [json.loads(line) for line in self.metrics.getvalue().splitlines()]

    def _keep(self, session: requests.Session) -> requests.Session:
        self.sessions.append(session)
        return session


@contextmanager
def world(root: Path, *media: SimMedium, threshold: int = 8 * MIB, **limits: Any) -> Iterator[World]:
    """Open a world around ``media``; everything is closed afterwards."""
    defaults = {"bytes_per_function": 32 * 1024 * MIB, "max_functions": 2, "storage_class": "GLACIER_IR"}
    held: list[World] = []

    def gopro_behaviour(request: Request) -> Response | None:
        return held[0].gopro_behaviour(request) if held and held[0].gopro_behaviour else None

    def s3_behaviour(stage: Stage, call: Call) -> Action | None:
        return held[0].s3_behaviour(stage, call) if held and held[0].s3_behaviour else None

    with (
        mock_aws(),
        GoProServer(Library(media), behaviour=gopro_behaviour) as gopro,
        S3Server(root / "s3", region="us-east-1", credentials={"function": "secret"}, behaviour=s3_behaviour) as s3,
    ):
        s3.create_bucket(BucketConfig(BUCKET, "aws:kms", KEY_ARN, bucket_key=True, versioned=True))
        this = World(root, gopro, s3, Clock(), TransferLimits(multipart_threshold=threshold, **{**defaults, **limits}))
        held.append(this)
        this.list_media()
        try:
            yield this
        finally:
            for made in this.adapters:
                made.close()
            for session in this.sessions:
                session.close()
