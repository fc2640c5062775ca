"""Whatever a connection can do, above a floor: every piece ends. Passes over parts that are only counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import event, given, settings
from hypothesis import strategies as st

from cloud_sync_common.edges.archive import Archive, ArchivedObject, UploadedPart
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.models import ObjectKey, Source, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.attributes import TOKEN
from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.multipart import MultipartArchiver
from cloud_sync_common.services.archiving.work import Advance, PieceRow, PieceWork, Target, TransferLimits
from cloud_sync_common.services.passes import stalled_after
from cloud_sync_common.transfer.engine import PartMover
from cloud_sync_common.transfer.planning import MIB, MIN_PART, Part, PartPlan, plan_parts
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.urls import PieceUrls
from tests.support.clocks import no_hurry
from tests.support.media import medium, piece

GIB = 1024 * MIB
KEY, TOKEN_OF_PIECE = ObjectKey("k"), "t"
EMPTY_CRC = "AAAAAAAAAAA="
MOST_REPLANS = 10

sizes = st.one_of(st.integers(100 * MIB, GIB), st.integers(1, 40 * MIB))


@dataclass
class Counted:
    """An archive that only knows which parts it has, with the line to it: bytes that a worker moves in an invocation.

    Stands for ``Archive`` and ``PartMover``.
    """

    speeds: Iterator[int]
    uploads: dict[str, dict[int, UploadedPart]] = field(default_factory=dict)
    held: ArchivedObject | None = None
    opened: int = 0
    tracing: Tracing = field(default_factory=lambda: Tracing({}))

    def create_upload(self, _key: str, _attributes: Any) -> UploadId:
        self.opened += 1
        self.uploads[f"u{self.opened}"] = {}
        return UploadId(f"u{self.opened}")

    def open_uploads(self, _key: str) -> list[str]:
        return list(self.uploads)

    def parts(self, _key: str, upload_id: str) -> dict[int, UploadedPart]:
        return dict(self.uploads[upload_id])

    def abort(self, _key: str, upload_id: str) -> None:
        del self.uploads[upload_id]

    def complete(self, _key: str, upload_id: str, parts: list[UploadedPart], size: int, crc64nvme: str) -> None:
        assert parts == [self.uploads[upload_id][number] for number in range(1, len(parts) + 1)]
        del self.uploads[upload_id]
        self.held = ArchivedObject(size, crc64nvme, {TOKEN: TOKEN_OF_PIECE}, None)

    def head(self, _key: str) -> ArchivedObject | None:
        return self.held

    def move(self, job: Any, parts: Iterable[Part], _deadline: Any, stats: TransferStats) -> list[UploadedPart]:
        """One worker: parts as long as they fit, then the deadline in the middle of one."""
        left, done = next(self.speeds), []
        for part in parts:
            if part.size > left:
                stats.best_unfinished = left
                break
            left -= part.size
            done.append(UploadedPart(part.number, part.size, "e", EMPTY_CRC))
        self.uploads[job.upload_id].update({part.number: part for part in done})
        return done


@dataclass
class NoTable:
    """A tracker that remembers nothing: the piece's row in memory is enough."""

    def write_piece(self, *_arguments: Any) -> None:
        """Nothing to keep."""


@dataclass
class Line:
    """A piece of ``size`` bytes on its way, as passes and, where it is shared out, other functions bring it on."""

    counted: Counted
    size: int
    limits: TransferLimits
    row: dict[str, Any] = field(default_factory=dict)
    stalled: int = 0

    def advance(self) -> Advance:
        """One pass."""
        work = PieceWork(
            medium(),
            "s",
            piece(),
            self.row,
            1,
            "run-1",
            PieceUrls(piece(), dict),
            no_hurry(),
            TransferStats(),
            None,
            self.stalled,
        )
        archive, mover = cast("Archive", self.counted), cast("PartMover", self.counted)
        row = PieceRow(cast("Tracker", NoTable()), lambda: "now")
        archiver = MultipartArchiver(archive, row, mover, Completion(archive, row, Tracing({})), self.limits)
        advance = archiver.by_range(work, Target(KEY, Source(self.size, '"v"', ranges=True), TOKEN_OF_PIECE), self.size)
        self.stalled = stalled_after(self.stalled, advance.moved, advance)
        self.share_out(advance)
        return advance

    def share_out(self, advance: Advance) -> None:
        """What the functions do that it was handed over to."""
        if not advance.ranges:
            return
        plan, upload_id = PartPlan(self.size, self.row["part_size"]), self.row["upload_id"]
        job = type("Job", (), {"upload_id": upload_id})
        for work in advance.ranges:
            there = self.counted.uploads[upload_id]
            missing = [plan.part(number) for number in range(work.first, work.last + 1) if number not in there]
            self.counted.move(job, missing, None, TransferStats())


def speeds_above_the_floor(size: int, drawn: list[float]) -> Iterator[int]:
    """Bytes that one invocation moves: at least one smallest part; after those drawn, a quarter of the piece."""
    yield from (MIN_PART + int(share * 300 * MIB) for share in drawn)
    while True:
        yield MIN_PART + size // 4


@given(
    sizes,
    st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.05, 0.2, 0.5, 1.0]), min_size=4, max_size=30),
    st.sampled_from([1, 2, 5]),
    st.sampled_from([20 * MIB, 200 * MIB, 64 * GIB]),
)
@settings(deadline=None, max_examples=300)
def test_above_the_speed_that_carries_one_smallest_part_every_piece_ends(
    size: int, speeds: list[float], functions: int, bytes_per_function: int
) -> None:
    counted = Counted(speeds_above_the_floor(size, speeds))
    line = Line(counted, size, TransferLimits(MIN_PART, bytes_per_function, functions, "STANDARD"))
    for _ in range(len(speeds) + 20):
        advance = line.advance()
        assert line.stalled <= 1
        if advance.done:
            break
    assert advance.done
    assert counted.held is not None
    assert counted.held.size == size
    assert counted.uploads == {}
    assert line.row.get("replans", 0) == counted.opened - 1 <= MOST_REPLANS
    event(f"replans: {line.row.get('replans', 0)}")


@given(st.integers(MIN_PART + 1, GIB), st.integers(0, MIN_PART - 1))
def test_below_it_the_plan_has_the_smallest_parts_and_passes_count_as_stalled(size: int, speed: int) -> None:
    line = Line(Counted(iter([speed] * 20)), size, TransferLimits(MIN_PART, 64 * GIB, 1, "STANDARD"))
    while line.stalled < 3:
        assert not line.advance().done
    if speed > 0:
        assert line.row["part_size"] == min(plan_parts(size).part_size, MIN_PART)
    else:
        assert line.row["part_size"] == plan_parts(size).part_size
