"""A request and a response as the simulator's routes, and the behaviours put before them, see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from xml.sax.saxutils import escape

API_CONTENT_TYPE = "application/vnd.gopro.jk.media+json; version=2.0.0"


@dataclass(frozen=True)
class FileSlice:
    """A body that is streamed from a file: ``length`` bytes from ``start`` on."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True)
class Blocks:
    """A body that is made while it is sent: ``made`` gives ``length`` bytes in all, once."""

    made: Iterable[bytes]
    length: int


Body = bytes | FileSlice | Blocks | Iterable[bytes]


@dataclass
class Response:
    """What the server answers. Content-Length is added from the body where its length is known.

    An iterable of blocks is sent until it ends; without a Content-Length among the headers the connection then closes
    to mark the end. ``cut_after`` drops the connection after so many bytes of the body, whatever the headers promised.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = b""
    cut_after: int | None = None

    @property
    def body_length(self) -> int | None:
        """Bytes of the body; ``None`` for an iterable, whose length only shows when it ends."""
        if isinstance(self.body, bytes):
            return len(self.body)
        return self.body.length if isinstance(self.body, FileSlice | Blocks) else None


@dataclass(frozen=True)
class Request:
    """One request. ``path`` is still percent-encoded and without the query; header names are case-insensitive.

    ``proceed()`` gives the answer that the simulator would give without any behaviour: a behaviour may return it
    altered, for example with ``cut_after`` set.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    proceed: Callable[[], Response]


Behaviour = Callable[[Request], Response | None]
"""Asked before every request is routed; ``None`` means "answer as usual". Called by several threads at once."""


def reason(status: int) -> str:
    """Return the status's usual phrase; GoPro's CDN also uses statuses that Python does not know (509)."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Unknown"


def json_response(status: int, document: object, *, content_type: str = API_CONTENT_TYPE) -> Response:
    """Answer with a JSON document, the way the API does."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, {"Content-Type": content_type, "Cache-Control": "no-store"}, body)


def xml_error(status: int, code: str, message: str) -> Response:
    """Answer with an error document, the way S3 and CloudFront do."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(status, {"Content-Type": "application/xml"}, body.encode())
