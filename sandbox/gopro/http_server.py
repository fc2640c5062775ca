"""HTTP/1.1 over threads: keep-alive, no Nagle delay, bodies streamed by the block, nothing left running after ``stop``.

Memory does not depend on the size of a body: files are handed to the kernel (``sendfile``) block by block.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import BinaryIO, cast
from urllib.parse import parse_qsl, urlsplit

from sandbox.gopro.journal import Exchange, Journal
from sandbox.gopro.messages import FileSlice, Response

Respond = Callable[[str, str, dict[str, str], Message], Response]
"""From method, path, query and headers to the answer; called by several threads at once."""

_Block = tuple[int, Callable[[int], int]]
"""Length of a block of a body, and what sends so many bytes of it and returns how many have left."""

_BLOCK_BYTES = 1024 * 1024
_IDLE_SECONDS = 120
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0
_BODILESS_STATUSES = frozenset({204, 304})


class HttpServer(ThreadingTCPServer):
    """Listens from construction on, answers from ``start`` until ``stop``; raises ``OSError`` when it cannot listen."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], respond: Respond, journal: Journal) -> None:
        self.respond = respond
        self.journal = journal
        self._open: set[socket.socket] = set()
        self._stopping = False
        self._changed = threading.Condition()
        super().__init__(address, _Handler)
        self._acceptor = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="gopro-simulator", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.socket.getsockname()[1])

    def start(self) -> None:
        """Begin to answer."""
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, drop the open connections and wait until nobody uses them any more (10 s at most)."""
        self.shutdown()
        self._acceptor.join()
        self.server_close()
        with self._changed:
            self._stopping = True
            for connection in self._open:
                _shut(connection)
            self._changed.wait_for(lambda: not self._open, timeout=_STOP_SECONDS)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, so that ``stop`` can drop it; one that comes too late is dropped now."""
        with self._changed:
            self._open.add(connection)
            if self._stopping:
                _shut(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection that nobody uses any more."""
        with self._changed:
            self._open.discard(connection)
            self._changed.notify_all()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Keep quiet about clients that went away; anything else is a bug and shows its traceback."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection; the base class parses the requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    @property
    def _owner(self) -> HttpServer:
        return cast(HttpServer, self.server)

    def setup(self) -> None:
        super().setup()
        self._owner.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self._owner.closed(self.connection)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing to stderr: requests are in the journal."""

    def _answer(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body that nobody reads must not be taken for the next request
        target = urlsplit(self.path)
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        response = self._owner.respond(self.command, target.path, query, self.headers)
        exchange = Exchange(self.command, target.path, self.headers.get("Range"), response.status)
        self._owner.journal.begin(exchange)
        if isinstance(response.body, FileSlice):
            with response.body.path.open("rb") as file:
                self._send(response, self._file_blocks(file, response.body), exchange)
        else:
            blocks = [response.body] if isinstance(response.body, bytes) else response.body
            self._send(response, ((len(block), self._sender(block)) for block in blocks), exchange)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server's names

    def _send(self, response: Response, blocks: Iterator[_Block], exchange: Exchange) -> None:
        """Send head and body, and drop the connection when the body is not what the head has promised."""
        headers = self._headers(response)
        lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if self.command != "HEAD" and response.status not in _BODILESS_STATUSES:
            _send_body(blocks, response.cut_after, exchange)
            if headers.get("Content-Length") != str(exchange.bytes_sent):
                self.close_connection = True

    def _headers(self, response: Response) -> dict[str, str]:
        headers = {"Server": "gopro-simulator", "Date": self.date_time_string()} | response.headers
        if response.status not in _BODILESS_STATUSES:
            if response.body_length is not None:
                headers.setdefault("Content-Length", str(response.body_length))
            self.close_connection = self.close_connection or "Content-Length" not in headers
        if self.close_connection:
            headers["Connection"] = "close"
        return headers

    def _file_blocks(self, file: BinaryIO, part: FileSlice) -> Iterator[_Block]:
        end = part.start + part.length
        for offset in range(part.start, end, _BLOCK_BYTES):
            yield min(_BLOCK_BYTES, end - offset), self._file_sender(file, offset)

    def _file_sender(self, file: BinaryIO, offset: int) -> Callable[[int], int]:
        return lambda length: self.connection.sendfile(file, offset, length) if length else 0

    def _sender(self, block: bytes) -> Callable[[int], int]:
        def send(length: int) -> int:
            self.connection.sendall(block[:length])
            return length

        return send


def _send_body(blocks: Iterator[_Block], cut_after: int | None, exchange: Exchange) -> None:
    """Send block by block, counting each before it leaves, until the end, the cut or a file that has become shorter."""
    for length, send in blocks:
        allowed = length if cut_after is None else min(length, cut_after - exchange.bytes_sent)
        exchange.bytes_sent += allowed
        sent = 0
        try:
            sent = send(allowed)
        finally:
            exchange.bytes_sent -= allowed - sent
        if sent < length:
            return


def _reason(status: int) -> str:
    """Return the status's usual phrase; GoPro's CDN also uses statuses that Python does not know (509)."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unknown"


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster
