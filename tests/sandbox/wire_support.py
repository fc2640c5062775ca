"""What the tests of wire and faults share: real connections, pauses that do not wait, a process that calls."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trustme

from sandbox.wire.outlet import Ended, Outlet

TIMEOUT = 5

_TCP_CLOSE = 7
"""From Linux's ``tcp_states.h``: the connection is gone altogether; after a FIN it would be half closed."""


@dataclass
class Pauses:
    """A sleep that only notes what it was asked for."""

    asked: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


@contextmanager
def connection(*, tls: bool = False) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a TCP connection over loopback: the server's and the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=TIMEOUT)
        server, _ = listening.accept()
    server.settimeout(TIMEOUT)
    if tls:
        server, client = _over_tls(server, client)
    with server, client:
        yield server, client


def _over_tls(server: socket.socket, client: socket.socket) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    authority = trustme.CA()
    inside, outside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(inside)
    authority.configure_trust(outside)
    wrapped = inside.wrap_socket(server, server_side=True, do_handshake_on_connect=False)
    other = threading.Thread(target=wrapped.do_handshake)
    other.start()
    secured = outside.wrap_socket(client, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
    other.join()
    return wrapped, secured


@dataclass
class Received:
    """What a client has got, and how it ended: ``closed``, ``reset`` (RST), or ``cut off`` (a bare FIN under TLS)."""

    content: bytes
    end: str


def receive(client: socket.socket) -> Received:
    """Read until the connection ends.

    Python 3.11 reports a reset under TLS as ``SSLEOFError``, as it does an end without TLS's own closing message; the
    kernel tells the two apart.
    """
    content = bytearray()
    try:
        while block := client.recv(65536):
            content += block
    except (ConnectionResetError, ssl.SSLEOFError):
        state = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return Received(bytes(content), "reset" if state == _TCP_CLOSE else "cut off")
    return Received(bytes(content), "closed")


def answer(outlet: Outlet, head: bytes, *blocks: bytes) -> bool:
    """Go through a whole answer as a server does; false when the orders have ended the connection."""
    try:
        outlet.arrived()
        outlet.answering()
        outlet.head(head)
        for block in blocks:
            outlet.body(block)
        outlet.answered()
    except Ended:
        return False
    return True


@contextmanager
def calling_process(port: int, *, held: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, as functions are, that connects, sends a request and prints the answer.

    The request is one question mark, or, ``held`` back until then, what is written to the process's standard input.
    """
    program = (
        "import socket, sys\n"
        "request = sys.stdin.buffer.read() if sys.argv[2] else b'?'\n"
        "with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as s:\n"
        "    s.sendall(request)\n"
        "    while b := s.recv(65536): sys.stdout.buffer.write(b)\n"
    )
    command = [sys.executable, "-c", program, str(port), "held" if held else ""]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()
