"""Connections that are kept open between requests, by where they lead."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from cloud_sync_common.transfer.sockets.connection import Connection, Connector, Origin

IDLE_SECONDS = 4.0
"""After that long a connection is not used again: S3 and CDNs close theirs after a few seconds more, and a request that
crosses such a goodbye is lost. A function that was frozen meanwhile has none that is good."""


class Connections:
    """Lends each connection to one caller at a time, the one used last first. Safe to share between threads."""

    def __init__(self, connect: Connector, clock: Callable[[], float], most_idle: int) -> None:
        self._connect = connect
        self._clock = clock
        self._most_idle = most_idle
        self._idle: dict[Origin, list[Connection]] = {}
        self._lock = threading.Lock()
        # Whoever forgets to close leaves no socket behind.
        weakref.finalize(self, _hang_up, self._idle)

    def take(self, origin: Origin) -> Connection:
        """A connection that is open and quiet, else a new one. Raises what the connector raises."""
        while kept := self._kept(origin):
            if self._clock() - kept.idle_since <= IDLE_SECONDS and kept.is_quiet():
                return kept
            kept.close()
        return self._connect(origin)

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose request is answered to the end for the next one."""
        connection.carried += 1
        connection.idle_since = self._clock()
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            if len(idle) < self._most_idle:
                idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close those that nobody uses now."""
        with self._lock:
            _hang_up(self._idle)

    def _kept(self, origin: Origin) -> Connection | None:
        with self._lock:
            idle = self._idle.get(origin)
            return idle.pop() if idle else None


def _hang_up(idle: dict[Origin, list[Connection]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()
