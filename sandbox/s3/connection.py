"""One client connection: requests in, answers out, kept alive until either side has had enough."""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

from sandbox.s3.behaviour import DroppedError
from sandbox.s3.dispatch import Dispatcher, error_response
from sandbox.s3.errors import S3Error
from sandbox.s3.message import FilePart, Request, Response, read_request
from sandbox.s3.source import CAPACITY, ConnectionSource
from sandbox.wire.callers import Peer
from sandbox.wire.orders import UNDISTURBED, Orders
from sandbox.wire.outlet import Ended, Outlet, edited, line_to

GONE = (ConnectionError, TimeoutError, ssl.SSLError)
"""What a socket raises when the client has left or fallen silent: the end of a connection, nobody's defect."""

_LINGER_BYTES = 64 * 1024 * 1024
_LINGER_SECONDS = 2.0
_FRAMING = frozenset({"content-length", "connection", "transfer-encoding"})


class Connection:
    """Serves one socket until it is closed. The socket's time-out is how long a client may be silent."""

    def __init__(self, connection: socket.socket, dispatcher: Dispatcher, peer: Peer) -> None:
        self._connection = connection
        self._dispatcher = dispatcher
        self._peer = peer
        self._sleep = dispatcher.sleep
        self._line = line_to(connection, self._sleep)
        self._source = ConnectionSource(connection)

    def serve(self) -> None:
        """Answer requests one after the other; returns when the connection is of no more use."""
        with suppress(*GONE, DroppedError, Ended):
            while self._serve_one():
                pass

    def _serve_one(self) -> bool:
        try:
            request = read_request(self._source, secure=isinstance(self._connection, ssl.SSLSocket))
        except S3Error as unreadable:
            response = error_response(unreadable, "/")
            self._send(Outlet(UNDISTURBED, self._line, self._sleep), response, _head(response, {}, keep=False))
            self._linger()
            return False
        return request is not None and self._serve_request(request)

    def _serve_request(self, request: Request) -> bool:
        if request.expects_continue:
            request.body.begin = self._continue
        arrival = self._dispatcher.arrive(request, self._peer)
        orders = arrival.orders
        outlet = Outlet(orders, self._line, self._sleep, self._peer.kill)
        self._source.meter = outlet if orders.upload_cut is not None else None
        response = self._dispatcher.answer(arrival, outlet)
        self._source.meter = None
        # A body that was not read to its end leaves the connection in the middle of something.
        consumed = request.body.consumed
        keep = consumed and request.headers.get("connection", "").lower() != "close" and not _reframed(orders)
        block = _head(response, orders.headers, keep=keep)
        self._send(outlet, response, block, bodyless=request.method == "HEAD")
        outlet.answered()
        if not consumed:
            self._linger()
        return keep

    def _continue(self) -> None:
        self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, outlet: Outlet, response: Response, block: bytes, *, bodyless: bool = False) -> None:
        body = b"" if bodyless else response.body
        if isinstance(body, FilePart):
            outlet.head(block)
            self._send_file(body, outlet)
        elif outlet.steers_body:
            outlet.head(block)
            outlet.body(body)
        else:  # in one piece, since most answers fit into one packet
            outlet.head(block + body)

    def _send_file(self, part: FilePart, outlet: Outlet) -> None:
        buffer = memoryview(bytearray(min(CAPACITY, part.length)))
        left = part.length
        with part.path.open("rb", buffering=0) as file:
            file.seek(part.start)
            while left:
                size = file.readinto(buffer[: min(left, CAPACITY)])
                if not size:
                    raise OSError("a stored object became shorter than it was")
                outlet.body(buffer[:size])
                left -= size

    def _linger(self) -> None:
        """Let the client finish sending, so that it reads our early answer instead of a reset."""
        scratch = bytearray(CAPACITY)
        left = _LINGER_BYTES
        with suppress(OSError):  # a courtesy: a client that has gone already needs none
            self._connection.settimeout(_LINGER_SECONDS)
            self._connection.shutdown(socket.SHUT_WR)
            while left > 0 and (size := self._connection.recv_into(scratch)):
                left -= size


def _reframed(orders: Orders) -> bool:
    """Whether the orders lie about where the answer ends: the connection is of no use after it."""
    return any(name.lower() in _FRAMING for name in orders.headers)


def _head(response: Response, edits: Mapping[str, str | None], *, keep: bool) -> bytes:
    headers = {
        "Date": format_datetime(datetime.now(UTC), usegmt=True),
        "Server": "cloud-sync-sandbox-s3",
        "x-amz-request-id": secrets.token_hex(8).upper(),
        "Content-Length": str(response.content_length),
        "Connection": "keep-alive" if keep else "close",
    }
    if response.status in (204, 304):
        del headers["Content-Length"]
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    lines += [f"{name}: {value}" for name, value in edited(headers | response.headers, edits).items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # an ordered refusal may have any status
        return "Refused"
