"""A file on its way, and everything that may happen to it: what a source, S3 and the process itself may do."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from sandbox.gopro.messages import Blocks, FileSlice, Request, Response
from sandbox.s3.behaviour import Action, Call, Stage


class Kind(Enum):
    """What a source can."""

    RANGES = "serves ranges"
    NO_RANGES = "says its length"
    NO_LENGTH = "says nothing"


class Fault(Enum):
    """What a source may do to one answer."""

    CUT = "the connection ends within the body"
    SHORT = "the body is short, by more each time, and says so"
    LONG = "the body is too long, by more each time"
    UNTIL_CLOSE = "the body says no length, and ends early"
    OTHER_RANGE = "another range than asked for"
    OTHER_FILE = "another validator"
    PAGE = "an error page with status 200"
    GONE = 404
    EXPIRED = 403
    CHANGED = 412
    SLOW_DOWN = 429
    BROKEN = 500
    BUSY = 503


@dataclass(frozen=True)
class S3Fault:
    """What S3 does at the ``nth`` of these calls."""

    operation: str
    stage: Stage
    action: Action
    nth: int


@dataclass(frozen=True)
class Case:
    """One file and everything that happens to its first pass.

    ``source``: by the number of the CDN's answer. The process ends at AWS call ``killed_at``, or behind ``dies_at``
    bytes; the deadline comes at that many readings of the clock.
    """

    size: int
    workers: int
    kind: Kind = Kind.RANGES
    source: dict[int, Fault] = field(default_factory=dict)
    s3: tuple[S3Fault, ...] = ()
    killed_at: tuple[int, bool] | None = None
    dies_at: int | None = None
    deadline: int | None = None


class Cdn:
    """The simulator's CDN as the case wants it."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._answers = count(1)
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response | None:
        """A behaviour of the simulator; it leaves the API alone."""
        if request.path.startswith("/media/"):
            return None
        with self._lock:
            number = next(self._answers)
        fault, answer = self._case.source.get(number), self._usual(request)
        return answer if fault is None or answer.status not in (200, 206) else faulty(answer, fault, number)

    def _usual(self, request: Request) -> Response:
        if self._case.kind is Kind.RANGES:
            return request.proceed()
        if request.method == "HEAD":
            return Response(405)
        del request.headers["Range"]
        answer = request.proceed()
        answer.headers.pop("Accept-Ranges", None)
        return answer if self._case.kind is Kind.NO_RANGES else Response(200, {}, iter([content_of(answer)]))


def content_of(answer: Response) -> bytes:
    """An answer's whole body."""
    if isinstance(answer.body, FileSlice):
        return answer.body.path.read_bytes()[answer.body.start :][: answer.body.length]
    return (
        answer.body
        if isinstance(answer.body, bytes)
        else b"".join(answer.body.made if isinstance(answer.body, Blocks) else answer.body)
    )


def faulty(answer: Response, fault: Fault, number: int) -> Response:
    """A good answer with this fault. ``number`` makes another file of each: nobody sees through one lie told twice."""
    if isinstance(fault.value, int):
        return Response(fault.value)
    if fault is Fault.PAGE:
        return Response(200, {"Content-Type": "text/html"}, b"<html>try again</html>")
    body = content_of(answer)
    match fault:
        case Fault.CUT:
            answer.body, answer.cut_after = body, len(body) // 2
        case Fault.SHORT:
            answer.body = body[:-number]
        case Fault.LONG:
            answer.body = body + number * b"x"
        case Fault.OTHER_FILE if "ETag" in answer.headers:
            answer.headers["ETag"], answer.body = f'"another-{number}"', bytes(len(body))
        case Fault.OTHER_RANGE if answer.status == 206:
            answer.headers["Content-Range"], answer.body = "bytes 1-2/3", bytes(len(body))
        case _:
            answer.body = iter([body[: len(body) // 2]])
    return answer


class Bucket:
    """The archive's S3 as the case wants it: only calls for its own medium are disturbed, counted from 1 each."""

    def __init__(self, case: Case, media_id: str) -> None:
        self._faults = {(fault.operation, fault.stage, fault.nth): fault.action for fault in case.s3}
        self._media_id = media_id
        self._seen: Counter[tuple[str, Stage]] = Counter()
        self._lock = threading.Lock()

    def act(self, stage: Stage, call: Call) -> Action | None:
        """A behaviour of the strict S3."""
        if f"/{self._media_id}/" not in call.key:
            return None
        with self._lock:
            self._seen[call.operation, stage] += 1
            return self._faults.get((call.operation, stage, self._seen[call.operation, stage]))
