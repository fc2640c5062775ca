"""The three ways in which HTTP/1.1 frames the body of an answer (RFC 9112, section 6.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from cloud_sync_common.transfer.sockets.http_head import Head, MalformedAnswer

Receive = Callable[[memoryview], int]
"""Receives what is there into a view; 0 at the end of the connection."""

_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\x00]*)?")
_MAX_LINE = 4096
_MAX_TRAILER_LINES = 100


class Body(Protocol):
    """What is left of a body."""

    @property
    def is_whole(self) -> bool:
        """Whether all of it was read, and the connection is at the next answer."""
        ...

    def fill(self, view: memoryview) -> int:
        """Fill ``view``, less only at the body's end. Raises ``OSError`` or ``MalformedAnswer``."""
        ...


class Incoming:
    """What came in together with the head, then what the connection brings."""

    def __init__(self, receive: Receive, early: bytes) -> None:
        self._connection = receive
        self._early = memoryview(early)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held any more."""
        return not self._early

    @property
    def receive(self) -> Receive:
        """Where the next bytes come from: asked once for many reads, since this is the path of every byte."""
        return self._held if self._early else self._connection

    def _held(self, view: memoryview) -> int:
        if not self._early:
            return self._connection(view)
        size = min(len(view), len(self._early))
        view[:size] = self._early[:size]
        self._early = self._early[size:]
        return size


class KnownLength:
    """A body with a Content-Length."""

    def __init__(self, incoming: Incoming, length: int) -> None:
        self._incoming = incoming
        self._left = length

    @property
    def is_whole(self) -> bool:
        """See ``Body``. More than was announced is no beginning of another answer."""
        return not self._left and self._incoming.is_empty

    def fill(self, view: memoryview) -> int:
        """See ``Body``."""
        wanted = min(len(view), self._left)
        receive, filled = self._incoming.receive, 0
        while filled < wanted:
            received = receive(view[filled:wanted])
            if not received:
                raise ConnectionResetError("the connection ended before the body")
            filled += received
        self._left -= wanted
        return wanted


class UntilClose:
    """A body that ends with the connection: whether it is whole is for the caller to know."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    @property
    def is_whole(self) -> bool:
        """See ``Body``: its end is the connection's."""
        return False

    def fill(self, view: memoryview) -> int:
        """See ``Body``."""
        return _filled(view, self._incoming.receive)


class Chunked:
    """A body in chunks."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._held = bytearray()
        self._left = 0
        self._begun = self._ended = False

    @property
    def is_whole(self) -> bool:
        """See ``Body``."""
        return self._ended and not self._held and self._incoming.is_empty

    def fill(self, view: memoryview) -> int:
        """See ``Body``."""
        return _filled(view, self._receive)

    def _receive(self, view: memoryview) -> int:
        if not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return 0
        size = min(len(view), self._left)
        if self._held:
            size = min(size, len(self._held))
            view[:size] = self._held[:size]
            del self._held[:size]
        else:
            size = self._incoming.receive(view[:size])
            if not size:
                raise ConnectionResetError("the connection ended before the body")
        self._left -= size
        return size

    def _next_chunk(self) -> None:
        if self._begun and self._line() != b"":
            raise MalformedAnswer("a chunk longer than it said")
        self._begun = True
        size = _CHUNK_LINE.fullmatch(self._line())
        if size is None:
            raise MalformedAnswer("a chunk of no length")
        self._left = int(size[1], 16)
        if not self._left:
            for _ in range(_MAX_TRAILER_LINES):
                if not self._line():
                    self._ended = True
                    return
            raise MalformedAnswer("trailers without end")

    def _line(self) -> bytes:
        step = memoryview(bytearray(_MAX_LINE))
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > _MAX_LINE:
                raise MalformedAnswer("a chunk's line without end")
            received = self._incoming.receive(step)
            if not received:
                raise ConnectionResetError("the connection ended before the body")
            self._held += step[:received]
        line = bytes(self._held[:end])
        del self._held[: end + 2]
        return line


def body_of(head: Head, method: str, receive: Receive, early: bytes) -> Body:
    """The body behind a head; ``early`` is what came in with it. Raises ``MalformedAnswer``."""
    incoming = Incoming(receive, early)
    length = head.body_length(method)
    if length is not None:
        return KnownLength(incoming, length)
    return Chunked(incoming) if head.is_chunked else UntilClose(incoming)


def _filled(view: memoryview, receive: Receive) -> int:
    filled = 0
    while filled < len(view) and (received := receive(view[filled:])):
        filled += received
    return filled
