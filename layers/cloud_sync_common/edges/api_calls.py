"""One GET of GoPro's API, asked until there is an answer: its pace, its two forms of the login, its passing troubles.

GoPro takes the same token as a cookie and as a Bearer token, and which one it refuses has changed over time (public
clients: gopro-yank sends the cookie, rclone the token, gopro-media-downloader one after the other). Both are never sent
together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

import requests

from cloud_sync_common.edges import http
from cloud_sync_common.edges.api_answers import ACCOUNT_PATH, LIBRARY_PATHS, Retry, read_answer
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.pace import Pace
from cloud_sync_common.errors import (
    APIError,
    CredentialsExpired,
    MediumNotFound,
    MediumRefused,
    SchemaChanged,
    SourceThrottled,
    SourceUnavailable,
)

TIMEOUT_SECONDS = (10.0, 30.0)
"""To connect, and between two reads."""

_ACCEPT = "application/vnd.gopro.jk.media+json; version=2.0.0"
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 0.5, 20.0

_log = logging.getLogger(__name__)


class ApiCalls:
    """Asks one API host; see `GoProApi` for what its parts are. ``pace`` is kept before every single request."""

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        pace: Pace,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        attempts: int,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._pace = pace
        self._clock = clock
        self._jitter = jitter
        self._attempts = attempts
        self._as_bearer = False
        """Which form of the login GoPro took last; kept for the life of the process."""

    def get(self, path: str, credentials: Credentials, params: Mapping[str, str]) -> object:
        """Return the parsed JSON; ask until there is an answer, a refusal, or no attempt left.

        Raises an `APIError` that says which of GoPro's habits it was.
        """
        trouble = Retry("never asked")
        for attempt in range(self._attempts):
            answer = self._ask_believing(path, credentials, params, self._backoff(attempt))
            if not isinstance(answer, Retry):
                return answer
            trouble = answer
        if trouble.status == 500 and path != ACCOUNT_PATH:
            self._ask_about_the_cookies(path, credentials)
        raise self._given_up(path, trouble)

    def _backoff(self, attempt: int) -> float:
        """Seconds with full jitter, so that many functions do not come back in step."""
        if not attempt:
            return 0.0
        return self._jitter() * min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2.0 ** (attempt - 1))

    def _ask_believing(self, path: str, credentials: Credentials, params: Mapping[str, str], backoff: float) -> object:
        """A 403 or a login page for one medium is about the cookies only if GoPro's cheapest call is refused, too."""
        before = self._as_bearer
        try:
            return self._ask(path, credentials, params, backoff)
        except CredentialsExpired as error:
            if _is_certain(error, path):
                raise
            try:
                account = self._ask(ACCOUNT_PATH, credentials, {})
            except SchemaChanged:
                raise error from None
            if isinstance(account, Retry):
                return account
            if self._as_bearer is not before:
                with suppress(CredentialsExpired):
                    return self._ask(path, credentials, params)
            raise MediumRefused(f"GET {path}: GoPro refuses to serve this medium, and no other", status=403) from error

    def _ask(self, path: str, credentials: Credentials, params: Mapping[str, str], backoff: float = 0.0) -> object:
        """Ask in the form that GoPro took last and, where it certainly refuses that one, in the other."""
        as_bearer = self._as_bearer and credentials.token is not None
        try:
            return self._ask_once(path, _login(credentials, as_bearer=as_bearer), params, backoff)
        except CredentialsExpired as refusal:
            if credentials.token is None or not _is_certain(refusal, path):
                raise
            return self._ask_otherwise(path, credentials, params, refusal, as_bearer=not as_bearer)

    def _ask_otherwise(
        self,
        path: str,
        credentials: Credentials,
        params: Mapping[str, str],
        refusal: CredentialsExpired,
        *,
        as_bearer: bool,
    ) -> object:
        """Ask in the other form; what says nothing about the login leaves it at the first form's refusal."""
        try:
            answer = self._ask_once(path, _login(credentials, as_bearer=as_bearer), params)
        except MediumNotFound:
            self._as_bearer = as_bearer
            raise
        except (CredentialsExpired, MediumRefused, SchemaChanged):
            raise refusal from None
        if not isinstance(answer, Retry):
            self._as_bearer = as_bearer
        elif answer.status == 500:
            # That is what GoPro is known to answer to a bad token, too.
            raise refusal
        return answer

    def _ask_once(self, path: str, login: Mapping[str, str], params: Mapping[str, str], backoff: float = 0.0) -> object:
        self._pace.wait(backoff)
        url, headers = f"{self._base_url}{path}", {"Accept": _ACCEPT, **login}
        try:
            reply = http.get(self._session, url, params=params, headers=headers, timeout=TIMEOUT_SECONDS)
        except http.NoAnswer as error:
            return Retry(str(error), status=408 if error.timed_out else 0)
        except http.BodyTooLarge as error:
            raise SchemaChanged(f"GET {path}: GoPro's answer is {error}; not read") from None
        answer = read_answer(path, reply, self._clock())
        if isinstance(answer, Retry) and answer.retry_after:
            _log.warning("GoPro asks to wait %.0f s", answer.retry_after)
            self._pace.pause(answer.retry_after)
        return answer

    def _ask_about_the_cookies(self, path: str, credentials: Credentials) -> None:
        """GoPro is known to answer 500 to a bad token; its cheapest call tells whether that is so."""
        answer = self._ask(ACCOUNT_PATH, credentials, {})
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
        if trouble.status == 429 and trouble.retry_after is None:
            self._pace.pause(_LONGEST_BACKOFF_SECONDS)
        kind = SourceThrottled if trouble.status == 429 else trouble.error
        return kind(message, status=trouble.status, retry_after=trouble.retry_after)


def _login(credentials: Credentials, *, as_bearer: bool) -> dict[str, str]:
    """The headers that say who asks, in one form and never in both."""
    form = {"Authorization": f"Bearer {credentials.token}"} if as_bearer else {"Cookie": credentials.cookies}
    return {**form, "User-Agent": credentials.user_agent}


def _is_certain(refusal: CredentialsExpired, path: str) -> bool:
    """Tell whether a refusal is about the login: a 403 may be about the one medium that was asked for."""
    return refusal.status != 403 or path in LIBRARY_PATHS
