"""A server that speaks bytes and no protocol: for answers that no HTTP library would send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Conversation = Callable[[socket.socket, threading.Event], None]
"""Talks to one client; the event is set when the server closes. The request's headers have been read."""


class RawServer:
    """Holds ``conversation`` with each client in a thread of its own; ``heard`` is what each one sent first."""

    def __init__(self, conversation: Conversation) -> None:
        self.heard: list[bytes] = []
        self._conversation = conversation
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, name="raw")]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address as a base URL."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._talk, args=(client,), name="raw client")
                self._threads.append(thread)
                thread.start()

    def _talk(self, client: socket.socket) -> None:
        client.settimeout(10)
        with client, suppress(OSError):
            heard = b""
            while b"\r\n\r\n" not in heard and (data := client.recv(65_536)):
                heard += data
            self.heard.append(heard)
            self._conversation(client, self._closing)


def drip(beginning: bytes, drop: bytes) -> Conversation:
    """Sends ``beginning``, then ``drop`` every hundredth of a second until the client has had enough."""

    def conversation(client: socket.socket, closing: threading.Event) -> None:
        client.sendall(beginning)
        while not closing.wait(0.01):
            client.sendall(drop)

    return conversation


def flood(beginning: bytes, wave: bytes) -> Conversation:
    """Sends ``beginning``, then ``wave`` as fast as it goes until the client has had enough."""

    def conversation(client: socket.socket, closing: threading.Event) -> None:
        client.sendall(beginning)
        while not closing.is_set():
            client.sendall(wave)

    return conversation
