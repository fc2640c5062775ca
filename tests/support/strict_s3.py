"""The sandbox's strict S3 with an archive bucket, and our ``Archive`` on real boto3 clients of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from cloud_sync_common.edges.archive import Archive, ObjectAttributes
from cloud_sync_common.models import ObjectKey, UploadId
from cloud_sync_common.transfer.checksums import Crc64Nvme
from sandbox.s3 import BucketConfig, Call, S3Error, S3Server, StoredObject
from sandbox.s3.behaviour import Action, Stage
from tests.support.aws import REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "archive"
KEY = ObjectKey("gopro-videos/2026/01/m1/GX010042.MP4")
MIB = 1024 * 1024
_ACCESS_KEY, _SECRET = "AKIATEST", "not-a-real-secret"

ATTRIBUTES = ObjectAttributes(
    "video/mp4", "GLACIER_IR", {"source-media-id": "m1", "piece": "source-1"}, {"Source": "GoPro", "MediaType": "Video"}
)


def crc(data: bytes) -> str:
    """CRC64NVME as S3 writes it."""
    running = Crc64Nvme()
    running.update(data)
    return running.base64


@dataclass
class Store:
    """A strict S3 with one bucket. ``faults`` may be changed by a test: (operation, stage) -> what happens, once."""

    server: S3Server
    archive: Archive
    client: S3Client
    faults: dict[tuple[str, Stage], Action]

    def upload(self, key: ObjectKey = KEY) -> UploadId:
        """Open an upload."""
        return self.archive.create_upload(key, ATTRIBUTES)

    def put(self, data: bytes, key: ObjectKey = KEY, metadata: Mapping[str, str] | None = None) -> None:
        """Somebody else's object."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data, Metadata=dict(metadata or {}))

    def objects(self) -> dict[str, StoredObject]:
        """Everything in the bucket by key."""
        return {found.key: found for found in self.server.objects(BUCKET)}

    def open_uploads(self) -> int:
        """How many uploads are open."""
        return len(self.server.open_uploads(BUCKET))

    def calls(self, operation: str) -> int:
        """How often a client has made this call."""
        return sum(logged.operation == operation for logged in self.server.requests)

    def refuse(self, operation: str, code: str) -> None:
        """Answer the next call of this operation with this error."""
        self.faults[operation, Stage.REQUEST] = S3Error(code)


@contextmanager
def strict_store(root: Path, *, kms_key: str | None = None) -> Iterator[Store]:
    """Serve while the block lasts."""
    faults: dict[tuple[str, Stage], Action] = {}

    def behave(stage: Stage, call: Call) -> Action | None:
        return faults.pop((call.operation, stage), None)

    with ExitStack() as stack:
        server = stack.enter_context(
            S3Server(root, region=REGION, credentials={_ACCESS_KEY: _SECRET}, behaviour=behave)
        )
        algorithm = "aws:kms" if kms_key else "AES256"
        server.create_bucket(BucketConfig(BUCKET, sse_algorithm=algorithm, kms_key_arn=kms_key, versioned=True))
        client, body_client = _client(server), _client(server)
        stack.callback(client.close)
        stack.callback(body_client.close)
        yield Store(server, Archive(client, BUCKET, body_client), client, faults)


def _client(server: S3Server) -> S3Client:
    """As ``wiring`` makes them, but trusting the server and trying once."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        s3={"addressing_style": "path"},
        connect_timeout=10,
        read_timeout=20,
        max_pool_connections=8,
    )
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=_ACCESS_KEY,
        aws_secret_access_key=_SECRET,
        verify=str(server.ca_bundle),
        config=config,
    )
    return client
