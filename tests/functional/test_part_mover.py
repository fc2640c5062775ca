"""The byte path: ranges of a real, misbehaving source into parts of a strict S3."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import pytest

from cloud_sync_common.edges.archive import KeyTaken, UploadedPart, UploadGone
from cloud_sync_common.errors import (
    ArchiveDenied,
    RangesUnsupported,
    SourceChanged,
    SourceUnavailable,
    TransferError,
    TruncatedBody,
    UrlExpired,
)
from cloud_sync_common.models import Piece, PieceId, SecretUrl, Source, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer.checksums import combine
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.engine import PartJob, PartMover, verified
from cloud_sync_common.transfer.planning import UNKNOWN_SIZE_PART, PartPlan
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.streams import (
    DirectJob,
    Way,
    choose_way,
    direct_upload_stream,
    multipart_upload_stream,
    sequential_upload_stream,
)
from cloud_sync_common.transfer.urls import PieceUrls
from sandbox.s3.behaviour import Drop, Stage
from tests.support.adapters import ADAPTERS, adapter
from tests.support.clocks import ManualClock, Naps, no_hurry, over
from tests.support.media import piece, source
from tests.support.scripted_http import Answer, End, Request, ScriptedServer, origin, script
from tests.support.strict_s3 import ATTRIBUTES, KEY, MIB, Store, crc

CONTENT = bytes(range(251)) * 40
PLAN = PartPlan(len(CONTENT), 2_000)
ALL = range(1, PLAN.count + 1)
CUT = Answer(
    206,
    {"ETag": '"v1"', "Content-Range": f"bytes 0-1999/{len(CONTENT)}", "Content-Length": "2000"},
    CONTENT[:700],
    end=End.RESET,
)


@dataclass
class Rig:
    """A source, a store, and the mover between them."""

    server: ScriptedServer
    store: Store
    reader: SourceReader
    clock: ManualClock = field(default_factory=ManualClock)
    naps: Naps = field(default_factory=Naps)
    stats: TransferStats = field(default_factory=TransferStats)

    def mover(self, workers: int = 3) -> PartMover:
        retry = Retry(self.naps, jitter=lambda most: most)
        return PartMover(self.store.archive, self.reader, retry, Tracing({}), workers, self.clock)

    def urls(self, resolve: Callable[[], dict[PieceId, Piece]] | None = None) -> PieceUrls:
        return PieceUrls(piece(url=self.server.url), resolve or dict)

    def job(self, upload: UploadId, planned: Source | None = None, urls: PieceUrls | None = None) -> PartJob:
        return PartJob(KEY, upload, planned or source(len(CONTENT)), urls or self.urls())

    def move(self, job: PartJob, *, workers: int = 3, deadline: Deadline | None = None) -> list[UploadedPart]:
        return multipart_upload_stream(self.mover(workers), job, PLAN, ALL, deadline or no_hurry(), self.stats)

    def ranges(self) -> list[tuple[int, int] | None]:
        return [request.range for request in self.server.requests]


@pytest.fixture(params=ADAPTERS)
def rig(request: pytest.FixtureRequest, store: Store) -> Iterator[Rig]:
    def check(url: str) -> SecretUrl:
        return check_url(url, ("gopro.com",), allow_loopback_http=True)

    with ScriptedServer(origin(CONTENT)) as server, adapter(request.param, store) as made:
        yield Rig(server, store, SourceReader(made.transport, check))


# Parts by range


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_part_arrives_once_and_the_parts_are_the_piece(rig: Rig, workers: int) -> None:
    upload = rig.store.upload()
    moved = rig.move(rig.job(upload), workers=workers)
    held = rig.store.archive.parts(KEY, upload)
    assert sorted(moved, key=lambda part: part.number) == [held[number] for number in ALL]
    assert combine((held[number].crc64nvme or "", held[number].size) for number in ALL) == crc(CONTENT)
    assert len(rig.server.requests) == PLAN.count
    assert rig.stats.time_to_first_byte is not None


def test_a_processor_left_idle_is_given_more_workers(rig: Rig) -> None:
    good, waiting, enough = origin(CONTENT), count(1), threading.Event()

    def answer(request: Request) -> Answer | None:
        number = next(waiting)
        if number == 4:
            enough.set()
        # The first part comes at once; no later one before three of them are under way together.
        return good(request) if number == 1 or enough.wait(10) else None

    rig.server.script = answer
    upload = rig.store.upload()
    mover = replace(rig.mover(4), clock=time.monotonic, cpu_clock=lambda: 0.0)
    moved = multipart_upload_stream(mover, rig.job(upload), PLAN, ALL, no_hurry(), rig.stats)
    assert len(moved) == PLAN.count == len(rig.server.requests)


def test_only_the_asked_parts_are_moved(rig: Rig) -> None:
    upload = rig.store.upload()
    moved = multipart_upload_stream(rig.mover(), rig.job(upload), PLAN, [4, 2], no_hurry(), rig.stats)
    assert {part.number for part in moved} == {2, 4}
    assert sorted(filter(None, rig.ranges())) == [(2_000, 3_999), (6_000, 7_999)]


def test_nothing_to_move_moves_nothing(rig: Rig) -> None:
    assert multipart_upload_stream(rig.mover(), rig.job(UploadId("x")), PLAN, [], no_hurry(), rig.stats) == []
    assert rig.server.requests == []


@pytest.mark.parametrize("fault", [CUT, None, Answer(503), Answer(429), CUT.but(end=End.CLOSE)])
def test_a_part_that_broke_off_is_asked_for_again_by_its_range(rig: Rig, fault: Answer | None) -> None:
    rig.server.script = script(fault, then=origin(CONTENT))
    upload = rig.store.upload()
    assert len(rig.move(rig.job(upload), workers=1)) == PLAN.count
    assert rig.ranges()[:2] == [(0, 1_999), (0, 1_999)]
    assert rig.naps == [0.5]


@pytest.mark.parametrize("stage", [Stage.REQUEST, Stage.COMMIT, Stage.ANSWER])
def test_a_part_whose_answer_s3_lost_is_sent_again(rig: Rig, stage: Stage) -> None:
    rig.store.faults["UploadPart", stage] = Drop()
    upload = rig.store.upload()
    assert len(rig.move(rig.job(upload), workers=1)) == PLAN.count
    assert rig.ranges()[:2] == [(0, 1_999), (0, 1_999)]
    assert len(rig.store.archive.parts(KEY, upload)) == PLAN.count


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "BadDigest"])
def test_a_part_that_s3_refuses_for_now_is_sent_again(rig: Rig, code: str) -> None:
    rig.store.refuse("UploadPart", code)
    assert len(rig.move(rig.job(rig.store.upload()))) == PLAN.count


def test_a_source_that_stays_broken_goes_up_and_what_arrived_stays(rig: Rig) -> None:
    def broken(request: Request) -> Answer | None:
        return Answer(503) if request.range == (4_000, 5_999) else origin(CONTENT)(request)

    rig.server.script = broken
    upload = rig.store.upload()
    with pytest.raises(SourceUnavailable):
        rig.move(rig.job(upload), workers=1)
    assert set(rig.store.archive.parts(KEY, upload)) == {1, 2}
    assert rig.ranges().count((4_000, 5_999)) == 3


def test_after_an_error_no_new_part_is_begun(rig: Rig) -> None:
    rig.server.script = lambda request: Answer(412)
    with pytest.raises(SourceChanged):
        rig.move(rig.job(rig.store.upload()), workers=2)
    assert len(rig.server.requests) <= 2


def test_a_changed_source_is_never_asked_twice(rig: Rig) -> None:
    rig.server.script = origin(CONTENT, etag='"v2"')
    with pytest.raises(SourceChanged):
        rig.move(rig.job(rig.store.upload()), workers=1)
    assert (len(rig.server.requests), rig.naps) == (1, [])


def test_an_archive_that_refuses_us_stops_at_once(rig: Rig) -> None:
    rig.store.refuse("UploadPart", "AccessDenied")
    with pytest.raises(ArchiveDenied):
        rig.move(rig.job(rig.store.upload()), workers=1)
    assert len(rig.server.requests) == 1


def test_an_upload_that_is_gone_is_told_as_such(rig: Rig) -> None:
    upload = rig.store.upload()
    rig.store.archive.abort(KEY, upload)
    with pytest.raises(UploadGone):
        rig.move(rig.job(upload), workers=2)


def test_a_short_body_is_never_a_part(rig: Rig) -> None:
    rig.server.script = lambda request: CUT.but(chunked=True, headers={"Content-Length": None}, end=End.KEEP)
    upload = rig.store.upload()
    with pytest.raises(TruncatedBody):
        rig.move(rig.job(upload), workers=1)
    assert rig.store.archive.parts(KEY, upload) == {}


# URLs that expire


def _expiring(request: Request) -> Answer | None:
    return Answer(403) if "Signature=c4n4ry" in request.path else origin(CONTENT)(request)


def test_an_expired_url_is_renewed_in_the_middle_and_costs_no_attempt(rig: Rig) -> None:
    rig.server.script = _expiring
    asked: list[int] = []

    def resolve() -> dict[PieceId, Piece]:
        asked.append(1)
        fresh = piece(url=SecretUrl(rig.server.url.replace("c4n4ry", "fresh")))
        return {fresh.piece_id: fresh}

    upload = rig.store.upload()
    assert len(rig.move(rig.job(upload, urls=rig.urls(resolve)))) == PLAN.count
    assert (len(asked), rig.naps) == (1, [])


def test_urls_that_are_never_accepted_are_a_failure_for_the_workflow(rig: Rig) -> None:
    rig.server.script = lambda request: Answer(403)

    def resolve() -> dict[PieceId, Piece]:
        return {PieceId("source-1"): piece(url=SecretUrl(str(rig.server.url)))}

    with pytest.raises(UrlExpired) as caught:
        rig.move(rig.job(rig.store.upload(), urls=rig.urls(resolve)), workers=1)
    assert "c4n4ry" not in str(caught.value)


# The deadline


def test_one_part_is_tried_however_little_time_is_left(rig: Rig) -> None:
    upload = rig.store.upload()
    rig.clock.step = 10.0
    moved = rig.move(rig.job(upload), workers=1, deadline=Deadline(ManualClock(), 1_001.0))
    assert [part.number for part in moved] == [1]


def test_parts_that_would_not_finish_are_not_begun(rig: Rig) -> None:
    rig.clock.step = 1.0
    moved = rig.move(rig.job(rig.store.upload()), workers=1, deadline=Deadline(ManualClock(), 1_004.0))
    assert [part.number for part in moved] == [1]
    assert len(rig.server.requests) == 1


def test_parts_that_will_finish_are_moved(rig: Rig) -> None:
    rig.clock.step = 1.0
    moved = rig.move(rig.job(rig.store.upload()), workers=1, deadline=Deadline(ManualClock(), 1_010.0))
    assert len(moved) == PLAN.count


def test_a_deadline_in_the_middle_of_a_part_ends_the_pass_without_error(rig: Rig) -> None:
    upload = rig.store.upload()
    assert rig.move(rig.job(upload), workers=2, deadline=over()) == []
    assert rig.store.archive.parts(KEY, upload) == {}


# Verification and memory


def test_a_part_that_s3_stored_otherwise_than_sent_is_refused() -> None:
    sent = UploadedPart(1, 3, '"e"', crc(b"one"))
    assert verified(sent, crc(b"one")) == sent
    assert verified(UploadedPart(1, 3, '"e"', None), crc(b"one")) == sent
    with pytest.raises(TransferError, match="part 1"):
        verified(sent, crc(b"two"))


def test_no_part_is_ever_held_whole(rig: Rig) -> None:
    content = bytes(16 * MIB)
    rig.server.script = origin(content)
    upload = rig.store.upload()
    plan = PartPlan(len(content), 16 * MIB)
    tracemalloc.start()
    try:
        multipart_upload_stream(rig.mover(1), rig.job(upload, source(len(content))), plan, [1], no_hurry(), rig.stats)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(content) // 2


def test_a_whole_piece_below_the_threshold_is_not_held_either(rig: Rig) -> None:
    content = bytes(16 * MIB)
    rig.server.script = origin(content)
    job = DirectJob(KEY, source(len(content)), ATTRIBUTES)
    tracemalloc.start()
    try:
        direct_upload_stream(rig.mover(1), job, rig.server.url, no_hurry(), rig.stats)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(content) // 2


# The other ways


@pytest.mark.parametrize(
    ("described", "way"),
    [
        (source(0), Way.DIRECT),
        (source(100), Way.DIRECT),
        (source(100, ranges=False), Way.DIRECT),
        (source(101), Way.MULTIPART),
        (source(101, ranges=False), Way.SEQUENTIAL),
        (source(None), Way.SEQUENTIAL),
    ],
)
def test_the_way_is_chosen_by_what_the_source_says(described: Source, way: Way) -> None:
    assert choose_way(described, 100) is way


def _direct(rig: Rig, deadline: Deadline | None = None) -> str:
    job = DirectJob(KEY, source(len(CONTENT)), ATTRIBUTES)
    return direct_upload_stream(rig.mover(), job, rig.server.url, deadline or no_hurry(), rig.stats)


def test_a_small_piece_goes_into_one_object(rig: Rig) -> None:
    assert _direct(rig) == crc(CONTENT)
    stored = rig.store.objects()[KEY]
    assert (stored.path.read_bytes(), stored.checksums["CRC64NVME"]) == (CONTENT, crc(CONTENT))
    assert len(rig.server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, {"ETag": '"v1"'}, CONTENT[:-1], chunked=True), TruncatedBody),
        (Answer(200, {"ETag": '"v1"'}, CONTENT + b"x", chunked=True), TruncatedBody),
        (Answer(200, {"ETag": '"v2"'}, CONTENT), SourceChanged),
        (Answer(403), UrlExpired),
    ],
)
def test_a_small_piece_that_is_not_whole_is_no_object(rig: Rig, answer: Answer, expected: type[Exception]) -> None:
    rig.server.script = lambda request: answer
    with pytest.raises(expected):
        _direct(rig)
    assert rig.store.objects() == {}


def test_a_small_piece_leaves_a_taken_key_alone(rig: Rig) -> None:
    rig.store.put(b"old")
    with pytest.raises(KeyTaken):
        _direct(rig)
    assert rig.store.objects()[KEY].path.read_bytes() == b"old"


def test_a_small_piece_is_given_up_at_the_deadline(rig: Rig) -> None:
    with pytest.raises(DeadlineReached):
        _direct(rig, over())
    assert rig.store.objects() == {}


def _sequential(rig: Rig, upload: UploadId, planned: Source, deadline: Deadline | None = None) -> list[UploadedPart]:
    job = rig.job(upload, planned)
    return sequential_upload_stream(rig.mover(), job, rig.server.url, deadline or no_hurry(), rig.stats)


@pytest.mark.parametrize("size", [1, UNKNOWN_SIZE_PART - 1, UNKNOWN_SIZE_PART, UNKNOWN_SIZE_PART + 1])
def test_a_stream_of_unknown_length_becomes_parts(rig: Rig, size: int) -> None:
    content = b"x" * size
    rig.server.script = lambda request: Answer(200, {"ETag": '"v1"'}, content, chunked=True)
    upload = rig.store.upload()
    parts = _sequential(rig, upload, source(None, ranges=False))
    assert [part.number for part in parts] == list(range(1, -(-size // UNKNOWN_SIZE_PART) + 1))
    assert sum(part.size for part in parts) == size
    assert list(rig.store.archive.parts(KEY, upload).values()) == parts
    assert combine((part.crc64nvme or "", part.size) for part in parts) == crc(content)


def test_the_first_byte_of_a_stream_is_timed(rig: Rig) -> None:
    def slow(request: Request) -> Answer:
        rig.clock.time += 3
        return Answer(200, {"ETag": '"v1"'}, b"x", chunked=True)

    rig.server.script = slow
    _sequential(rig, rig.store.upload(), source(None, ranges=False))
    assert rig.stats.time_to_first_byte == 3


def test_an_empty_stream_has_no_parts(rig: Rig) -> None:
    rig.server.script = lambda request: Answer(200, {"ETag": '"v1"'}, b"", chunked=True)
    assert _sequential(rig, rig.store.upload(), source(None, ranges=False)) == []


def test_a_stream_that_states_its_length_has_to_keep_it(rig: Rig) -> None:
    rig.server.script = lambda request: Answer(200, {"ETag": '"v1"'}, CONTENT[:-1], chunked=True)
    with pytest.raises(TruncatedBody):
        _sequential(rig, rig.store.upload(), source(len(CONTENT), ranges=False))


def test_a_stream_that_one_invocation_cannot_finish_is_a_failed_medium(rig: Rig) -> None:
    with pytest.raises(RangesUnsupported, match="one invocation is too short"):
        _sequential(rig, rig.store.upload(), source(len(CONTENT), ranges=False), over())
