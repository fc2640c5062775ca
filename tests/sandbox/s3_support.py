"""Clients of the sandbox's S3 for its tests: a real boto3 client, and raw signed requests where boto3 is too polite."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import boto3
import pytest
from awscrt import checksums as crt
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.s3 import BucketConfig, S3Server
from sandbox.wire.calls import Call
from sandbox.wire.orders import UNDISTURBED, Orders

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "archive"
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000001"
REGION = "eu-central-1"
ACCESS_KEY, SECRET = "AKIASANDBOX", "not-a-real-secret"
MIB = 1024 * 1024
PART = 5 * MIB


@contextmanager
def serving(root: Path, **options: Any) -> Iterator[S3Server]:
    """A server with one plain bucket; options go to ``S3Server``."""
    settings: dict[str, Any] = {"region": REGION, "credentials": {ACCESS_KEY: SECRET}, "tls": False} | options
    with S3Server(root, **settings) as server:
        server.create_bucket(BucketConfig(BUCKET))
        yield server


class Reachable(Protocol):
    """A server that clients can be made for."""

    @property
    def url(self) -> str:
        """Where it serves."""
        ...

    @property
    def ca_bundle(self) -> Path | None:
        """Whom its clients must trust."""
        ...


@contextmanager
def client_of(server: Reachable, **options: Any) -> Iterator[S3Client]:
    """A boto3 client that shows every refusal (no retries)."""
    given = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET, "region_name": REGION} | options
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=20)
    client = boto3.client("s3", endpoint_url=server.url, verify=_trust(server), config=config, **given)
    try:
        yield client
    finally:
        client.close()


def _trust(server: Reachable) -> str | None:
    return str(server.ca_bundle) if server.ca_bundle else None


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[None]:
    """The block's call must fail with this code."""
    with pytest.raises(ClientError) as caught:
        yield
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert status in (None, response["ResponseMetadata"]["HTTPStatusCode"])


@dataclass(frozen=True)
class Answer:
    """What a raw request got back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code of the XML body, or nothing."""
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found[1].decode() if found else ""


def raw(
    server: S3Server,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    wire: Mapping[str, str] | None = None,
    end: Callable[[http.client.HTTPConnection], None] | None = None,
) -> Answer:
    """Send exactly this, signed; ``wire`` headers go unsigned; without one of them Content-Length is the body's.

    ``end`` is called between the body and the wait for the answer.
    """
    parts = urlsplit(server.url)
    if parts.scheme == "https":
        trust = ssl.create_default_context(cafile=str(server.ca_bundle))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(parts.netloc, timeout=20, context=trust)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    sent = sign(server, method, target, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", **(headers or {})})
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {**sent, **({"Content-Length": str(len(body))} if wire is None else wire)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body)
        if end:
            end(connection)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


class _GivenPayload(S3SigV4Auth):
    """Signs the payload hash that the request already names, true or not."""

    def __init__(self, digest: str) -> None:
        super().__init__(Credentials(ACCESS_KEY, SECRET), "s3", REGION)
        self._digest = digest

    def payload(self, request: AWSRequest) -> str:
        return self._digest


def sign(server: S3Server, method: str, target: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with an Authorization, made by botocore."""
    request = AWSRequest(method=method, url=server.url + target, headers=dict(headers))
    _GivenPayload(headers["x-amz-content-sha256"]).add_auth(request)
    return dict(request.headers.items())


def aws_chunked(*chunks: bytes, trailer: bytes) -> bytes:
    """Chunks and a trailer section in aws-chunked coding."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + b"0\r\n" + trailer + b"\r\n"


def crc64(data: bytes) -> str:
    """CRC64NVME in base64."""
    return base64.b64encode(crt.crc64nvme(data).to_bytes(8, "big")).decode()


def crc32(data: bytes) -> str:
    """CRC32 in base64."""
    return base64.b64encode(crt.crc32(data).to_bytes(4, "big")).decode()


def md5(data: bytes) -> str:
    """MD5 in base64."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def open_upload(client: S3Client, key: str, **options: Any) -> str:
    """Create an upload with CRC64NVME, unless told otherwise; its id."""
    options = {"ChecksumAlgorithm": "CRC64NVME"} | options
    return client.create_multipart_upload(Bucket=BUCKET, Key=key, **options)["UploadId"]


def put_parts(client: S3Client, key: str, upload_id: str, *bodies: bytes) -> list[dict[str, Any]]:
    """Upload these parts with CRC64NVME; the list for Complete."""
    return [
        {
            "PartNumber": number,
            "ETag": client.upload_part(
                Bucket=BUCKET,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=body,
                ChecksumAlgorithm="CRC64NVME",
            )["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]


def complete(client: S3Client, key: str, upload_id: str, parts: Any, **options: Any) -> Any:
    """Complete an upload, with whatever list of parts the test wants."""
    return client.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **options
    )


class Ordered:
    """Gives these orders to the first call of an operation, and remembers every call."""

    def __init__(self, operation: str, orders: Orders) -> None:
        self.calls: list[Call] = []
        self._operation = operation
        self._orders: list[Orders] = [orders]

    def __call__(self, call: Call) -> Orders:
        self.calls.append(call)
        return self._orders.pop() if call.operation == self._operation and self._orders else UNDISTURBED


@contextmanager
def connected(server: S3Server) -> Iterator[socket.socket]:
    """A bare connection to a server without TLS."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        yield connection


def request_bytes(server: S3Server, method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    """A signed request as it goes over the wire."""
    sent = sign(server, method, target, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", **headers})
    lines = [f"{method} {target} HTTP/1.1", f"Host: {server.url.partition('//')[2]}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in sent.items() if name.lower() != "host"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
