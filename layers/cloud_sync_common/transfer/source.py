"""The CDN side of a transfer: what a pre-signed URL serves, probed and opened, checked against what was promised.

No cookie and no Authorization header ever goes out from here. Every URL is checked before it is opened, that of each
redirect, too, and none is ever named in an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from cloud_sync_common.errors import (
    SourceChanged,
    SourceGone,
    SourceThrottled,
    SourceUnavailable,
    TransferError,
    TruncatedBody,
    UnsafeUrl,
    UrlExpired,
    WrongContent,
)
from cloud_sync_common.models import Piece, SecretUrl, Source
from cloud_sync_common.rules.attributes import is_media_name
from cloud_sync_common.rules.urls import redirect_target
from cloud_sync_common.transfer.body import SourceBody
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.ports import SourceAnswer, SourceTransport

MAX_REDIRECTS = 3
"""Nobody has seen GoPro's CDN redirect; few are followed all the same, and only to where any URL may lead."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_DOCUMENTS = frozenset({"application/json", "application/xml", "application/problem+json"})
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,50}/[a-z0-9!#$&^_.+-]{1,50}")
"""What is shown of a Content-Type in an error."""
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_VALIDATOR = re.compile(r"[\x20-\x7e]{1,256}")
"""What is kept in the tracker and sent back; longer or odder ones count as none."""


class RangeIgnored(Exception):
    """The source answers a ranged GET with the whole of what was planned: it has to be taken in one stream."""


class UrlChecker(Protocol):
    """Refuses a URL that must not be opened (``UnsafeUrl``); see ``rules.urls``."""

    def __call__(self, url: str) -> SecretUrl:
        """The URL, if it may be opened."""
        ...


class SourceReader:
    """Probes and opens pre-signed URLs.

    Raises ``UrlExpired`` (401, 403, 410), ``SourceGone`` (404), ``SourceThrottled`` (429), ``SourceUnavailable`` (5xx,
    time-outs, resets), ``SourceChanged`` (412, 416, another validator or size), ``TruncatedBody`` (another range than
    asked), ``WrongContent`` (a page or an encoded body), ``TransferError`` (anything else), ``UnsafeUrl`` (of the URL
    or of where it redirects to: not allowed, a login, an address of the inside, or more than ``MAX_REDIRECTS``).
    """

    def __init__(self, transport: SourceTransport, check_url: UrlChecker) -> None:
        self._transport = transport
        self._check_url = check_url

    def probe(self, piece: Piece, url: SecretUrl) -> Source:
        """Ask for the piece's size and validator: HEAD where the piece has a URL for that, else one byte of ``url``.

        A refused or useless HEAD is no failure: the first byte's Content-Range says the same.
        """
        if piece.head_url is not None:
            with self._request("HEAD", piece.head_url, {}) as answer:
                size = _length(answer)
                if answer.status == 200 and size is not None and _offers_ranges(answer, size):
                    return self._described(piece, answer, size, ranges=True)
        return self._probe_by_first_byte(piece, url)

    @contextmanager
    def open_range(
        self, url: SecretUrl, first: int, last: int, source: Source, deadline: Deadline
    ) -> Iterator[SourceBody]:
        """Open bytes ``first``..``last`` (inclusive) of what ``source`` described; anything else is an error."""
        headers = {"Range": f"bytes={first}-{last}"}
        if source.validator is not None and _is_strong(source.validator):
            headers["If-Match"] = source.validator
        with self._request("GET", url, headers) as answer:
            _check_status(answer)
            _refuse_pages(answer, source)
            whole = first == 0 and source.size == last + 1
            if answer.status == 200 and whole:
                _check_same(answer, source, _length(answer))
            elif answer.status == 206:
                _check_range(answer, first, last, source)
            else:
                _check_same(answer, source, _length(answer))
                raise RangeIgnored
            with answer.until(deadline):
                yield SourceBody(answer, last - first + 1, deadline, sniff=source.is_media and first == 0)

    @contextmanager
    def open_whole(self, url: SecretUrl, source: Source, deadline: Deadline) -> Iterator[SourceBody]:
        """Open the whole piece as one stream; its length may be unknown."""
        with self._request("GET", url, {}) as answer:
            _check_status(answer)
            _refuse_pages(answer, source)
            if answer.status != 200:
                raise TransferError(f"the source answered {answer.status} to a plain GET")
            _check_same(answer, source, _length(answer))
            with answer.until(deadline):
                yield SourceBody(answer, source.size, deadline, sniff=source.is_media)

    def _probe_by_first_byte(self, piece: Piece, url: SecretUrl) -> Source:
        with self._request("GET", url, {"Range": "bytes=0-0"}) as answer:
            if answer.status == 416:
                # An error document that says the truth: there is no first byte.
                return Source(0, _validator(answer), ranges=True, is_media=is_media_name(piece.filename))
            _check_status(answer)
            if answer.status == 206:
                # Read to its end, so that the bytes themselves come over the same connection.
                answer.read(1)
                return self._described(piece, answer, _content_range(answer)[2], ranges=True)
            return self._described(piece, answer, _length(answer), ranges=False)

    def _described(self, piece: Piece, answer: SourceAnswer, size: int | None, *, ranges: bool) -> Source:
        source = Source(size, _validator(answer), ranges, is_media=is_media_name(piece.filename))
        _refuse_pages(answer, source)
        return source

    @contextmanager
    def _request(self, method: str, url: SecretUrl, headers: dict[str, str]) -> Iterator[SourceAnswer]:
        answer = self._follow(method, url, headers)
        try:
            yield answer
        finally:
            answer.close()

    def _follow(self, method: str, url: str, headers: dict[str, str]) -> SourceAnswer:
        for _ in range(1 + MAX_REDIRECTS):
            answer = self._transport.request(method, self._check_url(url), headers)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            answer.close()
            url = redirect_target(url, location)
        raise UnsafeUrl(f"the source redirects more than {MAX_REDIRECTS} times; not followed further")


def _check_status(answer: SourceAnswer) -> None:
    status = answer.status
    if status in (200, 206):
        return
    if status in (401, 403, 410):
        raise UrlExpired(f"the pre-signed URL is refused ({status})")
    if status == 404:
        raise SourceGone("the source no longer has this piece (404)")
    if status in (412, 416):
        raise SourceChanged(f"the source is not the one that was planned with ({status})")
    asked = _number(answer.headers.get("retry-after", "")[:10])
    if status == 429:
        raise SourceThrottled("the source says slow down", status=status, retry_after=asked)
    if status in (408, 425) or status >= 500:
        message = f"the source does not answer properly ({status})"
        raise SourceUnavailable(message, status=status, retry_after=asked)
    raise TransferError(f"the source answered {status}")


def _refuse_pages(answer: SourceAnswer, source: Source) -> None:
    """GoPro serves media as ``binary/octet-stream`` (gopro-api.md 10): a document with status 200 is an error's."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_document = source.is_media and (kind.startswith("text/") or kind in _DOCUMENTS)
    if kind in _PAGES or is_document:
        shown = kind if _MEDIA_TYPE.fullmatch(kind) else "of an odd type"
        raise WrongContent(f"the source sent a document ({shown}) in place of media")
    if answer.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
        raise WrongContent("the source sent an encoded body although identity was asked for")


def _check_range(answer: SourceAnswer, first: int, last: int, source: Source) -> None:
    got_first, got_last, total = _content_range(answer)
    if (got_first, got_last) != (first, last):
        raise TruncatedBody("the source sent another range than asked for")
    length = _length(answer)
    if length is not None and length != last - first + 1:
        raise TruncatedBody("the source's Content-Length is not the range's")
    _check_same(answer, source, total)
    if _is_strong(source.validator) and _validator(answer) != source.validator:
        raise SourceChanged("the source does not say that its range is of the version that was planned with")


def _check_same(answer: SourceAnswer, source: Source, size: int | None) -> None:
    if size is not None and source.size is not None and size != source.size:
        raise SourceChanged(f"the source now has {size} bytes, the upload was planned with {source.size}")
    if not _may_be_same(source.validator, _validator(answer)):
        raise SourceChanged("the source's validator is not the one that the upload was planned with")


def _may_be_same(planned: str | None, validator: str | None) -> bool:
    """Whether two validators do not contradict each other; an ETag and a date cannot be compared."""
    if planned is None or validator is None or _kind(planned) != _kind(validator):
        return True
    return planned == validator


def _is_strong(validator: str | None) -> bool:
    return validator is not None and _kind(validator) == '"'


def _kind(validator: str) -> str:
    """A strong ETag, a weak one, or a date."""
    return '"' if validator.startswith('"') else "W/" if validator.startswith("W/") else "date"


def _content_range(answer: SourceAnswer) -> tuple[int, int, int | None]:
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if match is None:
        raise TruncatedBody("the source answered 206 without a Content-Range that we can read")
    first, last, total = match.groups()
    return int(first), int(last), None if total == "*" else int(total)


def _offers_ranges(answer: SourceAnswer, size: int) -> bool:
    """Whether HEAD settles it; a server that does not say so is asked for one byte. An empty file has no ranges."""
    return size == 0 or answer.headers.get("accept-ranges", "").strip().lower() == "bytes"


def _validator(answer: SourceAnswer) -> str | None:
    """The best there is: a strong ETag, a date, a weak ETag."""
    etag = answer.headers.get("etag", "").strip()
    strong, weak = (etag if etag.startswith(beginning) else "" for beginning in ('"', 'W/"'))
    found = (strong, answer.headers.get("last-modified", ""), weak)
    return next((validator for validator in found if _VALIDATOR.fullmatch(validator)), None)


def _length(answer: SourceAnswer) -> int | None:
    return _number(answer.headers.get("content-length", ""))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
