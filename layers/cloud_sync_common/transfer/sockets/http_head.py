"""The head of an HTTP/1.1 answer: status line and headers, read strictly. Pure.

Source: RFC 9112 (HTTP/1.1), sections 4, 5, 6.3 and 9.3. What two readers could understand in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEAD = 64 * 1024
MAX_FIELDS = 100
END = b"\r\n\r\n"

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\x00]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\x00]*)")
"""Blanks around the value are taken off afterwards: a pattern for them would take time with their number's cube."""
_LENGTH = re.compile(r"[0-9]{1,18}")


class MalformedAnswer(Exception):
    """The server speaks no HTTP/1.1 that we would trust with a file."""


@dataclass(frozen=True, slots=True)
class Head:
    """Header names are in lower case; what came several times is joined by ``", "``."""

    status: int
    headers: Mapping[str, str]
    is_http_1_0: bool = False

    @property
    def is_interim(self) -> bool:
        """Whether another head follows: 100 Continue, 103 Early Hints."""
        return 100 <= self.status < 200

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another request once the body is read."""
        options = {option.strip().lower() for option in self.headers.get("connection", "").split(",")}
        return not self.is_http_1_0 and "close" not in options

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks. Raises ``MalformedAnswer`` for any other transfer coding."""
        coding = self.headers.get("transfer-encoding")
        if coding is None:
            return False
        if coding.strip().lower() != "chunked" or self.is_http_1_0:
            raise MalformedAnswer("a transfer coding that was not asked for")
        return True

    def body_length(self, method: str) -> int | None:
        """The body's length, ``None`` if it is chunked or ends with the connection.

        Raises ``MalformedAnswer`` for lengths that contradict each other or are no numbers.
        """
        if method == "HEAD" or self.is_interim or self.status in (204, 304):
            return 0
        announced = self.headers.get("content-length")
        if self.is_chunked:
            # RFC 9112, 6.3: might be an attempt at smuggling, and ought to be handled as an error.
            if announced is not None:
                raise MalformedAnswer("both a length and chunks")
            return None
        if announced is None:
            return None
        lengths = {length.strip() for length in announced.split(",")}
        if len(lengths) != 1 or not _LENGTH.fullmatch(length := lengths.pop()):
            raise MalformedAnswer("a Content-Length that is none")
        return int(length)


def parse_head(data: bytes) -> Head:
    """Read a head without the empty line at its end. Raises ``MalformedAnswer``."""
    first, *lines = data.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise MalformedAnswer("no HTTP status line")
    if len(lines) > MAX_FIELDS:
        raise MalformedAnswer(f"more than {MAX_FIELDS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise MalformedAnswer("a header that cannot be read")
        name, value = field[1].decode("ascii").lower(), field[2].strip(b" \t").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(int(status[2]), headers, is_http_1_0=status[1] == b"0")
