"""The rougher ends of a TCP connection, with or without TLS on it. Linux only."""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

Sleep = Callable[[float], object]
"""Waits so many seconds, or less if the server closes: ``threading.Event.wait`` fits."""

_SIOCOUTQNSD = 0x894B
"""From Linux's ``sockios.h``: how many bytes the kernel still has to send."""
_FLUSH_PAUSE = 0.005
_FLUSH_TRIES = 400


def flush(connection: socket.socket, sleep: Sleep) -> None:
    """Wait until everything sent has left the send queue, two seconds at most: a client may have stopped reading."""
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # lets go of what Nagle's algorithm holds
        for _ in range(_FLUSH_TRIES):
            if not _unsent(connection):
                return
            sleep(_FLUSH_PAUSE)
    except (OSError, ValueError):
        return  # nothing is left to wait for on a connection that has gone


def _unsent(connection: socket.socket) -> int:
    count = bytearray(4)
    fcntl.ioctl(connection.fileno(), _SIOCOUTQNSD, count)
    return int.from_bytes(count, sys.byteorder)


def reset(connection: socket.socket, sleep: Sleep) -> None:
    """Tear the connection down: what was sent arrives, then RST. The socket is closed; idempotent.

    The descriptor is taken out of the object first, since files made of a socket (``makefile``) keep it open.
    """
    flush(connection, sleep)
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(connection.detach())


def hang_up(connection: socket.socket) -> None:
    """End our side in good order (TLS: with its closing message), as if all were said; the caller still closes it."""
    silence = connection.gettimeout()
    try:
        if isinstance(connection, ssl.SSLSocket):
            # Without a time-out the closing message is sent, and the client's own is not waited for.
            connection.settimeout(0)
            with suppress(OSError, ValueError):
                connection.unwrap()
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(silence)
    except OSError:
        return  # the client was faster
