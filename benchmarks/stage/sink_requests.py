"""A request to the sink: its head, and its body counted, checked and thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from awscrt import checksums

from benchmarks.stage import wire
from benchmarks.stage.sink_state import Received, Refused

_KEPT_BODY = 8 * 1024 * 1024
CRC_HEADER = "x-amz-checksum-crc64nvme"


@dataclass(slots=True)
class Request:
    """A request whose body has been read. ``kept`` is the body where it is a document, else empty."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    received: Received = field(default_factory=lambda: Received(0, 0))
    kept: bytes = b""

    @property
    def only_if_absent(self) -> bool:
        """The client demands that nothing is visible under the key."""
        return self.headers.get("if-none-match") == "*"

    @property
    def declares_crc(self) -> bool:
        """The client gives a CRC64NVME with the body, before or after it."""
        return CRC_HEADER in self.headers or self.headers.get("x-amz-trailer", "").lower() == CRC_HEADER


def request_of(head: wire.Head) -> Request:
    """What is asked for, before the body."""
    path, _, query = head.target.partition("?")
    bucket, _, key = path.lstrip("/").partition("/")
    pairs = parse_qsl(query, keep_blank_values=True)
    return Request(head.method, unquote(bucket), unquote(key), dict(pairs), head.headers)


def read_body(connection: wire.Wire, head: wire.Head, request: Request) -> None:
    """Count and check what comes; ``Refused`` if it is not what the client says it is."""
    if head.headers.get("expect", "").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    sent, body = _framed(connection, head.headers)
    crc = size = 0
    kept = bytearray()
    while piece := body.some(wire.BUFFER_BYTES):
        crc = checksums.crc64nvme(piece, crc)
        size += len(piece)
        if head.method == "POST":
            kept += piece
            if len(kept) > _KEPT_BODY:
                raise wire.Garbled("a document of more than 8 MiB")
    while sent.some(wire.BUFFER_BYTES):
        pass  # whatever the framing left over, so that the next request is found
    request.received, request.kept = Received(size, crc), bytes(kept)
    if head.method == "PUT":
        _check(request, body.trailers if isinstance(body, wire.Chunked) else {})


def _framed(connection: wire.Wire, headers: Mapping[str, str]) -> tuple[wire.Octets, wire.Octets]:
    """The body as it is sent, and what is inside of it: both the same unless it is aws-chunked."""
    sent: wire.Octets
    if headers.get("transfer-encoding", "").lower() == "chunked":
        sent = wire.Chunked(connection)
    else:
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise wire.Garbled("Content-Length is no number")
        sent = wire.Sized(connection, int(length))
    streaming = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if streaming or "aws-chunked" in headers.get("content-encoding", ""):
        return sent, wire.Chunked(sent)
    return sent, sent


def _check(request: Request, trailers: Mapping[str, str]) -> None:
    promised = request.headers.get("x-amz-trailer", "").lower()
    if promised and promised not in trailers:
        raise Refused("MalformedTrailerError")
    length = number_of(request.headers.get("x-amz-decoded-content-length"))
    if length is not None and length != request.received.size:
        raise Refused("IncompleteBody")
    given = trailers.get(CRC_HEADER) or request.headers.get(CRC_HEADER)
    if given is not None and given != request.received.crc64nvme:
        raise Refused("BadDigest")


def number_of(text: str | None) -> int | None:
    """A header's or parameter's number; ``Refused`` if it is none."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Refused("InvalidArgument")
    return int(text)
