"""The head of an HTTP/1.1 request, and where it goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from cloud_sync_common.transfer.sockets.connection import Origin

_PORTS = {"https": 443, "http": 80}


def addressed(url: str) -> tuple[Origin, str, str]:
    """Where a URL leads, what is asked for there, and the Host header; raises ``ValueError`` for what is none."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    if usual is None or not parts.hostname:
        raise ValueError("neither http nor https")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port or usual
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(parts.scheme, parts.hostname, port), target, host if port == usual else f"{host}:{port}"


def composed(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    """The request's head. Raises ``ValueError`` for a value that would end its line: nobody slips in a header."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a request's header")
    return "\r\n".join((*lines, "", "")).encode("latin-1")
