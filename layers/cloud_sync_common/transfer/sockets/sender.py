"""The S3 side by our own sockets: botocore makes, signs and reads the requests, this puts their bodies on the wire.

A boto3 client tells of every request twice: ``before-call``, with the caller's body, and ``before-send``, with the
signed request; whoever answers the second one has sent it (botocore's event system; moto works in this way, too). What
botocore would do in between is to hold and copy each byte several times (performance.md 2).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from cloud_sync_common.transfer.body import BodySection, OutgoingBody, SourceBody
from cloud_sync_common.transfer.deadline import DeadlineReached
from cloud_sync_common.transfer.sockets.bodies import body_of
from cloud_sync_common.transfer.sockets.connection import HEADERS_SECONDS, SILENCE_SECONDS, Connection, Origin
from cloud_sync_common.transfer.sockets.connections import Connections
from cloud_sync_common.transfer.sockets.framing import (
    CHUNK,
    CRLF,
    END_LENGTH,
    MAX_FRONT,
    chunk_front,
    end,
    framed_length,
)
from cloud_sync_common.transfer.sockets.http_head import Head, MalformedAnswer
from cloud_sync_common.transfer.sockets.request_head import addressed, composed
from cloud_sync_common.transfer.trailers import OPERATIONS, checksums_behind_bodies

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_s3 import S3Client

MAX_REPLY = 1024 * 1024
"""Bytes; S3's answer to a body has none, or a page of XML."""

EARLY_SECONDS = 2.0
"""How long an answer is waited for that may have come before the end of the body."""

_REPLACED = frozenset({"transfer-encoding", "content-length", "expect", "host"})
"""Headers that are ours to say; none of them is signed but Host, which stays the same."""


class SocketSender:
    """Sends the bodies of the clients that it is attached to. Safe to share between threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._local = threading.local()

    def attach(self, client: S3Client) -> None:
        """From now on send this client's ``OutgoingBody`` bodies; whatever else it does stays botocore's."""
        checksums_behind_bodies(client)
        for operation in OPERATIONS:
            client.meta.events.register(f"before-call.s3.{operation}", self._keep)
            client.meta.events.register(f"before-send.s3.{operation}", self._answer)  # type: ignore[arg-type]  # may answer

    def _keep(self, params: dict[str, Any], **_others: Any) -> None:
        body = params["body"]
        self._local.body = body if isinstance(body, SourceBody | BodySection) else None

    def _answer(self, request: AWSPreparedRequest, **_others: Any) -> AWSResponse | None:
        body: OutgoingBody | None = getattr(self._local, "body", None)
        if body is None:
            return None
        self._local.body = None
        return self._exchange(request, body)

    def _exchange(self, request: AWSPreparedRequest, body: OutgoingBody) -> AWSResponse:
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        size = int(headers["x-amz-decoded-content-length"])
        outgoing = _Outgoing(body, size, self._buffer())
        # The source's first bytes come first: a source that fails costs no request to S3.
        outgoing.load()
        origin, target, host = addressed(request.url)
        fields = {name: value for name, value in headers.items() if name not in _REPLACED}
        fields = {"host": host, **fields, "content-length": str(framed_length(size, CHUNK))}
        connection = self._connected(origin)
        try:
            head, reply, is_whole = _exchanged(connection, composed(request.method, target, fields), outgoing)
        except (OSError, MalformedAnswer) as error:
            connection.close()
            if body.deadline.remaining() <= 0:
                raise DeadlineReached from error
            raise ConnectionClosedError(endpoint_url=origin.host) from error
        except BaseException:
            connection.close()
            raise
        if outgoing.is_sent and head.keeps_alive and is_whole:
            self._connections.give_back(origin, connection)
        else:
            connection.close()
        answered = HeadersDict(head.headers)
        return AWSResponse(request.url, head.status, answered, _Raw(reply))  # type: ignore[arg-type]  # as it is made

    def _connected(self, origin: Origin) -> Connection:
        try:
            return self._connections.take(origin)
        except (OSError, UnicodeError) as error:
            raise EndpointConnectionError(endpoint_url=origin.host, error=type(error).__name__) from error

    def _buffer(self) -> bytearray:
        """This thread's."""
        if not hasattr(self._local, "buffer"):
            self._local.buffer = bytearray(MAX_FRONT + CHUNK + len(CRLF) + END_LENGTH)
        buffer: bytearray = self._local.buffer
        return buffer


class _Outgoing:
    """A body of ``size`` bytes, chunk by chunk through one buffer, each chunk framed in place."""

    def __init__(self, body: OutgoingBody, size: int, buffer: bytearray) -> None:
        self._body = body
        self._left = size
        self._view = memoryview(buffer)
        self._ready = 0
        self.is_sent = False
        self.deadline = body.deadline

    def load(self) -> None:
        """Fill the buffer with the next chunk. Raises what the body raises."""
        self._ready = min(self._left, CHUNK)
        if self._ready:
            self._body.fill(self._view[MAX_FRONT : MAX_FRONT + self._ready])
        self._left -= self._ready
        if not self._left:
            # Before the last chunk goes out: what is longer than it should be never becomes a part.
            self._body.end()

    def send(self, connection: Connection) -> None:
        """Send what is loaded and all the rest."""
        while self._left:
            connection.send(self._framed(CRLF))
            self.load()
        connection.send(self._framed(CRLF + end(self._body.crc64nvme) if self._ready else end(self._body.crc64nvme)))
        self.is_sent = True

    def _framed(self, behind: bytes) -> memoryview:
        front = chunk_front(self._ready) if self._ready else b""
        first, last = MAX_FRONT - len(front), MAX_FRONT + self._ready
        self._view[first:MAX_FRONT] = front
        self._view[last : last + len(behind)] = behind
        return self._view[first : last + len(behind)]


def _exchanged(connection: Connection, message: bytes, outgoing: _Outgoing) -> tuple[Head, bytes, bool]:
    """Send a request and read its answer, which may come before the body has ended."""
    connection.limit_from_now(SILENCE_SECONDS, outgoing.deadline.remaining())
    try:
        connection.send(message)
        outgoing.send(connection)
    except OSError as error:
        return _early_answer(connection, error)
    connection.limit_from_now(HEADERS_SECONDS, HEADERS_SECONDS)
    return _reply(connection)


def _early_answer(connection: Connection, broken: OSError) -> tuple[Head, bytes, bool]:
    """S3 refuses a request without hearing it out, and hangs up: why is in what it has sent."""
    with suppress(OSError, MalformedAnswer):
        connection.limit_from_now(EARLY_SECONDS, EARLY_SECONDS)
        head, reply, is_whole = _reply(connection)
        if head.status >= 300:
            return head, reply, is_whole
    raise broken


def _reply(connection: Connection) -> tuple[Head, bytes, bool]:
    """The head, the body, and whether the connection is at the next answer now."""
    head, early = connection.read_head()
    body = body_of(head, "PUT", connection.receive_into, early)
    reply = bytearray()
    step = memoryview(bytearray(16 * 1024))
    while received := body.fill(step):
        reply += step[:received]
        if len(reply) > MAX_REPLY:
            raise MalformedAnswer("an answer without end")
    return head, bytes(reply), body.is_whole


class _Raw:
    """A reply that is held, as botocore wants to read it."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply

    def stream(self) -> Iterator[bytes]:
        """All of it."""
        yield self._reply


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
