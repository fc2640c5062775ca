"""One HTTP/1.1 request as read from a connection, and the answer to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from sandbox.s3.body import Body, open_body
from sandbox.s3.errors import S3Error
from sandbox.s3.source import MAX_LINE, Source, line

_MAX_HEADERS = 64 * 1024
PARAMETERS = (
    "prefix",
    "delimiter",
    "max-keys",
    "versionId",
    "partNumber",
    "if-match",
    "if-none-match",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-object-attributes",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-tagging",
)
"""What is kept of a request's query and headers; no authorization, signature or upload id is among them."""
_REQUEST_LINE = re.compile(r"([A-Z]+) (/[^ ]*) HTTP/1\.1")


@dataclass
class Request:
    """A request whose headers are read and whose body is not. Header names are in lower case."""

    method: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: Body
    bucket: str
    key: str
    query: dict[str, str]
    secure: bool = False
    """Came over TLS."""
    access_key_id: str | None = None
    kms_key: str | None = None
    """The KMS key of what the request turned out to be about."""

    @property
    def parameters(self) -> dict[str, str]:
        """What IAM's conditions and the use of keys depend on: query and headers of ``PARAMETERS`` that are there."""
        given = self.query | self.headers
        return {name: given[name] for name in PARAMETERS if name in given}

    @property
    def expects_continue(self) -> bool:
        """The client waits for "100 Continue" before it sends the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


@dataclass(frozen=True)
class FilePart:
    """A stretch of a file, to be streamed as a body."""

    path: Path
    start: int
    length: int


@dataclass
class Response:
    """An answer; ``length`` is announced for HEAD, where no body is sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FilePart = b""
    length: int | None = None

    @property
    def content_length(self) -> int:
        """What Content-Length says."""
        if self.length is not None:
            return self.length
        return self.body.length if isinstance(self.body, FilePart) else len(self.body)


def read_request(source: Source, *, secure: bool) -> Request | None:
    """The next request of a connection, or ``None`` if the client has closed it; ``S3Error`` if it is unreadable."""
    first = source.take(1)
    if not first:
        return None
    start = (bytes(first) + line(source)).decode("latin-1")
    matched = _REQUEST_LINE.fullmatch(start)
    if not matched:
        raise S3Error("BadRequest")
    method, target = matched.groups()
    headers = _read_headers(source)
    raw_path, _, raw_query = target.partition("?")
    bucket, _, key = raw_path[1:].partition("/")
    return Request(
        method=method,
        raw_path=raw_path,
        raw_query=raw_query,
        headers=headers,
        body=open_body(source, method, headers),
        bucket=_decoded(bucket),
        key=_decoded(key),
        query=dict(query_pairs(raw_query)),
        secure=secure,
    )


def query_pairs(raw: str) -> Iterable[tuple[str, str]]:
    """The decoded (name, value) pairs of a query string; a name without ``=`` has the value ``""``."""
    for pair in filter(None, raw.split("&")):
        name, _, value = pair.partition("=")
        yield _decoded(name.replace("+", " ")), _decoded(value.replace("+", " "))


def _decoded(quoted: str) -> str:
    try:
        return unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI") from None


def _read_headers(source: Source) -> dict[str, str]:
    headers: dict[str, str] = {}
    room = _MAX_HEADERS
    while text := line(source, MAX_LINE):
        room -= len(text)
        if room < 0:
            raise S3Error("RequestHeaderSectionTooLarge")
        name, colon, value = text.decode("latin-1").partition(":")
        name = name.lower()
        if not colon or not name or name != name.strip():
            raise S3Error("BadRequest")
        value = value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers
