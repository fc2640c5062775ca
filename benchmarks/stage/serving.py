"""A server process of the stage: listens on 127.0.0.1, a thread per connection, and takes orders on standard input.

Its first line on standard output is ``{"port": N}``. It answers each further line of JSON with one of its own, and ends
with its standard input, so that none is left over when the benchmark is killed.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any

from benchmarks.stage.wire import Cut, Garbled, Wire

Handler = Callable[[Wire], None]
"""Serves one connection until its client closes it."""


def arguments(description: str) -> argparse.ArgumentParser:
    """What every server process is told on its command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--certificate", help="PEM file of chain and private key; without it, plain http")
    return parser


def serve(handler: Handler, answer: Callable[[Any], Any], certificate: str | None) -> None:
    """Serve until standard input ends; ``answer`` is given each order that comes on it."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=_accept, args=(listener, context, handler), daemon=True).start()
    _say({"port": listener.getsockname()[1]})
    for order in sys.stdin:
        _say(answer(json.loads(order)))


def _accept(listener: socket.socket, context: ssl.SSLContext | None, handler: Handler) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_attend, args=(connection, context, handler), daemon=True).start()


def _attend(connection: socket.socket, context: ssl.SSLContext | None, handler: Handler) -> None:
    try:
        if context:
            connection = context.wrap_socket(connection, server_side=True)
        handler(Wire(connection))
    except (OSError, Cut, Garbled):
        return  # the client's doing: it left, or does not trust this server, and it is for the client to report that
    finally:
        connection.close()


def _say(line: Any) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()
