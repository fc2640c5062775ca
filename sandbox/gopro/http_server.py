"""HTTP/1.1 over threads: keep-alive, no Nagle delay, orders obeyed, nothing left running after ``stop``."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from sandbox.gopro.journal import Exchange, Journal
from sandbox.gopro.messages import Response, reason
from sandbox.gopro.operations import operation_of
from sandbox.gopro.sending import BodySender
from sandbox.wire.callers import NOBODY, Callers
from sandbox.wire.disturbance import ordered
from sandbox.wire.orders import Orders, Plan, undisturbed
from sandbox.wire.outlet import Ended, Outlet, edited, line_to

Respond = Callable[[str, str, dict[str, str], Message, Orders], Response]
"""From method, path, query, headers and orders to the answer; called by several threads at once."""

_IDLE_SECONDS = 120
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0
_BODILESS_STATUSES = frozenset({204, 304})


class HttpServer(ThreadingTCPServer):
    """Listens from construction on, answers from ``start`` until ``stop``; raises ``OSError`` when it cannot listen."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        respond: Respond,
        journal: Journal,
        plan: Plan = undisturbed,
        callers: Callers = NOBODY,
    ) -> None:
        self.respond = respond
        self.journal = journal
        self.plan = plan
        self.callers = callers
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
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
            self.closing.set()
            for connection in self._open:
                _shut(connection)
            self._changed.wait_for(lambda: not self._open, timeout=_STOP_SECONDS)

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, so that ``stop`` can drop it; one that comes too late is dropped now."""
        with self._changed:
            self._open.add(connection)
            if self.closing.is_set():
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
        self._peer = self._owner.callers.peer(self.connection)

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
        orders = ordered(self._owner.plan, self._peer, *operation_of(self.command, target.path), target.path)
        outlet = Outlet(orders, line_to(self.connection, self._sleep), self._sleep, self._peer.kill)
        try:
            outlet.arrived()
            query = dict(parse_qsl(target.query, keep_blank_values=True))
            response = self._owner.respond(self.command, target.path, query, self.headers, orders)
            outlet.answering()
            exchange = Exchange(self.command, target.path, self.headers.get("Range"), response.status)
            self._send(response, orders, outlet, exchange)
            outlet.answered()
        except Ended:
            self.close_connection = True

    def _sleep(self, seconds: float) -> None:
        self._owner.closing.wait(seconds)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server's names

    def _send(self, response: Response, orders: Orders, outlet: Outlet, exchange: Exchange) -> None:
        """Send head and body, and drop the connection when the body is not what the head has promised."""
        self._owner.journal.begin(exchange)
        headers = edited(self._headers(response), orders.headers)
        lines = [f"HTTP/1.1 {response.status} {reason(response.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        outlet.head("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if self.command != "HEAD" and response.status not in _BODILESS_STATUSES:
            BodySender(self.connection, outlet, exchange).send(response.body, response.cut_after)
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


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster
