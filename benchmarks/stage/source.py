"""The source where nginx is not installed: a folder's files, with ranges, validators and a limit per connection.

Run by ``Stage`` as a process of its own.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stage import wire
from benchmarks.stage.serving import arguments, serve

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PACED_BYTES = 64 * 1024
_CREDIT_S = 0.02
_REASONS = {
    200: "OK",
    206: "Partial Content",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    416: "Range Not Satisfiable",
}


class Pace:
    """Bytes per second of one connection, over all its requests; ``None`` is no limit."""

    def __init__(
        self,
        bytes_per_second: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._due = clock()

    def wait(self, count: int) -> None:
        """Return when ``count`` bytes more may have been sent.

        What was not used is lost, but for 20 ms: as much as a sleep may be too long.
        """
        if self._rate is None:
            return
        now = self._clock()
        self._due = max(self._due, now - _CREDIT_S) + count / self._rate
        self._sleep(max(0.0, self._due - now))


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, and the bytes of the file from ``start`` up to ``end`` that go with it."""

    status: int
    start: int = 0
    end: int = 0


class Source:
    """Serves the files of ``folder``."""

    def __init__(self, folder: Path, bytes_per_second: int | None) -> None:
        self._folder = folder
        self._rate = bytes_per_second

    def serve(self, connection: wire.Wire) -> None:
        """Answer requests until the client closes."""
        pace = Pace(self._rate)
        buffer = memoryview(bytearray(_PACED_BYTES if self._rate else wire.BUFFER_BYTES))
        while head := wire.read_head(connection):
            self._answer(connection, head, pace, buffer)
            if wire.closes(head.headers):
                return

    def _answer(self, connection: wire.Wire, head: wire.Head, pace: Pace, buffer: memoryview) -> None:
        try:
            file = (self._folder / Path(head.target).name).open("rb", buffering=0)
        except OSError:
            connection.send(_head(Reply(404), 0, ""))
            return
        with file:
            about = os.fstat(file.fileno())
            etag = f'"{about.st_mtime_ns:x}-{about.st_size:x}"'
            reply = reply_to(head.method, head.headers, about.st_size, etag)
            connection.send(_head(reply, about.st_size, etag))
            if head.method != "GET":
                return
            file.seek(reply.start)
            left = reply.end - reply.start
            while left:
                count = file.readinto(buffer[: min(left, len(buffer))])
                if not count:
                    raise wire.Cut("the file is shorter than it was")
                pace.wait(count)
                connection.send(buffer[:count])
                left -= count


def reply_to(method: str, headers: Mapping[str, str], size: int, etag: str) -> Reply:
    """What a request is answered, by RFC 9110; several ranges at once get the whole file."""
    if method not in {"GET", "HEAD"}:
        return Reply(405)
    if headers.get("if-match", etag) not in {etag, "*"}:
        return Reply(412)
    matched = _RANGE.fullmatch(headers.get("range", ""))
    if not matched or not any(matched.groups()) or headers.get("if-range", etag) != etag:
        return Reply(200, 0, size)
    first, last = matched.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    return Reply(206, start, end) if start < end else Reply(416)


def _head(reply: Reply, size: int, etag: str) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}", f"Content-Length: {reply.end - reply.start}"]
    if etag:
        lines += ["Content-Type: application/octet-stream", "Accept-Ranges: bytes", f"ETag: {etag}"]
    if reply.status == 206:
        lines.append(f"Content-Range: bytes {reply.start}-{reply.end - 1}/{size}")
    if reply.status == 416:
        lines.append(f"Content-Range: bytes */{size}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def main() -> None:
    """Serve as the command line says."""
    parser = arguments("The benchmark's source.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--bytes-per-second", type=int)
    options = parser.parse_args()
    serve(Source(options.folder, options.bytes_per_second).serve, lambda order: order, options.certificate)


if __name__ == "__main__":
    main()
