"""One TCP or TLS connection with limits of time; and how one is made."""

from __future__ import annotations

import math
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from cloud_sync_common.transfer.sockets.http_head import END, MAX_HEAD, Head, MalformedAnswer, parse_head

CONNECT_SECONDS = 10.0
"""For each address of a name, TLS handshake included."""

SILENCE_SECONDS = 20.0
"""Between two pieces of data from either side."""

HEADERS_SECONDS = 40.0
"""From the request to the end of the answer's headers, in all, however they drip; less than an invocation of five
minutes or more keeps after its deadline."""

_STEP = 16 * 1024
"""What one TLS record holds at most."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections of one kind lead; ``host`` without brackets."""

    scheme: str
    host: str
    port: int


class Connection:
    """Sends and receives within limits; raises ``OSError`` (``TimeoutError`` where the time was over).

    Not safe to share between threads.
    """

    __slots__ = ("_clock", "_read", "_silence", "_socket", "_until", "carried", "idle_since")

    def __init__(self, connected: socket.socket, clock: Callable[[], float]) -> None:
        self._socket = connected
        self._clock = clock
        # SSLSocket.read spares a layer of Python for each 16 KiB record: 3 % of the CPU time (measured, ADR 18).
        self._read: Callable[[int, memoryview], int] = (
            connected.read if isinstance(connected, ssl.SSLSocket) else _plain_read(connected)  # type: ignore[assignment]
        )
        self.carried = 0
        """Requests that it has carried to their end."""
        self.idle_since = 0.0
        self.limit(SILENCE_SECONDS)

    def limit(self, silence: float, until: float = math.inf) -> None:
        """From now on wait at most ``silence`` seconds for anything, and for nothing beyond the moment ``until``."""
        self._silence = silence
        self._until = until
        self._socket.settimeout(silence)

    def limit_from_now(self, silence: float, seconds: float) -> None:
        """The same with the moment ``seconds`` from now; negative when it is over."""
        self.limit(silence, self._clock() + seconds)

    def receive_into(self, view: memoryview) -> int:
        """Receive what is there into ``view``; 0 at the end of the connection."""
        left = self._until - self._clock()
        if left < self._silence:
            self._shorten(left)
        return self._read(len(view), view)

    def send(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        left = self._until - self._clock()
        if left < self._silence:
            self._shorten(left)
        self._socket.sendall(data)

    def read_head(self) -> tuple[Head, bytes]:
        """The next answer's head, and what came behind it. Raises ``MalformedAnswer``, too."""
        held = bytearray()
        step = memoryview(bytearray(_STEP))
        while True:
            end = held.find(END)
            if (len(held) if end < 0 else end) > MAX_HEAD:
                raise MalformedAnswer("headers without end")
            if end >= 0:
                head = parse_head(bytes(held[:end]))
                del held[: end + len(END)]
                if not head.is_interim:
                    return head, bytes(held)
                continue
            received = self.receive_into(step)
            if not received:
                raise ConnectionResetError("the connection ended before the answer")
            held += step[:received]

    def is_quiet(self) -> bool:
        """Whether nothing has come in, the other side's goodbye included: only then may it carry another request."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            # The rest of a TLS record that was begun is here and no longer the kernel's to tell.
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close it at once; an unfinished request is thereby given up."""
        with suppress(OSError):
            self._socket.close()

    def _shorten(self, left: float) -> None:
        if left <= 0:
            raise TimeoutError("the time is over")
        self._socket.settimeout(left)


class Connector(Protocol):
    """Makes connections."""

    def __call__(self, origin: Origin) -> Connection:
        """Connect; raises ``OSError``, ``UnicodeError`` for an impossible name, and whatever refuses an address."""
        ...


@dataclass(frozen=True, slots=True)
class TcpConnector:
    """Connects to the first of a name's addresses that answers, IPv6 or IPv4 in the resolver's order.

    ``addresses`` looks a name up and leaves out what may not be connected to; without any it raises ``none_permitted``.
    ``tls`` makes the TLS context on first use: loading the authorities takes long on a small function.
    """

    addresses: Callable[[str, int], list[str]]
    tls: Callable[[], ssl.SSLContext]
    clock: Callable[[], float]
    none_permitted: Callable[[str], Exception]

    def __call__(self, origin: Origin) -> Connection:
        """See ``Connector``."""
        trouble: Exception = self.none_permitted(origin.host)
        for address in self.addresses(origin.host, origin.port):
            try:
                return Connection(self._connected(origin, address), self.clock)
            except OSError as error:
                trouble = error
        raise trouble

    def _connected(self, origin: Origin, address: str) -> socket.socket:
        connected = socket.create_connection((address, origin.port), timeout=CONNECT_SECONDS)
        try:
            # Requests are small and must not wait for the acknowledgement of the one before.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if origin.scheme == "http":
                return connected
            return self.tls().wrap_socket(connected, server_hostname=origin.host)
        except BaseException:
            connected.close()
            raise


def any_address(name: str, port: int) -> list[str]:
    """Every address of a name: S3 may be at a private one (a VPC endpoint)."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _plain_read(connected: socket.socket) -> Callable[[int, memoryview], int]:
    return lambda size, view: connected.recv_into(view, size)
