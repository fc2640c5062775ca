"""The CDN side of a transfer: what a pre-signed URL serves, probed and opened, checked against what was promised.

No cookie and no Authorization header ever goes out from here. Every URL is checked before it is opened, that of each
redirect, too, and none is ever named in an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError as Urllib3Error

from cloud_sync_common.edges.cut_off import CutOff
from cloud_sync_common.edges.sessions import ForbiddenAddress
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

TIMEOUT = (10.0, 20.0)
"""Seconds to connect, and between two pieces of data."""

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
    ``session`` is one that ``edges.sessions`` built.
    """

    def __init__(self, session: requests.Session, check_url: UrlChecker) -> None:
        self._session = session
        self._check_url = check_url

    def probe(self, piece: Piece, url: SecretUrl) -> Source:
        """Ask for the piece's size and validator: HEAD where the piece has a URL for that, else one byte of ``url``.

        A refused or useless HEAD is no failure: the first byte's Content-Range says the same.
        """
        if piece.head_url is not None:
            with self._request("HEAD", piece.head_url, {}) as response:
                size = _length(response)
                # There is no body to read; reading it is what gives the connection back for the bytes.
                response.raw.drain_conn()
                if response.status_code == 200 and size is not None and _offers_ranges(response, size):
                    return self._described(piece, response, size, ranges=True)
        return self._probe_by_first_byte(piece, url)

    @contextmanager
    def open_range(
        self, url: SecretUrl, first: int, last: int, source: Source, deadline: Deadline
    ) -> Iterator[SourceBody]:
        """Open bytes ``first``..``last`` (inclusive) of what ``source`` described; anything else is an error."""
        headers = {"Range": f"bytes={first}-{last}"}
        if source.validator is not None and source.validator.startswith('"'):
            headers["If-Match"] = source.validator
        with self._request("GET", url, headers) as response:
            _check_status(response)
            _refuse_pages(response, source)
            whole = first == 0 and source.size == last + 1
            if response.status_code == 200 and whole:
                _check_same(response, source, _length(response))
            elif response.status_code == 206:
                _check_range(response, first, last, source)
            else:
                _check_same(response, source, _length(response))
                raise RangeIgnored
            with _cut_off_at(deadline, response) as cut_off:
                yield SourceBody(response, last - first + 1, deadline, cut_off, sniff=source.is_media and first == 0)

    @contextmanager
    def open_whole(self, url: SecretUrl, source: Source, deadline: Deadline) -> Iterator[SourceBody]:
        """Open the whole piece as one stream; its length may be unknown."""
        with self._request("GET", url, {}) as response:
            _check_status(response)
            _refuse_pages(response, source)
            if response.status_code != 200:
                raise TransferError(f"the source answered {response.status_code} to a plain GET")
            _check_same(response, source, _length(response))
            with _cut_off_at(deadline, response) as cut_off:
                yield SourceBody(response, source.size, deadline, cut_off, sniff=source.is_media)

    def _probe_by_first_byte(self, piece: Piece, url: SecretUrl) -> Source:
        with self._request("GET", url, {"Range": "bytes=0-0"}) as response:
            if response.status_code == 416:
                # An error document that says the truth: there is no first byte.
                return Source(0, _validator(response), ranges=True, is_media=is_media_name(piece.filename))
            _check_status(response)
            if response.status_code == 206:
                return self._described(piece, response, _content_range(response)[2], ranges=True)
            return self._described(piece, response, _length(response), ranges=False)

    def _described(self, piece: Piece, response: requests.Response, size: int | None, *, ranges: bool) -> Source:
        source = Source(size, _validator(response), ranges, is_media=is_media_name(piece.filename))
        _refuse_pages(response, source)
        return source

    @contextmanager
    def _request(self, method: str, url: SecretUrl, headers: dict[str, str]) -> Iterator[requests.Response]:
        response = self._follow(method, url, headers)
        try:
            yield response
        finally:
            response.close()

    def _follow(self, method: str, url: str, headers: dict[str, str]) -> requests.Response:
        for _ in range(1 + MAX_REDIRECTS):
            response = self._send(method, self._check_url(url), headers)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not location:
                return response
            response.close()
            url = redirect_target(url, location)
        raise UnsafeUrl(f"the source redirects more than {MAX_REDIRECTS} times; not followed further")

    def _send(self, method: str, url: SecretUrl, headers: dict[str, str]) -> requests.Response:
        try:
            return self._session.request(
                method, url, headers=headers, timeout=TIMEOUT, stream=True, allow_redirects=False
            )
        except ForbiddenAddress as error:
            raise UnsafeUrl(str(error)) from None
        except (requests.RequestException, Urllib3Error) as error:
            raise SourceUnavailable(f"the source does not answer ({type(error).__name__})") from None


def _cut_off_at(deadline: Deadline, response: requests.Response) -> CutOff:
    return CutOff(deadline.remaining(), response.raw.shutdown)


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status in (401, 403, 410):
        raise UrlExpired(f"the pre-signed URL is refused ({status})")
    if status == 404:
        raise SourceGone("the source no longer has this piece (404)")
    if status in (412, 416):
        raise SourceChanged(f"the source is not the one that was planned with ({status})")
    if status == 429:
        asked = _number(response.headers.get("Retry-After", "")[:10])
        raise SourceThrottled("the source says slow down", status=status, retry_after=asked)
    if status in (408, 425) or status >= 500:
        raise SourceUnavailable(f"the source does not answer properly ({status})", status=status)
    raise TransferError(f"the source answered {status}")


def _refuse_pages(response: requests.Response, source: Source) -> None:
    """GoPro serves media as ``binary/octet-stream`` (gopro-api.md 10): a document with status 200 is an error's."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_document = source.is_media and (kind.startswith("text/") or kind in _DOCUMENTS)
    if kind in _PAGES or is_document:
        shown = kind if _MEDIA_TYPE.fullmatch(kind) else "of an odd type"
        raise WrongContent(f"the source sent a document ({shown}) in place of media")
    if response.headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}:
        raise WrongContent("the source sent an encoded body although identity was asked for")


def _check_range(response: requests.Response, first: int, last: int, source: Source) -> None:
    got_first, got_last, total = _content_range(response)
    if (got_first, got_last) != (first, last):
        raise TruncatedBody("the source sent another range than asked for")
    length = _length(response)
    if length is not None and length != last - first + 1:
        raise TruncatedBody("the source's Content-Length is not the range's")
    _check_same(response, source, total)


def _check_same(response: requests.Response, source: Source, size: int | None) -> None:
    if size is not None and source.size is not None and size != source.size:
        raise SourceChanged(f"the source now has {size} bytes, the upload was planned with {source.size}")
    if not _may_be_same(source.validator, _validator(response)):
        raise SourceChanged("the source's validator is not the one that the upload was planned with")


def _may_be_same(planned: str | None, validator: str | None) -> bool:
    """Whether two validators do not contradict each other; an ETag and a date cannot be compared."""
    if planned is None or validator is None or planned.startswith('"') != validator.startswith('"'):
        return True
    return planned == validator


def _content_range(response: requests.Response) -> tuple[int, int, int | None]:
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None:
        raise TruncatedBody("the source answered 206 without a Content-Range that we can read")
    first, last, total = match.groups()
    return int(first), int(last), None if total == "*" else int(total)


def _offers_ranges(response: requests.Response, size: int) -> bool:
    """Whether HEAD settles it; a server that does not say so is asked for one byte. An empty file has no ranges."""
    return size == 0 or response.headers.get("Accept-Ranges", "").strip().lower() == "bytes"


def _validator(response: requests.Response) -> str | None:
    etag = response.headers.get("ETag", "").strip()
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    return validator if _VALIDATOR.fullmatch(validator) else None


def _length(response: requests.Response) -> int | None:
    return _number(response.headers.get("Content-Length", ""))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
