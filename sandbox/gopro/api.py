"""The JSON API: who may ask, and what each path answers."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.gopro.account import ACCOUNT_ID, Account
from sandbox.gopro.downloads import Link, download_document
from sandbox.gopro.library import Library, SimMedium
from sandbox.gopro.messages import Request, Response, json_response
from sandbox.gopro.rows import full_row, project
from sandbox.gopro.search import DEFAULT_PER_PAGE, pages, search

_ACCEPTED_TYPE = "application/vnd.gopro.jk."
_MEDIUM_PATH = re.compile(r"/media/(?P<media_id>[^/]+)(?P<download>/download)?")
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
        }

    def answer(self, request: Request) -> Response:
        """Answer one request; 406 without GoPro's Accept header comes before 401 without the token, as seen."""
        if request.path == _ZIP_PATH:
            return self._zip(request)
        if _ACCEPTED_TYPE not in request.headers.get("Accept", ""):
            return Response(406)
        if not self._account.admits(request.headers):
            return _unauthorized()
        if request.method != "GET":
            return Response(405, {"Allow": "GET"})
        listing = self._listings.get(request.path)
        if listing is not None:
            return listing(request)
        return self._medium(request)

    def _search(self, request: Request) -> Response:
        fields = request.query.get("fields")
        return search(self._library.media, request.query, lambda medium: project(self._row(medium), fields))

    def _user(self, _request: Request) -> Response:
        media = self._library.media
        totals = {"total_count": len(media), "total_storage": sum(medium.file_size or 0 for medium in media)}
        document = {"id": ACCOUNT_ID, "created_at": _SINCE, "updated_at": _SINCE, "non_exempt_storage_limit": 0}
        exempt = {"exempt": totals, "non_exempt": dict.fromkeys(totals, 0)}
        return json_response(200, document | totals | exempt)

    def _deleted(self, _request: Request) -> Response:
        media = [self._row(medium) for medium in self._library.media if medium.deleted]
        return json_response(200, {"deleted_media": media, "_pages": pages(1, DEFAULT_PER_PAGE, len(media))})

    def _medium(self, request: Request) -> Response:
        path = _MEDIUM_PATH.fullmatch(request.path)
        medium = self._library.by_id.get(path["media_id"]) if path else None
        if path is None or medium is None or medium.deleted:
            return json_response(404, {"error": "not_found"})
        if path["download"]:
            return json_response(200, download_document(medium, self._link, request.query.get("labels")))
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
    return int(str(row["source_duration"] or 0)) // max(1, chapters)
