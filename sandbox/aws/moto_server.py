"""moto's server in this process, on a free port of loopback."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any, cast

import moto
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

from sandbox.aws.gateway.gateway import Gateway
from sandbox.aws.gateway.log import ApiCall, CallLog
from sandbox.aws.gateway.tables import ACCOUNT_ID
from sandbox.aws.keys import KeyRing
from sandbox.wire.callers import NOBODY, Callers
from sandbox.wire.orders import Plan, undisturbed
from sandbox.wire.outlet import line_to
from sandbox.wire.sockets import Sleep

__all__ = ["ACCOUNT_ID", "MotoServer", "UnverifiedMoto"]

VERIFIED_VERSION = "5.2.5"

_log = logging.getLogger(__name__)


class UnverifiedMoto(RuntimeError):
    """Another version of moto is installed than the one that the repairs were written for."""


class _Application(DomainDispatcherApplication):
    """moto, which knows a host again; its own way is to list the folder of its services for every request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._known: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The service behind a host; ``None`` if there is none, which is looked up again."""
        found = self._known.get(host)
        if found is None:
            found = super().get_backend_for_host(host)
            if found is not None:
                self._known[host] = found
        return found


class _RequestHandler(MotoRequestHandler):
    """Answers through the gateway, without the 40 ms of Nagle's algorithm and without a line on stderr.

    werkzeug's own way of running the application is not used: it cannot stop in the middle of an answer.
    """

    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request and close the connection, as werkzeug does."""
        self.close_connection = True
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        server = cast("_Server", self.server)
        line = line_to(self.connection, server.sleep)
        server.gateway.serve(self.make_environ(), line, server.callers.peer(self.connection))

    def log(self, type: str, message: str, *args: Any) -> None:
        _log.debug("%s: " + message, type, *args)


class _Server(ThreadedWSGIServer):
    """Knows its connections, so that closing does not leave threads waiting for keep-alive clients."""

    daemon_threads = False

    def __init__(self, gateway: Gateway, callers: Callers, sleep: Sleep) -> None:
        self.gateway = gateway
        self.callers = callers
        self.sleep = sleep
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__("127.0.0.1", 0, gateway.application, handler=_RequestHandler)

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

    Every request passes the gateway, which records it and obeys what ``plan`` orders for it. ``keys`` are the only
    access keys that are let in; ``None`` lets everybody in. ``callers`` finds the function behind a connection.
    Nothing is written to the process's environment. Raises ``UnverifiedMoto`` for any version but the verified one.
    """

    def __init__(
        self, *, plan: Plan = undisturbed, callers: Callers | None = None, keys: KeyRing | None = None
    ) -> None:
        if moto.__version__ != VERIFIED_VERSION:
            raise UnverifiedMoto(f"moto {moto.__version__} is installed; install moto=={VERIFIED_VERSION}")
        moto_api_backend.reset()
        self._closing = threading.Event()
        self._log = CallLog()
        gateway = Gateway(_Application(), plan, keys, self._closing.wait, self._log)
        self._server = _Server(gateway, callers if callers is not None else NOBODY, self._closing.wait)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="moto")
        self._thread.start()

    @property
    def url(self) -> str:
        """The endpoint for every service but S3."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def calls(self) -> list[ApiCall]:
        """Return every call so far, in the order of their arrival."""
        return self._log.calls()

    def close(self) -> None:
        """Stop serving, join all threads and forget the account."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        moto_api_backend.reset()
