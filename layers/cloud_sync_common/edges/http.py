"""One GET request, whole or failed: no redirects, a bounded body, no secret in any message.

``requests`` puts URLs and header values into its exceptions; here they are replaced by one line of our own words.
"""

from __future__ import annotations

import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import ReadTimeoutError

MAX_BODY_BYTES = 64 * 1024 * 1024
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
        return "html" in declared or self.body.lstrip()[:100].lower().startswith((b"<!doctype html", b"<html"))

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

    ``timeout`` is (connect, between two reads) in seconds. Redirects are answers like any other. Raises `NoAnswer` or
    `BodyTooLarge`, both without cause: the causes carry URLs.
    """
    try:
        with session.get(
            url,
            params=params,
            headers=dict(headers),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            auth=_leave_alone,
        ) as response:
            return Reply(response.status_code, response.headers, _read(response))
    except requests.Timeout:
        raise NoAnswer("timed out", timed_out=True) from None
    except requests.exceptions.SSLError:
        raise NoAnswer("no secure connection (TLS) could be made") from None
    except requests.exceptions.ProxyError:
        raise NoAnswer("the proxy did not pass the request on") from None
    except requests.ConnectionError as error:
        # In the middle of a body `requests` wraps a time-out as a lost connection.
        if error.args and isinstance(error.args[0], ReadTimeoutError):
            raise NoAnswer("timed out", timed_out=True) from None
        raise NoAnswer("could not connect, or the connection broke") from None
    except (requests.RequestException, ValueError) as error:
        # ValueError: `requests` parses a redirect's target even when it is not to follow it.
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
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"more than {MAX_BODY_BYTES // 1024**2} MiB")
    return bytes(body)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep ``requests`` from adding an Authorization header out of somebody's ``.netrc``."""
    return request
