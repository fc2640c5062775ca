"""Correct bytes, or a typed error and nothing visible; and whatever happened, the passes after it finish the file.

Any size, number of workers, way and schedule of faults, kills and deadlines, over the whole of a pass: GoPro, tracker,
services, engine, S3. On a scale of KiB in place of MiB (``engine.thousandth``): hundreds of files, all with parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from cloud_sync_common.errors import CloudSyncError
from cloud_sync_common.models import MediaId, ObjectKey, PieceId, UploadId
from cloud_sync_common.rules.events import DownloadEvent
from sandbox.gopro.library import Library
from sandbox.s3.behaviour import Drop, Stage
from sandbox.s3.errors import S3Error
from tests.support.adapters import ADAPTERS
from tests.support.clocks import no_hurry
from tests.support.engine import Steps, dying, thousandth
from tests.support.engine_faults import Bucket, Case, Cdn, Fault, Kind, S3Fault
from tests.support.kill_switch import Killed
from tests.support.pipeline import TABLE, World, make_file, make_medium, source, world

KIB = 1024
PHASES = [phase for phase in Phase if phase is not Phase.explain]
"""To explain takes minutes and says little of a schedule of faults."""
THRESHOLD = 24 * KIB
MOST = 400 * KIB
MOST_PASSES = 12
_media = count(1)


OPERATIONS = (
    *("UploadPart", "UploadPart", "PutObject", "CreateMultipartUpload", "CompleteMultipartUpload"),
    *("HeadObject", "ListParts", "AbortMultipartUpload"),
)
S3_FAULTS = st.builds(
    S3Fault,
    st.sampled_from(OPERATIONS),
    st.sampled_from(list(Stage)),
    st.sampled_from([S3Error("SlowDown"), S3Error("InternalError"), S3Error("BadDigest"), Drop()]),
    st.integers(1, 12),
)
SIZES = st.one_of(
    st.integers(0, MOST),
    st.sampled_from([0, 1, THRESHOLD, THRESHOLD + 1, *(n * 16 * KIB + by for n in (1, 2, 7, 8) for by in (-1, 0, 1))]),
)
CASES = st.builds(
    Case,
    size=SIZES,
    workers=st.integers(1, 8),
    kind=st.sampled_from([Kind.RANGES, Kind.RANGES, *Kind]),
    source=st.dictionaries(st.integers(1, 30), st.sampled_from(Fault), max_size=12),
    s3=st.lists(S3_FAULTS, max_size=6).map(tuple),
    killed_at=st.none() | st.tuples(st.integers(1, 60), st.booleans()),
    dies_at=st.none() | st.integers(0, MOST),
    deadline=st.none() | st.integers(1, 250),
)


@pytest.fixture(scope="module", params=ADAPTERS)
def account(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("engine")
    with thousandth(), world(root, threshold=THRESHOLD, bytes_per_function=96 * KIB, max_functions=3) as made:
        made.adapter, made.workers = request.param, 8
        # botocore's own tries wait in real time.
        made.clients[3] = made.client(attempts=1)
        yield made


@pytest.fixture(scope="module")
def forget(account: World) -> Callable[[], None]:
    """Empty the tracker: moto copies its whole table for each transaction."""
    client = boto3.client("dynamodb", region_name="us-east-1")

    def empty() -> None:
        for item in client.scan(TableName=TABLE)["Items"]:
            client.delete_item(TableName=TABLE, Key={name: item[name] for name in ("media_id", "record")})

    return empty


@settings(max_examples=30, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=CASES)
def test_correct_bytes_or_a_typed_error_and_then_correct_bytes(
    account: World, forget: Callable[[], None], case: Case
) -> None:
    forget()
    trial = Trial(account, case)
    trial.first_pass()
    trial.later_passes()


class Trial:
    """One case, over a medium that no other one has."""

    def __init__(self, account: World, case: Case) -> None:
        self._account, self._case = account, case
        self._id = f"{next(_media):024x}"
        self._path = make_file(account.root / self._id / "GX010001.MP4", case.size, seed=case.size)
        medium = make_medium(self._id, source(self._path))
        account.gopro_behaviour = account.s3_behaviour = None
        account.gopro.replace_library(Library((medium,)))
        account.list_media()
        self._path_bytes = self._path.read_bytes()

    def first_pass(self) -> None:
        """Under all the case's faults: whatever is visible then is right."""
        account, case = self._account, self._case
        account.gopro_behaviour = Cdn(case).answer
        account.s3_behaviour = Bucket(case, self._id).act
        account.workers = case.workers
        if case.killed_at:
            account.kill.arm(case.killed_at[0], after=case.killed_at[1])
        whole = account._adapter()
        if case.dies_at is not None:
            account.adapters[0] = dying(whole, case.dies_at, lambda: account.kill.arm(1, after=False))
        try:
            outcome = self._pass("run-1", case.deadline)
        except Killed:
            outcome = "killed"
        except CloudSyncError as error:
            outcome = type(error).__name__
        finally:
            account.kill.disarm()
            account.adapters[0] = whole
        event(outcome)
        self._nothing_wrong_is_visible()

    def later_passes(self) -> None:
        """Without faults, by another run: finished soon, and nothing is sent twice that S3 has."""
        account = self._account
        account.gopro_behaviour = Cdn(Case(0, 1, self._case.kind)).answer
        account.s3_behaviour = None
        account.ledger.end("run-1", {"status": "ABANDONED"})
        for _ in range(MOST_PASSES):
            held, seen = self._held(), len(account.s3.requests)
            outcome = self._pass("run-2")
            self._nothing_wrong_is_visible()
            self._nothing_was_sent_twice(held, seen)
            if outcome not in ("CONTINUE", "TRANSFER"):
                break
        self._finished_as(outcome)

    def _pass(self, run: str, readings: int | None = None) -> str:
        """The downloader, and the uploaders that it calls for; returns its outcome."""
        deadline = no_hurry() if readings is None else Steps.deadline(readings)
        asked = DownloadEvent(run, MediaId(self._id), "GX010001.MP4", None, None)
        result = self._account.downloader().run(asked, deadline, 600)
        for part_range in result["ranges"]:
            self._account.upload(part_range)
        return str(result["outcome"])

    def _objects(self) -> list[Any]:
        return [found for found in self._account.objects() if f"/{self._id}/" in found.key]

    def _nothing_wrong_is_visible(self) -> None:
        for found in self._objects():
            assert found.path.read_bytes() == self._path_bytes

    def _held(self) -> tuple[str | None, set[int]]:
        """The open upload that the tracker knows, and what ListParts shows of it."""
        row = self._account.tracker.piece(MediaId(self._id), PieceId("source-1")) or {}
        upload = row.get("upload_id")
        if upload is None:
            return None, set()
        return upload, set(self._account.archive().parts(ObjectKey(row["key"]), UploadId(upload)))

    def _nothing_was_sent_twice(self, held: tuple[str | None, set[int]], seen: int) -> None:
        calls = [call for call in self._account.s3.requests[seen:] if f"/{self._id}/" in call.key]
        if any(call.operation == "CreateMultipartUpload" for call in calls):
            return
        # What a killed pass has begun may be logged late; it was never a part.
        taken = [call for call in calls if call.operation == "UploadPart" and call.status == 200]
        sent = [int(call.parameters["partNumber"]) for call in taken]
        assert not held[1] & set(sent)
        assert len(sent) == len(set(sent))

    def _finished_as(self, outcome: str) -> None:
        if not self._case.size:
            # GoPro serving nothing is either no file yet or an empty original that the listing knows.
            assert outcome in ("COMPLETED", "ALREADY_SYNCED", "NOT_READY", "FAILED")
            return
        assert outcome in ("COMPLETED", "ALREADY_SYNCED")
        (stored,) = self._objects()
        row = self._account.piece_row(self._id)
        assert (row["status"], row["crc64nvme"], row["size"]) == (
            "COMPLETED",
            stored.checksums["CRC64NVME"],
            self._case.size,
        )
        assert all(f"/{self._id}/" not in upload.key for upload in self._account.s3.open_uploads("archive"))
