"""GoPro as a source of media: lists the library, says which files make up a medium, gives a pre-signed URL for one.

The facade over `GoProApi` (the wire) and `rules.pieces` (which file is the original). Every URL that leaves here has
been checked against the allowed hosts; none of them, and no cookie, is ever logged.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from cloud_sync_common.edges.credentials import Credentials, make_credentials
from cloud_sync_common.edges.gopro_api import API_URL, MAX_PER_PAGE, GoProApi
from cloud_sync_common.edges.sessions import api_session
from cloud_sync_common.errors import InvalidInput, MediumNotFound, MediumRefused, SchemaChanged, UnsafeUrl
from cloud_sync_common.models import Medium, Piece, Quality, Resolution, SecretUrl
from cloud_sync_common.rules import pieces, record
from cloud_sync_common.rules.download_answer import DownloadAnswer, Entry, distinct, parse_download
from cloud_sync_common.rules.listing_row import Page
from cloud_sync_common.rules.shape import showing_the_shape_of
from cloud_sync_common.rules.urls import check_url, is_loopback

DEFAULT_ALLOWED_HOSTS = ("gopro.com",)
MAX_PAGES = 10_000
"""Two million media; a listing that goes on longer repeats itself."""

SANDBOX_ENVIRONMENT = "CLOUD_SYNC_SANDBOX"
"""Value of AWS_EXECUTION_ENV in the sandbox. Lambda sets that variable itself and lets no template set it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Where the API is, and which hosts may serve files; ``allow_loopback`` is the sandbox's alone.

    ``extra_pieces`` are the labels that are copied besides originals.
    """

    api_url: str = API_URL
    allowed_hosts: tuple[str, ...] = DEFAULT_ALLOWED_HOSTS
    allow_loopback: bool = False
    extra_pieces: frozenset[str] = frozenset()


def source_settings(environ: Mapping[str, str]) -> SourceSettings:
    """Read ALLOWED_HOSTS and EXTRA_PIECES (comma lists) and GOPRO_API_URL, which moves the API; raises `InvalidInput`.

    The cookies follow GOPRO_API_URL, so on AWS it must be https at one of the allowed hosts, as any URL that GoPro
    gives; in the sandbox it may be any https address and plain http of this machine.
    """
    hosts = _listed(environ, "ALLOWED_HOSTS") or DEFAULT_ALLOWED_HOSTS
    extras = frozenset(_listed(environ, "EXTRA_PIECES"))
    override = environ.get("GOPRO_API_URL", "").strip()
    if not override:
        return SourceSettings(allowed_hosts=hosts, extra_pieces=extras)
    if environ.get("AWS_EXECUTION_ENV") != SANDBOX_ENVIRONMENT:
        return SourceSettings(_allowed_api(override, hosts), hosts, extra_pieces=extras)
    if not override.startswith("https://") and not (override.startswith("http://") and is_loopback(override)):
        raise InvalidInput(
            "GOPRO_API_URL must be an https URL, or an http URL of this machine (127.0.0.1 or localhost)"
        )
    return SourceSettings(override.rstrip("/"), hosts, allow_loopback=True, extra_pieces=extras)


def _listed(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, environ.get(name, "").split(","))))


def _allowed_api(url: str, allowed_hosts: tuple[str, ...]) -> str:
    try:
        return check_url(url, allowed_hosts, allow_loopback_http=False).rstrip("/")
    except UnsafeUrl:
        # The rule's own words blame GoPro; this URL comes from whoever deployed.
        raise InvalidInput(
            "GOPRO_API_URL must be an https URL at a host in ALLOWED_HOSTS: deploy again without the setting "
            "gopro_api_url, or with its host in allowed_hosts"
        ) from None


class GoProProvider:
    """The provider named by the project's contract; without arguments it is built from the environment on first use.

    Failures are `APIError` with the HTTP status (401/403 cookies refused, 404 no medium or quality, 408 timed out), and
    `UnsafeUrl` for a URL that is not opened.
    """

    def __init__(self, api: GoProApi | None = None, settings: SourceSettings | None = None) -> None:
        self._api = api
        self._settings = settings

    def get_download_url(self, *, media_id: str, cookies: str, user_agent: str, quality: str = "source") -> str:
        """Return a pre-signed URL, good for about an hour, of the medium's first file in ``quality``.

        Where ``source`` does not exist, ``high_res_proxy_mp4`` is returned with a logged warning; where it exists and
        is not available yet, that is a 404 and no proxy. The pipeline uses `resolve_pieces`, which also says which
        quality it got and finds all files.
        """
        download = self.api.download(media_id, make_credentials(cookies, user_agent))
        with showing_the_shape_of(download):
            answer = parse_download(download)
        entries = _entries_of(answer, quality)
        if not entries and quality == Quality.SOURCE:
            entries = _entries_of(answer, pieces.FALLBACK)
            if entries:
                _log.warning("medium %s has no source at GoPro; falling back to %s", media_id, pieces.FALLBACK)
        if not entries:
            raise MediumNotFound(f"GoPro has no file of quality {quality!r} for this medium", status=404)
        first = pieces.numbered(quality, entries)[0].entry
        if not first.is_fetchable:
            raise MediumNotFound(f"quality {quality!r} of this medium is not available at GoPro yet", status=404)
        return self._checked(first.url)

    def resolve_pieces(self, medium: Medium, credentials: Credentials) -> Resolution:
        """Return all files that make up ``medium`` now, or why it cannot be copied yet; asks GoPro once or not at all.

        Raises as `GoProApi.download` and `rules.pieces.resolve` do, and `UnsafeUrl`.
        """
        if waiting := pieces.waiting_reason(medium):
            return Resolution(pieces=(), not_ready=waiting)
        download = self.api.download(medium.media_id, credentials)
        with showing_the_shape_of(download):
            resolution = pieces.resolve(medium, download, self.settings.extra_pieces)
        for warning in resolution.warnings:
            _log.warning("medium %s: %s", medium.media_id, warning)
        return self._checked_resolution(medium, resolution)

    def medium_record(self, media_id: str, credentials: Credentials) -> bytes:
        """Return ``medium.json``: what GoPro knows about the medium, as `rules.record` writes it; asks once or twice.

        Raises as `GoProApi.medium` does. HiLight tags that GoPro does not hand out keep nothing else from being kept.
        """
        answer = self.api.medium(media_id, credentials)
        hilights: list[int] | None = []
        if record.has_hilights(answer):
            try:
                hilights = self.api.hilights(media_id, credentials)
            except (MediumNotFound, MediumRefused):
                hilights = None
        return record.medium_record(answer, hilights)

    def list_media(
        self, credentials: Credentials, *, first_page: int = 1, per_page: int = MAX_PER_PAGE
    ) -> Iterator[Page]:
        """Yield the listing page by page from ``first_page`` on, until GoPro has no more; ends in every case.

        Pages of a library that changes meanwhile overlap or leave gaps: whoever reads them removes duplicate ids and
        compares their number with `Page.total_items`. To go on later, start at `Page.number` + 1.
        """
        for number in range(first_page, first_page + MAX_PAGES):
            page = self.api.search(number, per_page, credentials)
            yield page
            if page.is_last:
                return
        raise SchemaChanged(f"GoPro's listing has no end after {MAX_PAGES} pages; listing stopped")

    @property
    def api(self) -> GoProApi:
        """The API that this provider speaks through, for calls that need no more than it."""
        if self._api is None:
            self._api = default_api(self.settings)
        return self._api

    @property
    def settings(self) -> SourceSettings:
        """The hosts this provider trusts."""
        if self._settings is None:
            self._settings = source_settings(os.environ)
        return self._settings

    def _checked(self, url: str) -> SecretUrl:
        return check_url(url, self.settings.allowed_hosts, allow_loopback_http=self.settings.allow_loopback)

    def _checked_resolution(self, medium: Medium, resolution: Resolution) -> Resolution:
        """Every URL checked. A refused one of an extra piece makes that piece absent, not the originals."""
        checked, absent = [], set(resolution.absent)
        for piece in resolution.pieces:
            try:
                checked.append(self._checked_piece(piece))
            except UnsafeUrl as error:
                if not piece.is_extra:
                    raise
                _log.warning("medium %s: %s is left out: %s", medium.media_id, piece.piece_id, error)
                absent.add(piece.piece_id)
        return replace(resolution, pieces=tuple(checked), absent=tuple(sorted(absent)))

    def _checked_piece(self, piece: Piece) -> Piece:
        head = None if piece.head_url is None else self._checked(piece.head_url)
        return replace(piece, url=self._checked(piece.url), head_url=head)


def default_api(settings: SourceSettings) -> GoProApi:
    """Build the API client with real time and a session of its own."""
    jitter = partial(random.SystemRandom().uniform, 0.0, 1.0)
    return GoProApi(api_session(), settings.api_url, sleep=time.sleep, clock=time.time, jitter=jitter)


def _entries_of(answer: DownloadAnswer, quality: str) -> tuple[Entry, ...]:
    """All files of one quality; an edit's source is its rendering, a photo's may be its only file."""
    found = answer.labelled(quality)
    if not found and quality == Quality.SOURCE:
        found = answer.labelled(pieces.BAKED_SOURCE)
        if not found and pieces.is_photo_name(answer.filename):
            found = distinct(answer.files)
    return found
