"""One GET request, whole or failed: no redirects, a body bounded in bytes and in time, no secret in any message.

``requests`` puts URLs and header values into its exceptions; here they are replaced by one line of our own words.
"""

from __future__ import annotations

import codecs
import email.utils
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import ReadTimeoutError

from cloud_sync_common.edges.addresses import ForbiddenAddress
from cloud_sync_common.edges.cut_off import CutOff

MAX_BODY_BYTES = 16 * 1024 * 1024
"""Of an answer, as it comes and decompressed; a page of the listing has about 1 MB. The worst JSON takes 27 times
as much memory when it is parsed, and a function has 512 MB."""

BODY_SECONDS = 120.0
"""For the whole body of an answer."""

_GZIP = 16 + zlib.MAX_WBITS
_CHUNK_BYTES = 64 * 1024


class NoAnswer(Exception):
    """The request brought no whole answer; ``timed_out`` tells a time-out from a lost or refused connection."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class BodyTooLarge(Exception):
    """The answer is larger than any answer of this API can be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: status, headers (case-insensitive) and body, decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        """A web page, whatever the content type says."""
        declared = self.headers.get("Content-Type", "").lower()
        beginning = self.body[:_CHUNK_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()[:100].lower()
        return "html" in declared or beginning.startswith((b"<!doctype html", b"<html", b"<!--"))

    def mentions(self, *words: bytes) -> bool:
        """Tell whether any of the lower-case ``words`` is in the first 64 KiB of the body."""
        start = self.body[:_CHUNK_BYTES].lower()
        return any(word in start for word in words)

    def json(self) -> object:
        """Parse the body; raises ValueError without any of its content."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ValueError("the body is not JSON") from None


def get(
    session: requests.Session,
    url: str,
    *,
    params: Mapping[str, str],
    headers: Mapping[str, str],
    timeout: tuple[float, float],
) -> Reply:
    """GET ``url`` once and read the answer to its end.

    ``timeout`` is (connect, between two reads) in seconds. Redirects are answers like any other, their bodies unread.
    Raises `NoAnswer` or `BodyTooLarge`, both without cause: the causes carry URLs.
    """
    try:
        with session.get(
            url, params=params, headers=dict(headers), timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            redirect = 300 <= response.status_code < 400
            body = b"" if redirect else _decoded(response, _read(response))
            return Reply(response.status_code, response.headers, body)
    except (requests.Timeout, ReadTimeoutError):
        raise NoAnswer("timed out", timed_out=True) from None
    except ForbiddenAddress as error:
        raise NoAnswer(str(error)) from None
    except requests.exceptions.SSLError:
        raise NoAnswer("no secure connection (TLS) could be made") from None
    except requests.exceptions.ProxyError:
        raise NoAnswer("the proxy did not pass the request on") from None
    except (requests.ConnectionError, Urllib3Error):
        raise NoAnswer("could not connect, or the connection broke") from None
    except (requests.RequestException, ValueError, zlib.error) as error:
        raise NoAnswer(f"the answer could not be read ({type(error).__name__})") from None


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Read ``Retry-After`` (seconds or HTTP date) as seconds from ``now``, a Unix time; ``None`` without sense."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - now)


def _read(response: requests.Response) -> bytes:
    """The body as it comes over the wire."""
    body = bytearray()
    with CutOff(BODY_SECONDS, response.raw.shutdown) as cut_off:
        try:
            while data := response.raw.read(_CHUNK_BYTES, decode_content=False):
                body += data
                if len(body) > MAX_BODY_BYTES:
                    raise BodyTooLarge(_too_large())
        finally:
            if cut_off.happened:
                raise NoAnswer("timed out", timed_out=True) from None
    return bytes(body)


def _decoded(response: requests.Response, body: bytes) -> bytes:
    """The body decompressed, never more of it than may be; ValueError or zlib.error for what is not whole."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"} or not body:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise ValueError("an encoding that was not asked for")
    gzip = zlib.decompressobj(_GZIP)
    plain = gzip.decompress(body, MAX_BODY_BYTES + 1)
    if len(plain) > MAX_BODY_BYTES:
        raise BodyTooLarge(_too_large())
    if not gzip.eof or gzip.unused_data:
        raise ValueError("not one whole gzip member")
    return plain


def _too_large() -> str:
    return f"more than {MAX_BODY_BYTES // 1024**2} MiB"
