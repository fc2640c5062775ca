"""GoPro's unofficial media API: four GET requests, with its real habits told apart. Never changes anything at GoPro.

Facts: GoPro documents nothing; the habits were collected from public clients (rclone's GoPro backend,
gopro-media-downloader, gopro-yank, JDownloader). Headers, paths and parameters are the ones that they all use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote

import requests

from cloud_sync_common.edges import http
from cloud_sync_common.edges.api_answers import LIBRARY_PATHS, Retry, read_answer
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.errors import (
    APIError,
    CredentialsExpired,
    MediumNotFound,
    MediumRefused,
    SchemaChanged,
    SourceThrottled,
    SourceUnavailable,
)
from cloud_sync_common.rules.listing_row import FIELDS, Page, parse_page, whole_number

API_URL = "https://api.gopro.com"
MAX_PER_PAGE = 200
"""GoPro silently caps larger pages."""

LONGEST_WAIT_SECONDS = 60.0
"""A longer ``Retry-After`` is not slept through in a function that is paid by the second: the workflow waits."""

_ACCEPT = "application/vnd.gopro.jk.media+json; version=2.0.0"
_PROCESSING_STATES = "registered,rendering,pretranscoding,transcoding,stabilizing,uploading,failure,ready,unknown"
_ACCOUNT_PATH = "/media/user"
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.5, 20.0


@dataclass(frozen=True, slots=True)
class Account:
    """GoPro's own totals of the library, to reconcile a listing with; ``None`` where it gives none."""

    total_items: int | None
    total_bytes: int | None


class GoProApi:
    """Speaks to the API host alone; cookies go nowhere else, and cookies that GoPro sets are not kept.

    ``sleep`` takes seconds, ``clock`` gives Unix time, ``jitter`` a number in [0, 1); ``timeout`` is (connect, read)
    in seconds; ``attempts`` bounds the requests of one call. Safe to share between threads as far as the session is.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str = API_URL,
        *,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        timeout: tuple[float, float] = (10.0, 30.0),
        attempts: int = 5,
    ) -> None:
        if attempts < 1:
            raise ValueError("attempts must be at least 1")
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._timeout = timeout
        self._attempts = attempts

    def search(self, page: int, per_page: int, credentials: Credentials) -> Page:
        """Return page ``page`` (from 1) of the listing, newest captured first.

        GoPro may serve smaller pages than asked for: `Page.per_page` tells.
        """
        if page < 1 or not 1 <= per_page <= MAX_PER_PAGE:
            raise ValueError(f"pages count from 1, and per_page is 1 to {MAX_PER_PAGE}")
        params = {
            "page": str(page),
            "per_page": str(per_page),
            "fields": ",".join(FIELDS),
            "order_by": "captured_at",
            "processing_states": _PROCESSING_STATES,
        }
        return parse_page(self._call("/media/search", credentials, params), page)

    def medium_exists(self, media_id: str, credentials: Credentials) -> bool:
        """Tell whether GoPro still has the medium; one in its trash counts as gone."""
        try:
            self._call(f"/media/{_segment(media_id)}", credentials)
        except MediumNotFound:
            return False
        return True

    def download(self, media_id: str, credentials: Credentials) -> Mapping[str, object]:
        """Return which files GoPro offers for the medium, with freshly signed URLs; raises `MediumNotFound`."""
        return self._object(f"/media/{_segment(media_id)}/download", credentials)

    def account(self, credentials: Credentials) -> Account:
        """Return the library's totals: the cheapest proof that the cookies work."""
        totals = self._object(_ACCOUNT_PATH, credentials)
        return Account(whole_number(totals.get("total_count")), whole_number(totals.get("total_storage")))

    def _object(self, path: str, credentials: Credentials) -> Mapping[str, object]:
        payload = self._call(path, credentials)
        if not isinstance(payload, Mapping):
            raise SchemaChanged(f"GET {path}: GoPro answered with something other than an object")
        return payload

    def _call(self, path: str, credentials: Credentials, params: Mapping[str, str] | None = None) -> object:
        """Ask until there is an answer, a refusal, or no attempt left."""
        trouble = Retry("never asked")
        for attempt in range(self._attempts):
            if attempt:
                self._wait(path, trouble, attempt)
            answer = self._ask_believing(path, credentials, params or {})
            if not isinstance(answer, Retry):
                return answer
            trouble = answer
        if trouble.status == 500 and path != _ACCOUNT_PATH:
            self._ask_about_the_cookies(path, credentials)
        raise self._given_up(path, trouble)

    def _ask_believing(self, path: str, credentials: Credentials, params: Mapping[str, str]) -> object:
        """A 403 or a login page for one medium is about the cookies only if GoPro's cheapest call is refused, too."""
        try:
            return self._ask_once(path, credentials, params)
        except CredentialsExpired as error:
            if error.status != 403 or path in LIBRARY_PATHS:
                raise
            try:
                account = self._ask_once(_ACCOUNT_PATH, credentials, {})
            except SchemaChanged:
                raise error from None
            if isinstance(account, Retry):
                return account
            raise MediumRefused(f"GET {path}: GoPro refuses to serve this medium, and no other", status=403) from error

    def _ask_once(self, path: str, credentials: Credentials, params: Mapping[str, str]) -> object:
        headers = {"Accept": _ACCEPT, "Cookie": credentials.cookies, "User-Agent": credentials.user_agent}
        try:
            reply = http.get(
                self._session, f"{self._base_url}{path}", params=params, headers=headers, timeout=self._timeout
            )
        except http.NoAnswer as error:
            return Retry(str(error), status=408 if error.timed_out else 0)
        except http.BodyTooLarge as error:
            raise SchemaChanged(f"GET {path}: GoPro's answer is {error}; not read") from None
        return read_answer(path, reply, self._clock())

    def _wait(self, path: str, trouble: Retry, attempt: int) -> None:
        """Full jitter, so that many functions do not come back in step; what GoPro asks for is added in full."""
        asked = trouble.retry_after or 0.0
        if asked > LONGEST_WAIT_SECONDS:
            raise SourceThrottled(
                f"GET {path}: GoPro asks to wait {asked:.0f} s", status=trouble.status, retry_after=asked
            )
        backoff = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2 ** (attempt - 1))
        self._sleep(asked + self._jitter() * backoff)

    def _ask_about_the_cookies(self, path: str, credentials: Credentials) -> None:
        """GoPro is known to answer 500 to a bad token; its cheapest call tells whether that is so."""
        answer = self._ask_once(_ACCOUNT_PATH, credentials, {})
        if isinstance(answer, Retry) and answer.status == 500:
            raise SourceUnavailable(
                f"GET {path}: GoPro answers 500 to every call; GoPro is out of order, or maybe the cookies have expired"
                " (log in at gopro.com and store fresh ones if this goes on)",
                status=500,
            )

    def _given_up(self, path: str, trouble: Retry) -> APIError:
        message = f"GET {path}: {trouble.reason}, {self._attempts} times in a row"
        if trouble.status == 500:
            message += "; GoPro is out of order, or maybe the cookies have expired"
        kind = SourceThrottled if trouble.status == 429 else trouble.error
        return kind(message, status=trouble.status, retry_after=trouble.retry_after)


def _segment(media_id: str) -> str:
    """An id as one segment of a URL's path; ids are opaque, and dots alone would walk up the path."""
    if not media_id.strip("."):
        raise MediumNotFound("GoPro has no medium without an id", status=404)
    return quote(media_id, safe="")
