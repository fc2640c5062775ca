"""What a server has seen: every answered request, and everything that no careful client does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sandbox.gopro.messages import Request

_READING_METHODS = frozenset({"GET", "HEAD"})


@dataclass
class Exchange:
    """One answered request. ``path`` has no query, ``range`` is the Range header, ``bytes_sent`` counts the body.

    ``bytes_sent`` grows while the body is being sent, each block being counted just before it leaves: whoever has read
    a whole body also finds it counted.
    """

    method: str
    path: str
    range: str | None
    status: int
    bytes_sent: int = 0


@dataclass
class Journal:
    """Grows while the server runs; safe to write and read from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _exchanges: list[Exchange] = field(default_factory=list)
    _violations: list[str] = field(default_factory=list)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Everything answered so far, in the order in which the answers began."""
        with self._lock:
            return tuple(self._exchanges)

    @property
    def violations(self) -> tuple[str, ...]:
        """Everything seen that no careful client does, one line each and without secrets."""
        with self._lock:
            return tuple(self._violations)

    def begin(self, exchange: Exchange) -> None:
        """Add an answer that is about to be sent."""
        with self._lock:
            self._exchanges.append(exchange)

    def inspect(self, request: Request, *, at_cdn: bool) -> None:
        """Note what is wrong with a request as such, whatever it is answered."""
        if at_cdn and "Cookie" in request.headers:
            self._note(f"a Cookie header reached the CDN: {request.method} {request.path}")
        if at_cdn and "Authorization" in request.headers:
            self._note(f"an Authorization header reached the CDN: {request.method} {request.path}")
        if request.method not in _READING_METHODS:
            self._note(f"a backup only reads, but this writes: {request.method} {request.path}")

    def _note(self, violation: str) -> None:
        with self._lock:
            self._violations.append(violation)
