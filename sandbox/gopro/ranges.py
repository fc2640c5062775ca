"""Conditions and byte ranges of a CDN request (RFC 9110, 13 and 14), decided without touching the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

_SINGLE_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """Which bytes to send: 200 with all of them, 206 with a range, or 416 with none."""

    status: int
    start: int
    length: int


def precondition_status(headers: Message, etag: str, last_modified: str) -> int | None:
    """Return 412 or 304 when If-Match, If-Unmodified-Since or If-None-Match say so; ``None`` to go on.

    Dates are compared as texts, as validators: any other date than ours means that the object is another.
    """
    if_match = headers.get("If-Match")
    if if_match is not None:
        if not _lists(if_match, etag):
            return 412
    elif headers.get("If-Unmodified-Since", last_modified) != last_modified:
        return 412
    if_none_match = headers.get("If-None-Match")
    return 304 if if_none_match is not None and _lists(if_none_match, etag) else None


def select_range(headers: Message, size: int, etag: str, last_modified: str) -> Selection:
    """Choose the bytes to send from an object of ``size`` bytes.

    Like S3: several ranges or nonsense in the Range header count as none, and an If-Range that does not hold gives the
    whole object.
    """
    whole = Selection(200, 0, size)
    header = headers.get("Range")
    if header is None or headers.get("If-Range", etag) not in {etag, last_modified}:
        return whole
    found = _SINGLE_RANGE.fullmatch(header.strip())
    if found is None or not (found["first"] or found["last"]):
        return whole
    if not found["first"]:
        length = min(int(found["last"]), size)
        return Selection(206, size - length, length) if length else Selection(416, 0, 0)
    first = int(found["first"])
    last = int(found["last"]) if found["last"] else size - 1
    if found["last"] and last < first:
        return whole
    if first >= size:
        return Selection(416, 0, 0)
    return Selection(206, first, min(last, size - 1) - first + 1)


def _lists(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in [entry.strip() for entry in header.split(",")]
