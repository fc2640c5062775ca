"""Lambda's Runtime API for one function process: hands out events, takes answers.

Paths and headers as in AWS's "Building a custom runtime" (API version 2018-06-01).
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_BASE = "/2018-06-01/runtime"


@dataclass(frozen=True, slots=True)
class Invocation:
    """An event on its way into a function; ``deadline_ms`` is a wall clock time."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a response, or an error document; ``init`` marks an error before the first event."""

    payload: bytes
    error: bool = False
    init: bool = False


class RuntimeApi:
    """An HTTP server on loopback for exactly one process. Close it after that process has ended."""

    def __init__(self) -> None:
        self._events: queue.Queue[Invocation | None] = queue.Queue()
        self.answers: queue.Queue[Answer] = queue.Queue()
        self.ready = threading.Event()
        """Set when the process asks for its first event: initialisation is over."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = False  # so that server_close() waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="runtime api")
        self._thread.start()

    @property
    def address(self) -> str:
        """Return ``host:port``, the form of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Hand an event to the process."""
        self._events.put(invocation)

    def next_event(self) -> Invocation | None:
        """Wait for the next event; ``None`` when the server is closing."""
        self.ready.set()
        return self._events.get()

    def close(self) -> None:
        """Stop serving and join all threads."""
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_for(api: RuntimeApi) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(_Handler):
        runtime = api

    return Handler


class _Handler(BaseHTTPRequestHandler):
    """One connection of the runtime client; it is kept open."""

    runtime: RuntimeApi
    protocol_version = "HTTP/1.1"
    # Without these two every small answer waits 40 ms for the client's delayed acknowledgement.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer ``/runtime/invocation/next``, once there is an event."""
        if self.path != f"{_BASE}/invocation/next":
            self._reply(HTTPStatus.NOT_FOUND)
            return
        event = self.runtime.next_event()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
        }
        self._reply(HTTPStatus.OK, event.payload, headers)

    def do_POST(self) -> None:
        """Take a response, an error, or an error of initialisation."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == f"{_BASE}/init/error":
            self.runtime.answers.put(Answer(body, error=True, init=True))
        elif self.path.endswith("/error"):
            self.runtime.answers.put(Answer(body, error=True))
        elif self.path.endswith("/response"):
            self.runtime.answers.put(Answer(body))
        else:
            self._reply(HTTPStatus.NOT_FOUND)
            return
        self._reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}')

    def _reply(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_expect_100(self) -> bool:
        """Say "continue" at once; left in the buffer, it would cost the client a second."""
        allowed = super().handle_expect_100()
        self.wfile.flush()
        return allowed

    def handle(self) -> None:
        """Serve the connection; a client that was killed in the middle of it is nothing special."""
        try:
            super().handle()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def finish(self) -> None:
        """Close the connection, whether or not the client still listens."""
        try:
            super().finish()
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet; the function's log has START, END and REPORT."""
