"""Who is on the other end of a loopback connection: which function's process, as the kernel knows it. Linux only.

A socket's inode is in ``/proc/net/tcp``, and the process that holds it shows the inode among its descriptors
(``proc(5)``); nothing has to be sent along by the program under test, and nothing in it can be mistaken.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sandbox.wire.calls import Caller

Address = tuple[str, int]
Pids = Callable[[], Mapping[str, Sequence[int]]]
"""From each function's name to its processes of this moment."""

_LOCAL, _REMOTE, _INODE = 1, 2, 9
"""Columns of ``/proc/net/tcp``."""
_CONNECTIONS = Path("/proc/net/tcp")


class Callers:
    """Finds the function behind a connection. ``pids`` is asked at every look-up, from any thread.

    ``name_of`` turns the names that ``pids`` gives into those that ``Caller`` shall have. Only the processes given by
    ``pids`` are looked at: a connection held by a child of one of them belongs to nobody.
    """

    def __init__(self, pids: Pids, name_of: Callable[[str], str] = str) -> None:
        self._pids = pids
        self._name_of = name_of

    def peer(self, connection: socket.socket) -> Peer:
        """Return the other end of a connection that this process has accepted; nothing is looked up yet."""
        return Peer(self, connection)

    def at(self, client: Address, server: Address) -> Caller | None:
        """Return who holds the client's end of an IPv4 connection; ``None`` for everyone who is no function."""
        functions = self._pids()
        inode = _inode(client, server) if functions else None
        if inode is None:
            return None
        holding = (
            Caller(self._name_of(name), pid)
            for name, pids in functions.items()
            for pid in pids
            if _holds(pid, f"socket:[{inode}]")
        )
        return next(holding, None)

    def kill(self, caller: Caller) -> bool:
        """Kill the caller's process group (SIGKILL); false when ``pids`` knows it no more, or it has just gone.

        Process ids are used again: one that ``pids`` has stopped naming may be somebody else's by now.
        """
        if not any(caller.pid in pids for pids in self._pids().values()):
            return False
        try:
            os.killpg(caller.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


class Peer:
    """One connection's other end; looked up once, when it is first asked for. Used by the connection's thread."""

    def __init__(self, callers: Callers, connection: socket.socket) -> None:
        self._callers = callers
        self._connection = connection
        self._known: tuple[Caller | None] | None = None

    @property
    def caller(self) -> Caller | None:
        """The function at the other end, ``None`` if it is none or has gone."""
        if self._known is None:
            self._known = (self._look_up(),)
        return self._known[0]

    def kill(self) -> bool:
        """Kill the function at the other end; false if there is none."""
        caller = self.caller
        return caller is not None and self._callers.kill(caller)

    def _look_up(self) -> Caller | None:
        if self._connection.family != socket.AF_INET:
            return None
        with suppress(OSError):  # the client has gone
            return self._callers.at(self._connection.getpeername(), self._connection.getsockname())
        return None


NOBODY = Callers(dict)
"""For a server whose clients are no functions: every look-up says so, without looking."""


def _inode(client: Address, server: Address) -> str | None:
    ends = (_hex(client), _hex(server))
    for line in _CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]:
        columns = line.split()
        if (columns[_LOCAL], columns[_REMOTE]) == ends:
            return columns[_INODE] if columns[_INODE] != "0" else None
    return None


def _hex(address: Address) -> str:
    """Word an address as the kernel prints it: the four bytes as one number of this machine's byte order."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"


def _holds(pid: int, link: str) -> bool:
    descriptors = Path(f"/proc/{pid}/fd")
    with suppress(OSError):  # the process has just ended
        return any(_target(descriptor) == link for descriptor in descriptors.iterdir())
    return False


def _target(descriptor: Path) -> str | None:
    with suppress(OSError):  # closed since it was listed
        return str(descriptor.readlink())
    return None
