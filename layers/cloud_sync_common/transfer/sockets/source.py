"""The source side by our own sockets. See ``ports.SourceTransport``."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from cloud_sync_common.edges.addresses import ForbiddenAddress
from cloud_sync_common.errors import SourceUnavailable, UnsafeUrl
from cloud_sync_common.models import SecretUrl
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.sockets.bodies import Body, body_of
from cloud_sync_common.transfer.sockets.connection import (
    HEADERS_SECONDS,
    SILENCE_SECONDS,
    Connection,
    Origin,
)
from cloud_sync_common.transfer.sockets.connections import Connections
from cloud_sync_common.transfer.sockets.http_head import Head, MalformedAnswer
from cloud_sync_common.transfer.sockets.request_head import addressed, composed

_OURS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "gopro-cloud-sync"}
_LEFT_AS_THEY_ARE = "!#$%&'()*+,/:;=?@[]~"
"""In a URL that is signed nothing is quoted twice (as requests has it)."""


class SocketTransport:
    """Sends requests over connections that are kept open. Safe to share between threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def request(self, method: str, url: SecretUrl, headers: Mapping[str, str]) -> SocketAnswer:
        """See ``SourceTransport``. A connection that the server has closed meanwhile is replaced without a word."""
        origin, message = _composed(method, url, headers)
        try:
            while True:
                connection = self._connections.take(origin)
                is_new = not connection.carried
                try:
                    return self._exchange(origin, connection, method, message)
                except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                    if is_new:
                        raise
        except ForbiddenAddress as error:
            raise UnsafeUrl(str(error)) from None
        except (OSError, UnicodeError, MalformedAnswer) as error:
            raise _unavailable("does not answer", error) from None

    def _exchange(self, origin: Origin, connection: Connection, method: str, message: bytes) -> SocketAnswer:
        try:
            connection.limit_from_now(SILENCE_SECONDS, HEADERS_SECONDS)
            connection.send(message)
            head, early = connection.read_head()
            connection.limit(SILENCE_SECONDS)
            body = body_of(head, method, connection.receive_into, early)
        except BaseException:
            connection.close()
            raise
        return SocketAnswer(self._connections, origin, connection, head, body)


class SocketAnswer:
    """See ``SourceAnswer``."""

    def __init__(
        self, connections: Connections, origin: Origin, connection: Connection, head: Head, body: Body
    ) -> None:
        self._connections = connections
        self._origin = origin
        self._connection = connection
        self._keeps_alive = head.keeps_alive
        self._body = body
        self._deadline: Deadline | None = None
        self._is_closed = False
        self.status = head.status
        self.headers = head.headers

    def read(self, amount: int) -> bytes:
        """See ``SourceAnswer``."""
        data = bytearray(amount)
        return bytes(data[: self.fill(memoryview(data))])

    def fill(self, view: memoryview) -> int:
        """See ``SourceAnswer``."""
        try:
            return self._body.fill(view)
        except (OSError, MalformedAnswer) as error:
            if self._deadline is not None and self._deadline.remaining() <= 0:
                raise DeadlineReached from None
            raise _unavailable("broke off", error) from None

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """See ``SourceAnswer``."""
        self._deadline = deadline
        self._connection.limit_from_now(SILENCE_SECONDS, deadline.remaining())
        yield

    def close(self) -> None:
        """See ``SourceAnswer``."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._keeps_alive and self._body.is_whole:
            self._connections.give_back(self._origin, self._connection)
        else:
            self._connection.close()


def _unavailable(how: str, error: Exception) -> SourceUnavailable:
    silent = isinstance(error, TimeoutError)
    return SourceUnavailable(f"the source {how} ({type(error).__name__})", timed_out=silent)


def _composed(method: str, url: SecretUrl, headers: Mapping[str, str]) -> tuple[Origin, bytes]:
    """Where a request goes, and the request. Pre-signed URLs are plain ASCII (``rules.urls``)."""
    origin, target, host = addressed(url)
    return origin, composed(method, quote(target, _LEFT_AS_THEY_ARE), {"Host": host, **_OURS, **headers})
