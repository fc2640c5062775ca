"""The listening socket: accepts, wraps in TLS where asked, and gives each connection a thread."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from sandbox.s3.connection import GONE, Connection
from sandbox.s3.dispatch import Dispatcher
from sandbox.wire.callers import Callers


class Listener:
    """Serves on 127.0.0.1 until ``close``, which ends every connection and waits for its thread.

    ``OSError`` if the port is taken. ``idle_timeout`` in seconds is how long a client may be silent.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        callers: Callers,
        *,
        port: int,
        context: ssl.SSLContext | None,
        idle_timeout: float,
    ) -> None:
        self._dispatcher = dispatcher
        self._callers = callers
        self._context = context
        self._idle_timeout = idle_timeout
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="s3-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop accepting, end what is open, wait for the threads."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        with self._lock:
            open_connections = dict(self._connections)
        for connection in open_connections.values():
            with suppress(OSError):
                # Through the base class: SSLSocket.shutdown would take the TLS state from under its thread.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in open_connections:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(self._idle_timeout)
            thread = threading.Thread(target=self._serve, args=(connection,), name="s3-connection", daemon=True)
            with self._lock:
                self._connections[thread] = connection
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context:
                connection = self._handshake(connection, self._context)
            Connection(connection, self._dispatcher, self._callers.peer(connection)).serve()
        except GONE:
            return  # the handshake failed: a client that does not trust us, or a port scan
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]
                connection.close()

    def _handshake(self, plain: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        wrapped = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._connections[threading.current_thread()] = wrapped
        try:
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped
