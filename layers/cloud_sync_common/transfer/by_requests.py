"""The reference adapter's source side: requests, which knows proxies (``HTTPS_PROXY``) and every oddity of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from cloud_sync_common.edges.addresses import ForbiddenAddress
from cloud_sync_common.edges.cut_off import CutOff
from cloud_sync_common.errors import SourceUnavailable, UnsafeUrl
from cloud_sync_common.models import SecretUrl
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached

TIMEOUT = (10.0, 20.0)
"""Seconds to connect, and between two pieces of data."""


@dataclass(frozen=True, slots=True)
class RequestsTransport:
    """Requests by a session that ``edges.sessions.cdn_session`` built."""

    session: requests.Session

    def request(self, method: str, url: SecretUrl, headers: Mapping[str, str]) -> RequestsAnswer:
        """See ``SourceTransport``."""
        try:
            response = self.session.request(
                method, url, headers=dict(headers), timeout=TIMEOUT, stream=True, allow_redirects=False
            )
        except ForbiddenAddress as error:
            raise UnsafeUrl(str(error)) from None
        except (requests.RequestException, Urllib3Error) as error:
            raise _unavailable("does not answer", error) from None
        return RequestsAnswer(response, method)


class RequestsAnswer:
    """See ``SourceAnswer``."""

    def __init__(self, response: requests.Response, method: str) -> None:
        self._response = response
        self._method = method
        self._cut_off: CutOff | None = None
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def read(self, amount: int) -> bytes:
        """See ``SourceAnswer``."""
        try:
            data: bytes = self._response.raw.read(amount, decode_content=False)
        except (Urllib3Error, OSError, ValueError) as error:
            # ValueError: a chunk of negative length, or a read that begins while the cut-off takes TLS away.
            if self._was_cut_off():
                raise DeadlineReached from None
            raise _unavailable("broke off", error) from None
        if self._was_cut_off():
            raise DeadlineReached
        return data

    def fill(self, view: memoryview) -> int:
        """See ``SourceAnswer``."""
        filled = 0
        while filled < len(view) and (data := self.read(len(view) - filled)):
            view[filled : filled + len(data)] = data
            filled += len(data)
        return filled

    def until(self, deadline: Deadline) -> AbstractContextManager[object]:
        """See ``SourceAnswer``."""
        self._cut_off = CutOff(deadline.remaining(), self._response.raw.shutdown)
        return self._cut_off

    def close(self) -> None:
        """See ``SourceAnswer``."""
        if self._method == "HEAD":
            # There is no body to read; reading it is what gives the connection back for the bytes.
            self._response.raw.drain_conn()
        self._response.close()

    def _was_cut_off(self) -> bool:
        return self._cut_off is not None and self._cut_off.happened


def _unavailable(how: str, error: Exception) -> SourceUnavailable:
    silent = isinstance(error, requests.Timeout | TimeoutError | Urllib3Timeout)
    return SourceUnavailable(f"the source {how} ({type(error).__name__})", timed_out=silent)
