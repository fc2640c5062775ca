"""The two servers that the conformance suite runs against, and what the foreign one is known to lack.

``rclone serve s3`` shares no line with ours: where both pass, the suite tests S3 and not our reading of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import boto3
import pytest
import trustme
from botocore.config import Config

from sandbox.s3 import BucketConfig, S3Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCESS_KEY, SECRET, REGION = "AKIACONFORMANCE", "not-a-real-secret", "eu-central-1"

LACKING = {
    "checksums": "accepts wrong checksums, and answers no CRC64NVME",
    "conditional-writes": "ignores If-None-Match and If-Match",
    "conditional-reads": "ignores If-None-Match and If-Match of a GET",
    "part-sizes": "joins parts of any size",
    "object-size": "ignores MpuObjectSize",
    "refused-complete": "forgets an upload whose Complete it has refused",
    "part-pages": "tells a wrong place to continue a page of parts",
    "tagging": "has no tags",
    "attributes": "has no GetObjectAttributes",
    "partial-content": "answers 200 to a range, and refuses the last n bytes of an object that has fewer",
    "multipart-etags": "answers another ETag for an object than its Complete did",
    "key-count": "leaves KeyCount out of an empty listing",
    "odd-keys": "is bound to the names of its file system",
}
"""What ``rclone serve s3`` does otherwise than S3; ``test_lacking`` fails as soon as it has learnt something."""


@dataclass(frozen=True)
class Served:
    """A running server: its ``client`` shows every refusal; ``add_bucket`` makes a bucket of that name.

    ``stored(bucket, key)`` is the object's content as it lies on disk, asked of no server. ``ca_bundle`` is what has to
    be trusted where the server speaks https.
    """

    client: S3Client
    add_bucket: Callable[[str], object]
    stored: Callable[[str, str], bytes]
    ca_bundle: Path | None = None


def both(test: Callable[..., None]) -> Callable[..., None]:
    """Run the test against both servers."""
    decorated: Callable[..., None] = pytest.mark.parametrize("served", ["ours", "rclone"], indirect=True)(test)
    return decorated


def where_not_lacking(capability: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the test against our server, and against rclone's as soon as ``LACKING`` does not name the capability."""
    names = ["ours"] if capability in LACKING else ["ours", "rclone"]
    return pytest.mark.parametrize("served", names, indirect=True)


@contextmanager
def ours(root: Path, *, tls: bool = False) -> Iterator[Served]:
    """Serve with our server."""

    def stored(bucket: str, key: str) -> bytes:
        return next(found.path.read_bytes() for found in server.objects(bucket) if found.key == key)

    with (
        S3Server(root, region=REGION, credentials={ACCESS_KEY: SECRET}, tls=tls) as server,
        _client(server.url, server.ca_bundle) as client,
    ):
        yield Served(client, lambda name: server.create_bucket(BucketConfig(name)), stored, server.ca_bundle)


@contextmanager
def rclone(root: Path, *, tls: bool = False) -> Iterator[Served]:
    """Serve with rclone; its process is killed at the end."""
    root.mkdir(parents=True)
    program = Path(sys.executable).with_name("rclone")
    ca_bundle, secured = _certificate(root.parent) if tls else (None, [])
    options = ["--config", "", "--auth-key", f"{ACCESS_KEY},{SECRET}", "--addr", "127.0.0.1:0", *secured]
    command = [str(program), "serve", "s3", *options, str(root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            with _client(_announced_url(process.stderr), ca_bundle) as client:
                yield Served(
                    client,
                    lambda name: client.create_bucket(Bucket=name),
                    lambda bucket, key: (root / bucket / key).read_bytes(),
                    ca_bundle,
                )
        finally:
            process.kill()


def _certificate(folder: Path) -> tuple[Path, list[str]]:
    """An authority's file, and rclone's options for a certificate of it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "ca.pem", ["--cert", str(folder / "server.pem"), "--key", str(folder / "server.pem")]


def _announced_url(log: IO[str] | None) -> str:
    said = []
    for line in log or ():
        said.append(line)
        if found := re.search(r"https?://127\.0\.0\.1:\d+", line):
            return found[0]
    raise RuntimeError(f"rclone did not start: {''.join(said)}")


@contextmanager
def _client(url: str, ca_bundle: Path | None) -> Iterator[S3Client]:
    config = Config(
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        read_timeout=30,
        # Checksums only where a test asks for them: the two servers differ there.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.client(
        "s3",
        endpoint_url=url,
        verify=str(ca_bundle) if ca_bundle else None,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
        config=config,
    )
    try:
        yield client
    finally:
        client.close()
