"""What X-Ray's daemon is to a function: a UDP socket on loopback that takes segment documents.

A datagram is one header line, ``{"format": "json", "version": 1}``, and one document (X-Ray developer guide, "Sending
segment documents to the X-Ray daemon"). Nothing is answered: a sender never waits, and never learns of a loss.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sandbox.aws.tracing.header import new_id
from sandbox.aws.tracing.segments import MAX_SEGMENTS, MalformedSegment, Segment, SegmentStore, read_document

_MAX_DATAGRAM = 65_536
_RECEIVE_BUFFER = 16 * 1024 * 1024
_SO_RCVBUFFORCE = 33
"""From Linux's ``asm-generic/socket.h``; Python has no name for it. Takes a privilege that most people lack."""
_TRIES = 40
_SECONDS_A_TRY = 0.25
_MARK = b"\nsandbox "
"""Sent by the collector to itself, followed by an id: everything before it has been read. Alone: the end."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much arrived, and how much did not.

    ``datagrams`` were received, of them ``malformed``; others were ``dropped`` by the kernel, its buffer being full.
    Of segments ``not_kept`` found the store full.
    """

    datagrams: int
    malformed: int
    dropped: int
    not_kept: int


class Collector:
    """Listens on a free port of loopback until it is closed; a context manager.

    ``spool`` receives every document as it was sent, one a line (it is what the canary check reads). ``add`` takes the
    platform's own segments, which need no socket.
    """

    def __init__(self, spool: Path | None = None, *, most: int = MAX_SEGMENTS) -> None:
        self._store = SegmentStore(most)
        self._spool: BinaryIO | None = spool.open("ab") if spool is not None else None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        _enlarge(self._socket)
        self._socket.bind(("127.0.0.1", 0))
        self._port = int(self._socket.getsockname()[1])
        self._lock = threading.Lock()
        self._read_up_to: dict[bytes, threading.Event] = {}
        self._marks_sent = 0
        self._marks_seen = 0
        self._datagrams = 0
        self._malformed = 0
        self._dropped = 0
        self._open = True
        self._thread = threading.Thread(target=self._listen, name="trace collector")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """``host:port``, the form of AWS_XRAY_DAEMON_ADDRESS."""
        return f"127.0.0.1:{self._port}"

    def add(self, segment: Segment) -> None:
        """Take a segment of the platform's own; thread-safe, also after ``close`` (a function may outlive a run)."""
        self._store.add(segment)
        self._write(json.dumps(segment.document()).encode("utf-8"))

    def segments(self) -> list[Segment]:
        """Return everything that was sent before this call, by start."""
        self._drain()
        return self._store.all()

    def counts(self) -> Counts:
        """Return what has been counted up to this call."""
        self._drain()
        with self._lock:
            if self._open:
                self._dropped = _dropped(self._port) - (self._marks_sent - self._marks_seen)
            return Counts(self._datagrams, self._malformed, self._dropped, self._store.not_kept)

    def close(self) -> None:
        """Read what is still in the buffer, then stop listening; idempotent."""
        if not self._open:
            return
        self.counts()
        self._open = False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while self._thread.is_alive():  # a full buffer drops this datagram, too
                sender.sendto(_MARK, ("127.0.0.1", self._port))
                self._thread.join(0.1)
        self._socket.close()
        with self._lock:
            if self._spool is not None:
                self._spool.close()
                self._spool = None

    def _drain(self) -> None:
        """Wait until everything sent so far is read: loopback keeps the order, so a mark sent now comes last."""
        if not self._open:
            return
        mark, passed = _MARK + new_id().encode("ascii"), threading.Event()
        with self._lock:
            self._read_up_to[mark] = passed
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(_TRIES):  # a full buffer drops a mark, too
                with self._lock:
                    self._marks_sent += 1
                sender.sendto(mark, ("127.0.0.1", self._port))
                if passed.wait(_SECONDS_A_TRY):
                    return

    def _listen(self) -> None:
        while True:
            datagram = self._socket.recv(_MAX_DATAGRAM)
            if datagram == _MARK and not self._open:
                return
            if datagram.startswith(_MARK):
                self._pass(datagram)
            else:
                self._take(datagram)

    def _pass(self, mark: bytes) -> None:
        with self._lock:
            self._marks_seen += 1
            passed = self._read_up_to.pop(mark, None)
        if passed is not None:
            passed.set()

    def _take(self, datagram: bytes) -> None:
        with self._lock:
            self._datagrams += 1
        _, _, document = datagram.partition(b"\n")
        self._write(document.replace(b"\n", b" "))
        try:
            header = json.loads(datagram[: len(datagram) - len(document)] or b"null")
            if not isinstance(header, dict) or header.get("format") != "json" or header.get("version") != 1:
                raise MalformedSegment("a datagram without the daemon's header line")
            for segment in read_document(json.loads(document or b"null")):
                self._store.add(segment)
        except (ValueError, RecursionError):
            with self._lock:
                self._malformed += 1

    def _write(self, document: bytes) -> None:
        with self._lock:
            if self._spool is not None:
                self._spool.write(document + b"\n")
                self._spool.flush()


def _enlarge(udp: socket.socket) -> None:
    """Ask for a big buffer; the kernel gives what ``net.core.rmem_max`` allows, or all of it to the privileged."""
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    with suppress(OSError):
        udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)


def _dropped(port: int) -> int:
    """Return how many datagrams the kernel has dropped at this port: the last column of ``/proc/net/udp`` (proc(5))."""
    loopback = int.from_bytes(socket.inet_aton("127.0.0.1"), sys.byteorder)  # printed as a number of this machine
    local = f"{loopback:08X}:{port:04X}"
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        columns = line.split()
        if columns[1] == local:
            return int(columns[-1])
    return 0
