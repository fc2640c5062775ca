"""One client connection: requests in, answers out, kept alive until either side has had enough."""

from __future__ import annotations

import secrets
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

from sandbox.s3.behaviour import DroppedError
from sandbox.s3.dispatch import Dispatcher, error_response
from sandbox.s3.errors import S3Error
from sandbox.s3.message import FilePart, Response, read_request
from sandbox.s3.source import CAPACITY, ConnectionSource

GONE = (ConnectionError, TimeoutError, ssl.SSLError)
"""What a socket raises when the client has left or fallen silent: the end of a connection, nobody's defect."""

_LINGER_BYTES = 64 * 1024 * 1024
_LINGER_SECONDS = 2.0


class Connection:
    """Serves one socket until it is closed. The socket's time-out is how long a client may be silent."""

    def __init__(self, connection: socket.socket, dispatcher: Dispatcher) -> None:
        self._connection = connection
        self._dispatcher = dispatcher
        self._source = ConnectionSource(connection)

    def serve(self) -> None:
        """Answer requests one after the other; returns when the connection is of no more use."""
        with suppress(*GONE, DroppedError):
            while self._serve_one():
                pass

    def _serve_one(self) -> bool:
        try:
            request = read_request(self._source)
        except S3Error as unreadable:
            self._send(error_response(unreadable, "/"), head=False, keep=False)
            self._linger()
            return False
        if request is None:
            return False
        if request.expects_continue:
            request.body.begin = self._continue
        response = self._dispatcher.answer(request)
        # A body that was not read to its end leaves the connection in the middle of something.
        keep = request.body.consumed and request.headers.get("connection", "").lower() != "close"
        self._send(response, head=request.method == "HEAD", keep=keep)
        if not request.body.consumed:
            self._linger()
        return keep

    def _continue(self) -> None:
        self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, response: Response, *, head: bool, keep: bool) -> None:
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        headers = {
            "Date": format_datetime(datetime.now(UTC), usegmt=True),
            "Server": "cloud-sync-sandbox-s3",
            "x-amz-request-id": secrets.token_hex(8).upper(),
            "Content-Length": str(response.content_length),
            "Connection": "keep-alive" if keep else "close",
        }
        if response.status in (204, 304):
            del headers["Content-Length"]
        lines += [f"{name}: {value}" for name, value in (headers | response.headers).items()]
        block = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        if isinstance(response.body, bytes):
            self._connection.sendall(block if head else block + response.body)
            return
        self._connection.sendall(block)
        if not head:
            self._send_file(response.body)

    def _send_file(self, part: FilePart) -> None:
        buffer = memoryview(bytearray(min(CAPACITY, part.length)))
        left = part.length
        with part.path.open("rb", buffering=0) as file:
            file.seek(part.start)
            while left:
                size = file.readinto(buffer[: min(left, CAPACITY)])
                if not size:
                    raise OSError("a stored object became shorter than it was")
                self._connection.sendall(buffer[:size])
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
