"""Bytes from a socket, without copies: one buffer per connection, and views of it.

A view is good until the next call on the same connection. ``line`` is for framing and headers only.
"""

from __future__ import annotations

import socket
from typing import Protocol

from sandbox.s3.errors import S3Error

CAPACITY = 256 * 1024
MAX_LINE = 16 * 1024
_NOTHING = memoryview(b"")


class Source(Protocol):
    """Something bytes can be taken from."""

    def take(self, limit: int) -> memoryview:
        """At least one byte and at most ``limit``; empty only at the end."""
        ...


def line(source: Source, limit: int = MAX_LINE) -> bytes:
    """The next line, its line end removed; raises IncompleteBody if the source ends first."""
    out = bytearray()
    while not out.endswith(b"\n"):
        byte = source.take(1)
        if not byte:
            raise S3Error("IncompleteBody")
        if len(out) >= limit:
            raise S3Error("MaxMessageLengthExceeded")
        out += byte
    return bytes(out).rstrip(b"\r\n")


class Meter(Protocol):
    """Wants to know of every byte that is taken, and may raise instead of letting more be taken."""

    def readable(self, wanted: int) -> int:
        """How many of the ``wanted`` bytes may be taken at once, at least one."""
        ...

    def received(self, count: int) -> None:
        """So many bytes were taken."""
        ...


class ConnectionSource:
    """The receiving side of a connection. Time-outs of the socket raise ``TimeoutError``.

    ``meter`` counts what is taken while it is set.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.meter: Meter | None = None
        self._view = memoryview(bytearray(CAPACITY))
        self._start = self._end = 0

    def take(self, limit: int) -> memoryview:
        """Whatever is there, or else a full ``limit`` (at most one buffer): big takes stay big."""
        if self.meter:
            limit = self.meter.readable(limit)
        if self._start == self._end:
            self._fill(min(limit, CAPACITY))
        size = min(limit, self._end - self._start)
        self._start += size
        if self.meter:
            self.meter.received(size)
        return self._view[self._start - size : self._start]

    def _fill(self, wanted: int) -> None:
        self._start = self._end = 0
        while self._end < wanted:
            received = self._connection.recv_into(self._view[self._end :])
            if not received:
                return
            self._end += received


class LengthSource:
    """The ``length`` bytes that Content-Length promised."""

    def __init__(self, inner: Source, length: int) -> None:
        self._inner = inner
        self.left = length

    def take(self, limit: int) -> memoryview:
        """Raises IncompleteBody when the connection ends before the promised length."""
        if not self.left:
            return _NOTHING
        view = self._inner.take(min(limit, self.left))
        if not view:
            raise S3Error("IncompleteBody")
        self.left -= len(view)
        return view


class ChunkedSource:
    """A body in HTTP's own chunked coding (RFC 9112, 7.1); trailers of that layer are read and dropped."""

    def __init__(self, inner: Source) -> None:
        self._inner = inner
        self._left = 0
        self._begun = False
        self.finished = False

    def take(self, limit: int) -> memoryview:
        """Raises IncompleteBody when the connection ends before the last chunk, BadRequest for broken framing."""
        if not self._left and not self.finished:
            self._next_chunk()
        if self.finished:
            return _NOTHING
        view = self._inner.take(min(limit, self._left))
        if not view:
            raise S3Error("IncompleteBody")
        self._left -= len(view)
        return view

    def _next_chunk(self) -> None:
        if self._begun and line(self._inner):
            raise S3Error("BadRequest")
        self._begun = True
        self._left = chunk_size(line(self._inner))
        if not self._left:
            while line(self._inner):
                pass
            self.finished = True


def chunk_size(header: bytes) -> int:
    """The size in a chunk's header line; extensions are not allowed (signed chunks are not implemented)."""
    if not header or len(header) > 16 or not set(header) <= set(b"0123456789abcdefABCDEF"):
        raise S3Error("BadRequest", "A chunk of the body has a malformed size.")
    return int(header, 16)
