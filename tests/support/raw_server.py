"""A server that speaks bytes and no protocol: for answers that no HTTP library would send."""

from __future__ import annotations

import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

Conversation = Callable[[socket.socket, threading.Event], None]
"""Talks to one client; the event is set when the server closes. The request's headers have been read."""


class RawServer:
    """Holds ``conversation`` with each client in a thread of its own; ``heard`` is what each one sent first.

    With ``tls`` it speaks TLS. Without ``listens`` nothing is read: the conversation does that (``read_request``).
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        listens: bool = True,
    ) -> None:
        self.heard: list[bytes] = []
        self.connections = 0
        self._conversation = conversation
        self._tls = tls
        self._listens = listens
        self._closing = threading.Event()
        self._talking: list[socket.socket] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._host = f"[{host}]" if ":" in host else host
        self._listener = socket.create_server((host, 0), family=family)
        self._threads = [threading.Thread(target=self._accept, name="raw")]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its address as a base URL."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for client in list(self._talking):
            with suppress(OSError):
                # Whoever waits for another request waits no more.
                socket.socket.shutdown(client, socket.SHUT_RD)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._talk, args=(client,), name="raw client")
                self._threads.append(thread)
                thread.start()

    def _talk(self, client: socket.socket) -> None:
        client.settimeout(10)
        # What was said goes out before the hang-up, which would take along what still waits for the tickets of TLS.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), self._greeted(client) as talking:
            self._talking.append(talking)
            heard = b""
            while self._listens and b"\r\n\r\n" not in heard and (data := talking.recv(65_536)):
                heard += data
            self.heard.append(heard)
            self._conversation(talking, self._closing)

    def _greeted(self, client: socket.socket) -> socket.socket:
        try:
            return self._tls.wrap_socket(client, server_side=True) if self._tls else client
        except OSError:
            client.close()
            raise


def read_request(client: socket.socket) -> bytes:
    """One whole request with a Content-Length, or without a body; raises ``OSError`` when there is none any more."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += _more(client)
    length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)\r\n", heard)
    size = heard.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    pieces, got = [heard], len(heard)
    while got < size:
        pieces.append(_more(client))
        got += len(pieces[-1])
    return b"".join(pieces)


def _more(client: socket.socket) -> bytes:
    data = client.recv(65_536)
    if not data:
        raise ConnectionResetError("the client has hung up")
    return data


def replies(*answers: bytes) -> Conversation:
    """For a server that does not listen: reads a request before each of these answers, then hangs up in order."""

    def conversation(client: socket.socket, _closing: threading.Event) -> None:
        for answer in answers:
            read_request(client)
            client.sendall(answer)

    return conversation


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


def tunnel(leads_to: Mapping[str, int]) -> Conversation:
    """A proxy, for a server that does not listen: CONNECT to these names and ports leads to ports of this machine."""

    def conversation(client: socket.socket, closing: threading.Event) -> None:
        method, target, _ = read_request(client).decode("latin-1").split(" ", 2)
        if method != "CONNECT" or target not in leads_to:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", leads_to[target])) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {client: server, server: client}
            while not closing.is_set():
                for ready in select.select(list(ends), [], [], 0.05)[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    ends[ready].sendall(data)

    return conversation
