"""moto's server in this process, on a free port of loopback."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

import moto
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

VERIFIED_VERSION = "5.2.5"
ACCOUNT_ID = "123456789012"
"""moto's account for any access key that it has not issued itself."""

_log = logging.getLogger(__name__)


class UnverifiedMoto(RuntimeError):
    """Another version of moto is installed than the one that the repairs were written for."""


class _RequestHandler(MotoRequestHandler):
    """Answers without the 40 ms of Nagle's algorithm, and without a line on stderr for each request."""

    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:
        _log.debug("%s: " + message, type, *args)


class _Server(ThreadedWSGIServer):
    """Knows its connections, so that closing does not leave threads waiting for keep-alive clients."""

    daemon_threads = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note a broken connection quietly: functions are killed in the middle of calls."""
        _log.debug("connection of %s broke", client_address, exc_info=True)

    def hang_up(self) -> None:
        """End all open connections."""
        with self._guard:
            open_connections = list(self._connections)
        for connection in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already closed by the client


class MotoServer:
    """A fresh AWS account behind ``url``; moto's state is process-wide, so there is one server at a time.

    Nothing is written to the process's environment. Raises ``UnverifiedMoto`` for any version but the verified one.
    """

    def __init__(self) -> None:
        if moto.__version__ != VERIFIED_VERSION:
            raise UnverifiedMoto(f"moto {moto.__version__} is installed; install moto=={VERIFIED_VERSION}")
        moto_api_backend.reset()
        application = DomainDispatcherApplication(create_backend_app)
        self._server = _Server("127.0.0.1", 0, application, handler=_RequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="moto")
        self._thread.start()

    @property
    def url(self) -> str:
        """The endpoint for every service but S3."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving, join all threads and forget the account."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        moto_api_backend.reset()
