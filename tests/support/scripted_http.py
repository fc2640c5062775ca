"""A real HTTP server that does what a test's script says, down to cutting the connection in the middle of a body."""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cloud_sync_common.models import SecretUrl


class End(Enum):
    """What happens to the connection after an answer."""

    KEEP = "stays open for the next request"
    CLOSE = "closed in order"
    RESET = "reset"
    STALL = "silent until the server closes"


@dataclass(frozen=True)
class Request:
    """What a client sent; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def range(self) -> tuple[int, int] | None:
        """First and last byte of a ``Range: bytes=a-b``."""
        first, dash, last = self.headers.get("range", "").removeprefix("bytes=").partition("-")
        return (int(first), int(last)) if dash else None


@dataclass(frozen=True)
class Answer:
    """What the server sends. Content-Length is the body's unless ``headers`` give another or ``chunked`` is set.

    A header that is ``None`` is left out: so Content-Length is, for a body that ends with the connection.
    """

    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    chunked: bool = False
    end: End = End.KEEP

    def but(self, **changes: Any) -> Answer:
        """The same with other headers (``headers=`` adds to them) or other attributes."""
        headers = {**self.headers, **changes.pop("headers", {})}
        return replace(self, headers=headers, **changes)


Script = Callable[[Request], Answer | None]
"""``None`` resets the connection without any answer."""


def origin(content: bytes, etag: str | None = '"v1"', kind: str = "binary/octet-stream") -> Script:
    """A well-behaved file server: ranges, HEAD, and ``If-Match``."""

    def answer(request: Request) -> Answer:
        headers: dict[str, str | None] = {"ETag": etag, "Content-Type": kind, "Accept-Ranges": "bytes"}
        if request.headers.get("if-match", etag) != etag:
            return Answer(412, headers)
        if request.range is None:
            return Answer(200, headers, content)
        first, last = request.range[0], min(request.range[1], len(content) - 1)
        if first >= len(content):
            return Answer(416, {**headers, "Content-Range": f"bytes */{len(content)}"})
        ranged = {**headers, "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return Answer(206, ranged, content[first : last + 1])

    return answer


def script(*answers: Answer | None, then: Script) -> Script:
    """These answers one after the other, whatever is asked; then another script."""
    left, lock = list(answers), threading.Lock()

    def answer(request: Request) -> Answer | None:
        with lock:
            scripted = bool(left)
            first = left.pop(0) if left else None
        return first if scripted else then(request)

    return answer


class ScriptedServer:
    """Serves a script on the loopback while its block lasts; ``requests`` is what clients have sent so far.

    With ``tls`` it speaks https.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.tls = tls
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="scripted")

    @property
    def url(self) -> SecretUrl:
        """The URL of a file on this server, with something secret in its query."""
        return SecretUrl(f"http://127.0.0.1:{self.port}/file.mp4?Signature=c4n4ry")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def connections(self) -> int:
        """How many connections clients have made."""
        return self._server.accepted

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner: ScriptedServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self.closing = threading.Event()
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[Any, Any]:
        """The TLS handshake is left to the connection's own thread: the first read makes it."""
        connection, address = super().get_request()
        if self.owner.tls is not None:
            connection = self.owner.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.accepted += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def resetting(self, request: Any) -> None:
        """This connection ends without the usual FIN."""
        with self._lock:
            self._open.discard(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            orderly = request in self._open
            self._open.discard(request)
        if orderly:
            super().shutdown_request(request)
        else:
            self.close_request(request)

    def hang_up(self) -> None:
        """Wake every handler that waits for its client."""
        self.closing.set()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news; anything else is printed, and a bug of the test."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers)
        owner = self.server.owner
        owner.requests.append(request)
        answer = owner.script(request)
        if answer is None:
            self._reset()
            return
        self._send(request, answer)
        self._end(answer.end)

    def _send(self, request: Request, answer: Answer) -> None:
        self.send_response_only(answer.status)
        length = None if answer.chunked else str(len(answer.body))
        framing = {"Transfer-Encoding": "chunked" if answer.chunked else None, "Content-Length": length}
        for name, value in {**framing, **answer.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD" and answer.status != 304:
            self.wfile.write(_chunks(answer.body) if answer.chunked else answer.body)
        self.wfile.flush()

    def _end(self, end: End) -> None:
        if end is End.STALL:
            self.server.closing.wait()
        if end is End.RESET:
            self._reset()
        self.close_connection = self.close_connection or end is not End.KEEP

    def _reset(self) -> None:
        """Close with RST: linger on, for zero seconds."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.resetting(self.connection)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _chunks(body: bytes) -> bytes:
    framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return framed + b"0\r\n\r\n"
