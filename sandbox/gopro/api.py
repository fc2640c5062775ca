"""The JSON API: who may ask, and what each path answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from sandbox.gopro.account import ACCOUNT_ID, Account
from sandbox.gopro.downloads import Link, download_document
from sandbox.gopro.library import Library, SimMedium
from sandbox.gopro.messages import Request, Response, json_response
from sandbox.gopro.rows import full_row
from sandbox.gopro.search import Searches, asked_page, pages

_ACCEPTED_TYPE = "application/vnd.gopro.jk."
_MEDIUM_PATH = re.compile(r"/media/(?P<media_id>[^/]+)(?P<further>/download|/moments)?")
_ZIP_PATH = "/media/x/zip/source"
_SINCE = "2022-05-01T09:00:00Z"


class Api:
    """Answers API requests over one library. Reads only: every other method is refused with 405."""

    def __init__(self, library: Library, account: Account, link: Link) -> None:
        self._library = library
        self._account = account
        self._link = link
        self._listings: dict[str, Callable[[Request], Response]] = {
            "/media/search": self._search,
            "/media/user": self._user,
            "/media/deleted": self._deleted,
            "/search/media/labels/top": _labels,
        }
        self._searches = Searches(library, self._row)

    def answer(self, request: Request) -> Response:
        """Answer one request.

        With the token every Accept header will do (clients of 2023 downloaded with ``application/json``); without it
        any other than GoPro's own earns a 406 in place of the 401, as was seen.
        """
        if request.path == _ZIP_PATH:
            return self._zip(request)
        if not self._account.admits(request.headers):
            known = _ACCEPTED_TYPE in request.headers.get("Accept", "")
            return _unauthorized() if known else Response(406)
        if request.method != "GET":
            return Response(405, {"Allow": "GET"})
        listing = self._listings.get(request.path)
        if listing is not None:
            return listing(request)
        return self._medium(request)

    def _search(self, request: Request) -> Response:
        return self._searches.answer(request.query)

    def _user(self, _request: Request) -> Response:
        document = {"id": ACCOUNT_ID, "created_at": _SINCE, "updated_at": _SINCE, "non_exempt_storage_limit": 0}
        exempt = {"exempt": self._totals, "non_exempt": dict.fromkeys(self._totals, 0)}
        return json_response(200, document | self._totals | exempt)

    @cached_property
    def _totals(self) -> dict[str, int]:
        sizes = [medium.file_size or 0 for medium in self._library if medium.listed]
        return {"total_count": len(sizes), "total_storage": sum(sizes)}

    def _deleted(self, request: Request) -> Response:
        """Answer with a page of the trash; filters and ``fields`` are ignored, as at GoPro."""
        trash = [medium for medium in self._library.media if medium.deleted]
        asked = asked_page(request.query)
        if isinstance(asked, Response):
            return asked
        page, per_page = asked
        shown = [self._row(medium) for medium in trash[(page - 1) * per_page : page * per_page]]
        return json_response(200, {"deleted_media": shown, "_pages": pages(page, per_page, len(trash))})

    def _medium(self, request: Request) -> Response:
        path = _MEDIUM_PATH.fullmatch(request.path)
        medium = self._library.find(path["media_id"]) if path else None
        if path is None or medium is None or medium.deleted:
            return json_response(404, {"error": "not_found"})
        if path["further"] == "/download":
            return json_response(200, download_document(medium, self._link, request.query.get("labels")))
        if path["further"] == "/moments":
            return json_response(200, _moments(medium))
        row = self._row(medium)
        chapters = len(medium.labelled("source"))
        return json_response(200, {"item_durations": [_milliseconds(row, chapters)] * chapters} | row)

    def _zip(self, request: Request) -> Response:
        """Answer the way the real endpoint does since August 2026: success, and nothing in it."""
        by_query = self._account.is_access_token(request.query.get("access_token", ""))
        if not by_query and not self._account.admits(request.headers):
            return _unauthorized()
        return Response(200, {"Content-Type": "application/zip"})

    def _row(self, medium: SimMedium) -> dict[str, object]:
        return full_row(medium, self._account)


def _unauthorized() -> Response:
    return json_response(401, {"error": "invalid_request", "error_description": "The access token is not valid"})


def _milliseconds(row: dict[str, object], chapters: int) -> int:
    """Share the recording's whole length, a text in the row, evenly among its chapters."""
    length = str(row.get("source_duration") or 0)
    return int(length) // max(1, chapters) if length.isdigit() else 0


def _labels(_request: Request) -> Response:
    """Answer what a client of 2023 asks to try its token; nobody has shown the body, and that client reads none."""
    return json_response(200, {"_embedded": {"labels": []}})


def _moments(medium: SimMedium) -> dict[str, object]:
    """Return the medium's HiLight tags, all on one page."""
    moments = [
        {"id": f"{medium.media_id}-{number}", "medium_id": medium.media_id, "frame": None, "time": time}
        for number, time in enumerate(medium.moments, start=1)
    ]
    return {"_pages": pages(1, max(1, len(moments)), len(moments)), "_embedded": {"moments": moments}}
