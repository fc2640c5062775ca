"""GoPro's unofficial media API: six GET requests, with its real habits told apart. Never changes anything at GoPro.

Facts: GoPro documents nothing; the habits were collected from public clients (rclone's GoPro backend,
gopro-media-downloader, gopro-yank, JDownloader). Headers, paths and parameters are the ones that they all use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote

import requests

from cloud_sync_common.edges.api_answers import ACCOUNT_PATH, DELETED_PATH, SEARCH_PATH
from cloud_sync_common.edges.api_calls import ApiCalls
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.pace import MIN_INTERVAL_SECONDS, Pace
from cloud_sync_common.errors import MediumNotFound, SchemaChanged
from cloud_sync_common.rules.listing_row import FIELDS, Page, parse_deleted, parse_page, whole_number
from cloud_sync_common.rules.record import parse_hilights
from cloud_sync_common.rules.shape import shape_of, showing_the_shape_of

API_URL = "https://api.gopro.com"
MAX_PER_PAGE = 200
"""GoPro silently caps larger pages."""

_PROCESSING_STATES = "registered,rendering,pretranscoding,transcoding,stabilizing,uploading,failure,ready,unknown"


@dataclass(frozen=True, slots=True)
class Account:
    """GoPro's own totals of the library, to reconcile a listing with; ``None`` where it gives none."""

    total_items: int | None
    total_bytes: int | None


class GoProApi:
    """Speaks to the API host alone; cookies go nowhere else, and cookies that GoPro sets are not kept.

    ``sleep`` takes seconds, ``clock`` gives Unix time, ``jitter`` a number in [0, 1); ``attempts`` bounds the requests
    of one call, ``interval`` is the least number of seconds between two requests. Safe to share between threads as far
    as the session is.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str = API_URL,
        *,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        attempts: int = 5,
        interval: float = MIN_INTERVAL_SECONDS,
    ) -> None:
        if attempts < 1:
            raise ValueError("attempts must be at least 1")
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.pace = Pace(sleep, clock, jitter, interval)
        self._calls = ApiCalls(session, base_url.rstrip("/"), self.pace, clock=clock, jitter=jitter, attempts=attempts)

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
        payload = self._calls.get(SEARCH_PATH, credentials, params)
        with showing_the_shape_of(payload):
            return parse_page(payload, page)

    def deleted(self, page: int, credentials: Credentials) -> Page:
        """Return page ``page`` (from 1) of GoPro's trash, which keeps media for 60 days; raises as `search` does.

        Whether GoPro cuts this listing into pages as asked is not known: a page may repeat the one before.
        """
        params = {"page": str(page), "per_page": str(MAX_PER_PAGE)}
        payload = self._calls.get(DELETED_PATH, credentials, params)
        with showing_the_shape_of(payload):
            return parse_deleted(payload, page)

    def medium_exists(self, media_id: str, credentials: Credentials) -> bool:
        """Tell whether GoPro still has the medium; one in its trash counts as gone."""
        try:
            self._calls.get(f"/media/{_segment(media_id)}", credentials, {})
        except MediumNotFound:
            return False
        return True

    def download(self, media_id: str, credentials: Credentials) -> Mapping[str, object]:
        """Return which files GoPro offers for the medium, with freshly signed URLs; raises `MediumNotFound`."""
        return self._object(f"/media/{_segment(media_id)}/download", credentials)

    def medium(self, media_id: str, credentials: Credentials) -> Mapping[str, object]:
        """Return GoPro's whole record of the medium, ``token`` included (a secret); raises as `download` does."""
        return self._object(f"/media/{_segment(media_id)}", credentials)

    def hilights(self, media_id: str, credentials: Credentials) -> list[int] | None:
        """Return the medium's HiLight tags in milliseconds, ``None`` if their shape is unknown; raises as `medium`."""
        path = f"/media/{_segment(media_id)}/moments"
        return parse_hilights(self._calls.get(path, credentials, {"fields": "time", "per_page": str(MAX_PER_PAGE)}))

    def account(self, credentials: Credentials) -> Account:
        """Return the library's totals: the cheapest proof that the cookies work."""
        totals = self._object(ACCOUNT_PATH, credentials)
        return Account(whole_number(totals.get("total_count")), whole_number(totals.get("total_storage")))

    def _object(self, path: str, credentials: Credentials) -> Mapping[str, object]:
        payload = self._calls.get(path, credentials, {})
        if not isinstance(payload, Mapping):
            raise SchemaChanged(f"GET {path}: GoPro answered with {shape_of(payload)} in place of an object")
        return payload


def _segment(media_id: str) -> str:
    """An id as one segment of a URL's path; ids are opaque, and dots alone would walk up the path."""
    if not media_id.strip("."):
        raise MediumNotFound("GoPro has no medium without an id", status=404)
    return quote(media_id, safe="")
