"""A small internet of a test's own: names that resolve as the test says, and public addresses that lead to its servers.

Only the operating system's two questions are answered here - which addresses has a name, connect me to an address - so
that real sockets, TLS and HTTP run on both sides, and nothing leaves this machine.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

_connect = socket.socket.connect
_look_up = socket.getaddrinfo


@dataclass
class Internet:
    """``names`` holds a name's answers, one look-up after the other, the last one for ever; ``servers`` the ports.

    Addresses in ``silent`` answer nothing until the connection is given up; others without a server refuse.
    """

    names: dict[str, list[list[str]]] = field(default_factory=dict)
    servers: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    looked_up: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    def resolves(self, name: str, *answers: list[str]) -> None:
        """Let ``name`` have these addresses at its first look-up, those at its second, and so on."""
        self.names[name] = list(answers)

    def look_up(self, host: str, port: Any, *arguments: Any, **options: Any) -> list[Any]:
        """In the place of ``socket.getaddrinfo``; addresses are what they are."""
        if _is_address(host):
            return _look_up(host, port, *arguments, **options)
        self.looked_up.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in addresses for entry in _look_up(address, port, type=socket.SOCK_STREAM)]

    def connect(self, connection: socket.socket, address: Any) -> None:
        """In the place of ``socket.socket.connect``, without the waiting."""
        host, port = address[:2]
        self.connected.append(f"{host} {port}" if host not in self.servers or port != 443 else host)
        if host in self.silent:
            raise TimeoutError("timed out")
        if host not in self.servers:
            raise ConnectionRefusedError(f"nobody is at {host}")
        _connect(connection, ("127.0.0.1", self.servers[host]))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _method(internet: Internet) -> Callable[[socket.socket, Any], None]:
    """A function, which a class turns into a method; ``internet.connect`` is bound already."""

    def connect(connection: socket.socket, address: Any) -> None:
        internet.connect(connection, address)

    return connect


def open_internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    """An internet for the rest of the test; every connection of this process goes through it."""
    internet = Internet()
    monkeypatch.setattr(socket, "getaddrinfo", internet.look_up)
    monkeypatch.setattr(socket.socket, "connect", _method(internet))
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return internet


def certificates(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> ssl.SSLContext:
    """A server's TLS for ``names``, by an authority that requests trusts for the rest of the test."""
    authority = trustme.CA()
    bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context
