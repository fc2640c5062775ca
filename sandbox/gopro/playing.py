"""Playing the tricks: each changes the request, the answer, or the account behind both."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import chain
from typing import Any, Protocol

from sandbox.gopro.contents import Content, Edited, Seeded, StoredFile
from sandbox.gopro.library import ORIGINAL_LABELS, Library, SimMedium, SimPiece
from sandbox.gopro.messages import Blocks, Body, FileSlice, Request, Response, json_response
from sandbox.gopro.signing import is_cdn_path
from sandbox.gopro.tricks import Trick

TOO_MANY_BYTES = 3_245
"""By so much one listing was seen to be too large."""
_MANY_PAGES = 1_000_000
_UPLOADED_BYTES = 20_011
_THROTTLED_SECONDS = 2
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")

Route = Callable[[Request], Response]


class Stage(Protocol):
    """What a player needs of its server."""

    @property
    def library(self) -> Library:
        """The account's media now."""

    def replace_library(self, library: Library) -> None:
        """Serve another library from the next request on."""

    def expire_urls(self) -> None:
        """Let every URL signed so far count as expired."""

    def route(self, request: Request) -> Response:
        """Answer as usual."""

    def now(self) -> float:
        """Seconds since the epoch."""


class Player:
    """Plays tricks on one server; safe to use from any thread."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._uploads = 0
        self._plays: dict[Trick, Route] = {
            Trick.NO_RANGES: self._without_range,
            Trick.OTHER_RANGE: lambda request: _shifted(self._stage.route(request)),
            Trick.LONGER: lambda request: _lengthened(self._stage.route(request)),
            Trick.CORRUPT: lambda request: _corrupted(self._stage.route(request)),
            Trick.EXPIRE: self._expire,
            Trick.THROTTLE_UNTIL: self._throttle,
            Trick.SIZES_TOO_LARGE: lambda request: _each_row(self._stage.route(request), _claim_more),
            Trick.NO_SIZES: lambda request: _each_row(self._stage.route(request), _claim_nothing),
            Trick.BARE_ROWS: lambda request: _each_row(self._stage.route(request), _bare),
            Trick.ROW_WITHOUT_ID: lambda request: _edited(self._stage.route(request), _lose_an_id),
            Trick.WRONG_TOTALS: lambda request: _edited(self._stage.route(request), _misstate_pages),
            Trick.REPEATED_ROWS: self._repeat,
            Trick.UPLOAD: self._upload,
            Trick.DELETION: self._delete_the_first,
            Trick.VANISH: lambda request: self._change(request, _vanished),
            Trick.UNFINISHED: lambda request: self._change(request, _unfinished),
            Trick.EDIT: lambda request: self._change(request, self._newly_edited),
            Trick.EMPTY: lambda request: self._change(request, _emptied),
        }

    def play(self, trick: Trick, request: Request) -> Response:
        """Answer a request with the trick."""
        return self._plays[trick](request)

    def _without_range(self, request: Request) -> Response:
        headers = copy.copy(request.headers)
        del headers["Range"]
        return self._stage.route(replace(request, headers=headers))

    def _expire(self, request: Request) -> Response:
        answer = self._stage.route(request)
        self._stage.expire_urls()
        return answer

    def _throttle(self, _request: Request) -> Response:
        answer = json_response(429, {"error": "too_many_requests"})
        answer.headers["Retry-After"] = formatdate(self._stage.now() + _THROTTLED_SECONDS, usegmt=True)
        return answer

    def _repeat(self, request: Request) -> Response:
        page = int(request.query.get("page", 1))
        answer = self._stage.route(request)
        if page < 2 or answer.status != 200:
            return answer
        before = self._stage.route(replace(request, query={**request.query, "page": str(page - 1)}))
        last = _document(before)["_embedded"]["media"][-1:]
        return _edited(answer, lambda document: document["_embedded"]["media"].__setitem__(slice(0, 0), last))

    def _upload(self, request: Request) -> Response:
        with self._lock:
            self._uploads += 1
            taken = _written(self._stage.now())
            piece = SimPiece("source", Seeded(f"uploaded-{self._uploads}", _UPLOADED_BYTES), 1, "mp4")
            medium = SimMedium(
                media_id=f"uploaded-{self._uploads}",
                filename=f"GX01{9000 + self._uploads}.MP4",
                type="Video",
                file_extension="mp4",
                captured_at=taken,
                created_at=taken,
                ready_to_view="ready",
                pieces=(piece,),
                file_size=piece.size,
                camera_model="HERO12 Black",
            )
            self._stage.replace_library(self._stage.library.with_medium(medium))
        return self._stage.route(request)

    def _delete_the_first(self, request: Request) -> Response:
        first = self._stage.route(replace(request, query={**request.query, "page": "1", "per_page": "1"}))
        rows = _document(first)["_embedded"]["media"] if first.status == 200 else []
        found = self._stage.library.find(str(rows[0].get("id"))) if rows else None
        if found is not None:
            self._put(replace(found, deleted=True, listed=False))
        return self._stage.route(request)

    def _change(self, request: Request, change: Callable[[SimMedium], SimMedium]) -> Response:
        steps = request.path.split("/")
        library = self._stage.library
        medium = library.find_object(steps[2]) if is_cdn_path(request.path) else library.find(steps[2])
        if medium is not None:
            self._put(change(medium))
        return self._stage.route(request)

    def _newly_edited(self, medium: SimMedium) -> SimMedium:
        known = medium.extra.get("revision_number")
        edition = (known if isinstance(known, int) else 0) + 1
        facts = {"revision_number": edition, "reprocessed_at": _written(self._stage.now())}
        changed = _with_originals(medium, lambda content: Edited(content, edition))
        return replace(changed, extra={**medium.extra, **facts})

    def _put(self, medium: SimMedium) -> None:
        with self._lock:
            self._stage.replace_library(self._stage.library.with_medium(medium))


def _vanished(medium: SimMedium) -> SimMedium:
    pieces = tuple(replace(piece, cdn_deleted=True) for piece in medium.pieces)
    return replace(medium, deleted=True, listed=False, pieces=pieces)


def _unfinished(medium: SimMedium) -> SimMedium:
    pieces = tuple(replace(piece, available=False) for piece in medium.pieces)
    return replace(medium, ready_to_view="transcoding", pieces=pieces)


def _emptied(medium: SimMedium) -> SimMedium:
    return _with_originals(medium, lambda _: Seeded("empty", 0))


def _with_originals(medium: SimMedium, change: Callable[[Content], Content]) -> SimMedium:
    pieces = tuple(
        replace(piece, source=change(piece.content)) if piece.label in ORIGINAL_LABELS else piece
        for piece in medium.pieces
    )
    return replace(medium, pieces=pieces)


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shifted(answer: Response) -> Response:
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is not None:
        first, last, size = (int(number) for number in found.groups())
        answer.headers["Content-Range"] = f"bytes {first + 1}-{last + 1}/{size}"
    return answer


def _lengthened(answer: Response) -> Response:
    if answer.status in {200, 206} and answer.body_length is not None:
        answer.body = Blocks(chain(_blocks(answer.body), [b"\0"]), answer.body_length + 1)
    return answer


def _corrupted(answer: Response) -> Response:
    if answer.status in {200, 206} and answer.body_length:
        answer.body = Blocks(_flipped(_blocks(answer.body)), answer.body_length)
    return answer


def _flipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks)
    yield bytes([first[0] ^ 0xFF]) + first[1:]
    yield from blocks


def _blocks(body: Body) -> Iterator[bytes]:
    if isinstance(body, bytes):
        return iter([body])
    if isinstance(body, FileSlice):
        return StoredFile(body.path).blocks(body.start, body.length)
    return iter(body.made if isinstance(body, Blocks) else body)


def _document(answer: Response) -> Any:
    return json.loads(answer.body) if isinstance(answer.body, bytes) else {}


def _edited(answer: Response, edit: Callable[[Any], None]) -> Response:
    """Return a good listing with its document changed; any other answer as it is."""
    if answer.status != 200:
        return answer
    document = _document(answer)
    edit(document)
    return json_response(200, document)


def _each_row(answer: Response, edit: Callable[[dict[str, Any]], None]) -> Response:
    def edit_rows(document: Any) -> None:
        for row in document["_embedded"]["media"]:
            edit(row)

    return _edited(answer, edit_rows)


def _claim_more(row: dict[str, Any]) -> None:
    if isinstance(row.get("file_size"), int):
        row["file_size"] += TOO_MANY_BYTES


def _claim_nothing(row: dict[str, Any]) -> None:
    row["file_size"] = None


def _bare(row: dict[str, Any]) -> None:
    for number, name in enumerate([name for name in row if name not in {"id", "token", "ready_to_view"}]):
        if name == "type":
            row[name] = "NotYetKnown"
        elif number % 2:
            row[name] = None
        else:
            del row[name]


def _lose_an_id(document: Any) -> None:
    for row in document["_embedded"]["media"][-1:]:
        row.pop("id", None)


def _misstate_pages(document: Any) -> None:
    page = document["_pages"]["current_page"]
    document["_pages"]["total_pages"] = 1 if page == 1 else _MANY_PAGES
