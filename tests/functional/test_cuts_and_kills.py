"""Whatever way a file is cut, shared out, killed and taken up again: the same object, and nothing is sent twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_sync_common.models import MediaId, PieceId
from cloud_sync_common.rules.events import DownloadEvent, parse_upload
from cloud_sync_common.services.archiving.work import TransferLimits
from cloud_sync_common.transfer import planning
from cloud_sync_common.transfer.checksums import Crc64Nvme
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.planning import PartPlan
from sandbox.gopro.library import Library
from tests.support.adapters import ADAPTERS
from tests.support.clocks import ManualClock
from tests.support.kill_switch import Killed
from tests.support.pipeline import BUCKET, MIB, World, make_file, make_medium, source, world

SIZES = (10 * MIB - 1, 10 * MIB, 10 * MIB + 1, 17 * MIB + 12_345)
NEVER = 1_000_000
_NUMBERS = itertools.count(1)


@dataclass
class Doom(ManualClock):
    """A clock at whose ``looks``-th reading the process dies: between any two buffers, parts or requests."""

    looks: int = NEVER

    def __call__(self) -> float:
        self.looks -= 1
        if self.looks <= 0:
            raise Killed
        return super().__call__()

    def deadline(self) -> Deadline:
        return Deadline(self, self.time + 600)


@dataclass(frozen=True)
class Way:
    """How a file travels: ``kills`` are the looks at the clock after which each invocation dies, in turn."""

    size: int
    part_size: int
    functions: int
    bytes_per_function: int
    workers: int
    kills: list[int]
    is_reversed: bool


@dataclass
class Journey:
    """One medium on its way, with what S3 was sent for it."""

    account: World
    path: Path
    media_id: str
    kills: Iterator[int]
    plans: dict[str, int] = field(default_factory=dict)

    def go(self, way: Way) -> None:
        """Invoke what a workflow invokes, and again what died, until the medium is archived."""
        for _ in range(len(way.kills) + 30):
            result = self.invoke(self.download)
            if result is None:
                continue
            if result["outcome"] == "COMPLETED":
                return
            for event in sorted(result["ranges"], key=lambda each: int(each["first_part"]), reverse=way.is_reversed):
                self.invoke(lambda doom, event=event: self.upload(doom, event))
        raise AssertionError("the medium does not end")

    def invoke(self, action: Any) -> dict[str, Any] | None:
        """One invocation, ``None`` if it died; whatever S3 held before it is not sent again."""
        held = self.held()
        before = len(self.sent())
        doom = Doom(looks=next(self.kills, NEVER))
        try:
            result: dict[str, Any] = action(doom)
        except Killed:
            result = {}
        assert not held & set(self.sent()[before:])
        self.held()
        return result or None

    def download(self, doom: Doom) -> dict[str, Any]:
        event = DownloadEvent("run-1", MediaId(self.media_id), "GX010001.MP4", None, None)
        return self.account.downloader().run(event, doom.deadline(), 600)

    def upload(self, doom: Doom, event: dict[str, Any]) -> dict[str, Any]:
        return self.account.uploader().run(parse_upload(event), doom.deadline())

    def sent(self) -> list[int]:
        """The parts that S3 was sent so far, whole or not."""
        calls = [call for call in self.account.s3.requests if f"/{self.media_id}/" in call.key]
        return [int(call.parameters["partNumber"]) for call in calls if call.operation == "UploadPart"]

    def held(self) -> set[int]:
        """The parts that S3 holds; each has the bytes that the upload's first plan gave it."""
        found = set()
        row = self.account.tracker.piece(MediaId(self.media_id), PieceId("source-1")) or {}
        for upload in self.account.s3.open_uploads(BUCKET):
            if row.get("upload_id") != upload.upload_id:
                continue
            part_size = self.plans.setdefault(upload.upload_id, row["part_size"])
            plan = PartPlan(self.path.stat().st_size, part_size)
            listed = self.account.client().list_parts(Bucket=BUCKET, Key=upload.key, UploadId=upload.upload_id)
            for part in listed.get("Parts", []):
                assert part["Size"] == plan.part(part["PartNumber"]).size
                found.add(int(part["PartNumber"]))
        return found


@pytest.fixture(name="account", params=ADAPTERS)
def _account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as account:
        account.adapter = request.param
        yield account


ways = st.builds(
    Way,
    size=st.sampled_from(SIZES),
    part_size=st.sampled_from([5 * MIB, 6 * MIB, 8 * MIB]),
    functions=st.integers(1, 4),
    bytes_per_function=st.integers(5 * MIB, 20 * MIB),
    workers=st.integers(1, 3),
    kills=st.lists(st.integers(1, 120), max_size=5),
    is_reversed=st.booleans(),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(way=ways)
def test_the_same_object_whichever_way_it_came_and_no_part_twice(account: World, tmp_path: Path, way: Way) -> None:
    path = make_file(tmp_path / f"{way.size}" / "GX010001.MP4", way.size)
    media_id = f"{next(_NUMBERS):024x}"
    account.gopro.replace_library(Library((make_medium(media_id, source(path)),)))
    account.list_media()
    account.workers = way.workers
    account.limits = TransferLimits(5 * MIB, way.bytes_per_function, way.functions, "STANDARD")
    journey = Journey(account, path, media_id, iter(way.kills))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "USUAL_MIN_PART", way.part_size)
        journey.go(way)
    (stored,) = [found for found in account.objects() if f"/{media_id}/" in found.key]
    content = path.read_bytes()
    whole = Crc64Nvme()
    whole.update(content)
    row = account.piece_row(media_id)
    assert stored.path.read_bytes() == content
    assert row["crc64nvme"] == stored.checksums["CRC64NVME"] == whole.base64
    assert set(journey.plans.values()) <= {way.part_size} == {row["part_size"]}
    assert account.s3.open_uploads(BUCKET) == []
