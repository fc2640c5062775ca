"""HTTP/1.1 off a connection at as little CPU as Python allows: one buffer, and views of it instead of copies."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

BUFFER_BYTES = 256 * 1024
_WORTH_FILLING = 64 * 1024
_LONGEST_LINE = 16 * 1024
_MOST_HEADERS = 200
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
NOTHING = memoryview(b"")


class Cut(Exception):
    """The client has closed the connection in the middle of a request."""


class Garbled(Exception):
    """What came is not HTTP, or not aws-chunked."""


class Octets(Protocol):
    """Bytes that come in one after the other."""

    def some(self, limit: int) -> memoryview:
        """At least one of the next ``limit`` bytes; none at the end. The view is good until the next call."""

    def line(self) -> bytes:
        """The next line, with its end; ``Cut`` if there is none."""


class Wire:
    """A connection's bytes. A thread of its own reads it, so it blocks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def some(self, limit: int) -> memoryview:
        """See ``Octets``. Of many bytes it gives a bufferful, so that what is done with them is done seldom."""
        if self._start == self._end:
            self._start, self._end = 0, self._receive(min(limit, BUFFER_BYTES))
        start = self._start
        self._start = min(self._end, start + limit)
        return self._view[start : self._start]

    def line(self) -> bytes:
        """See ``Octets``; ``Garbled`` if it is longer than 16 KiB."""
        taken = bytearray()
        while not taken.endswith(b"\n"):
            if self._start == self._end:
                self._start, self._end = 0, self._connection.recv_into(self._view)
                if not self._end:
                    raise Cut("closed in the middle of a line")
            start = self._start
            self._start = self._buffer.find(b"\n", start, self._end) + 1 or self._end
            taken += self._view[start : self._start]
            if len(taken) > _LONGEST_LINE:
                raise Garbled("a line of more than 16 KiB")
        return bytes(taken)

    def send(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        self._connection.sendall(data)

    def _receive(self, wanted: int) -> int:
        """TLS hands over 16 KiB at a time; nothing beyond ``wanted`` is taken when it is worth filling the buffer."""
        if wanted < _WORTH_FILLING:
            return self._connection.recv_into(self._view)
        received = self._connection.recv_into(self._view, wanted)
        while received < wanted:
            count = self._connection.recv_into(self._view[received:wanted])
            if not count:
                break
            received += count
        return received


class Sized:
    """The next ``length`` bytes, and then the end; ``Cut`` if there are fewer."""

    def __init__(self, inner: Octets, length: int) -> None:
        self._inner = inner
        self._left = length

    def some(self, limit: int) -> memoryview:
        """See ``Octets``."""
        if not self._left:
            return NOTHING
        piece = self._inner.some(min(limit, self._left))
        if not piece:
            raise Cut(f"closed {self._left} bytes before the end of the body")
        self._left -= len(piece)
        return piece

    def line(self) -> bytes:
        """See ``Octets``."""
        taken = self._inner.line() if self._left else b""
        self._left -= len(taken)
        if not taken or self._left < 0:
            raise Garbled("the body ends in the middle of a line")
        return taken


class Chunked:
    """The bytes inside ``Transfer-Encoding: chunked``, and inside aws-chunked, which is framed alike.

    Extensions (chunk signatures) are not looked at. ``trailers``, with names in lower case, is filled at the end.
    """

    def __init__(self, inner: Octets) -> None:
        self._inner = inner
        self._left = 0
        self._state = "first"
        self.trailers: dict[str, str] = {}

    def some(self, limit: int) -> memoryview:
        """See ``Octets``."""
        if not self._left and not self._next_chunk():
            return NOTHING
        piece = self._inner.some(min(limit, self._left))
        if not piece:
            raise Cut("closed in the middle of a chunk")
        self._left -= len(piece)
        return piece

    def line(self) -> bytes:
        """See ``Octets``: for the few lines of aws-chunked inside of chunked."""
        taken = bytearray()
        while not taken.endswith(b"\n"):
            piece = self.some(1)
            if not piece or len(taken) > _LONGEST_LINE:
                raise Garbled("a chunk's size is missing")
            taken += piece
        return bytes(taken)

    def _next_chunk(self) -> bool:
        if self._state == "ended":
            return False
        # Only now is the end of the last chunk read: reading it earlier would have overwritten the view given out.
        if self._state == "more" and self._inner.line().strip():
            raise Garbled("a chunk is longer than it says")
        size = self._inner.line().partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise Garbled("a chunk's size is no number")
        self._left = int(size, 16)
        self._state = "more" if self._left else "ended"
        if not self._left:
            self.trailers = headers_of(self._inner)
        return self._left > 0


@dataclass(frozen=True, slots=True)
class Head:
    """A request but for its body: ``target`` as it was sent, names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


def read_head(wire: Wire) -> Head | None:
    """The next request's head; ``None`` if the client has closed the connection between two requests."""
    first = wire.some(1)
    if not first:
        return None
    words = (bytes(first) + wire.line()).decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Garbled("no HTTP/1 request")
    return Head(words[0], words[1], headers_of(wire))


def headers_of(octets: Octets) -> dict[str, str]:
    """Headers, or trailers, up to the empty line that ends them."""
    headers: dict[str, str] = {}
    while text := octets.line().strip().decode("latin-1"):
        name, colon, value = text.partition(":")
        if not colon or len(headers) == _MOST_HEADERS:
            raise Garbled("no header")
        headers[name.lower()] = value.strip()
    return headers


def closes(headers: Mapping[str, str]) -> bool:
    """The client does not want to use the connection again."""
    return headers.get("connection", "").lower() == "close"
