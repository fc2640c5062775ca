"""The protocol of design.md 5 under kills, lost answers and two workers (faults F31, F36, F37, F39, F44 to F49)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import ArchiveUnavailable, CloudSyncError, LeaseLost
from sandbox.gopro.library import Library
from sandbox.gopro.messages import Request, Response
from sandbox.s3.behaviour import Drop, Hold, Rule, Stage, rules
from tests.support.kill_switch import Killed
from tests.support.pipeline import BUCKET, PART, World, make_file, make_medium, source, world

ID = "b" * 24


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", PART + 4321)


def assert_archived_once(account: World, path: Path, media_id: str = ID) -> None:
    """The promise: one object, identical bytes, a true row, nothing left open."""
    (stored,) = [each for each in account.objects() if f"/{media_id}/" in each.key]
    assert stored.path.read_bytes() == path.read_bytes()
    row = account.piece_row(media_id)
    assert (row["status"], row["crc64nvme"], row["size"]) == ("COMPLETED", stored.checksums["CRC64NVME"], stored.size)
    assert account.medium_row(media_id)["status"] == "COMPLETED"
    assert account.s3.open_uploads(BUCKET) == []


def test_f47_killed_between_complete_and_the_tracker_the_next_pass_recognises_the_object(
    tmp_path: Path, path: Path
) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=True, operation="CompleteMultipartUpload")
        with pytest.raises(Killed):
            account.download(ID)
        assert account.piece_row(ID)["status"] == "IN_PROGRESS"
        account.kill.disarm()
        parts = account.calls("UploadPart")
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("UploadPart") == parts
        assert_archived_once(account, path)


def test_f36_a_lost_answer_of_complete_is_no_failure(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("CompleteMultipartUpload", Stage.ANSWER, Drop(), nth=1))
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("CompleteMultipartUpload") == 1
        assert_archived_once(account, path)


def test_a_lost_answer_of_put_is_no_failure(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 200_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("PutObject", Stage.ANSWER, Drop(), nth=1))
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert_archived_once(account, path)


def test_a_complete_that_never_arrived_is_tried_again_by_the_next_pass(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("CompleteMultipartUpload", Stage.REQUEST, Drop(), nth=1))
        with pytest.raises(ArchiveUnavailable):
            account.download(ID)
        parts = account.calls("UploadPart")
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("UploadPart") == parts
        assert_archived_once(account, path)


def test_f44_the_upload_id_is_known_before_the_first_part(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="UploadPart")
        with pytest.raises(Killed):
            account.download(ID)
        (upload,) = account.s3.open_uploads(BUCKET)
        assert account.piece_row(ID)["upload_id"] == upload.upload_id


def test_an_upload_that_nobody_wrote_down_is_aborted_by_the_next_pass(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=True, operation="CreateMultipartUpload")
        with pytest.raises(Killed):
            account.download(ID)
        assert len(account.s3.open_uploads(BUCKET)) == 1
        account.kill.disarm()
        account.download(ID)
        assert_archived_once(account, path)


def test_f39_an_upload_swept_away_is_opened_anew_by_the_next_pass(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(2, after=False, operation="UploadPart")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        (upload,) = account.s3.open_uploads(BUCKET)
        account.client().abort_multipart_upload(Bucket=BUCKET, Key=upload.key, UploadId=upload.upload_id)
        with pytest.raises(ArchiveUnavailable, match="the next pass looks why"):
            account.download(ID)
        assert account.s3.open_uploads(BUCKET) == []
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert_archived_once(account, path)


def test_a_killed_pass_is_continued_with_only_the_missing_parts(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART + 1)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.workers = 1
        account.kill.arm(3, after=False, operation="UploadPart")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        sent = account.calls("UploadPart")
        assert sent == 2
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("UploadPart") == 4
        assert_archived_once(account, path)


def test_f31_a_foreign_object_under_the_key_is_a_conflict_and_stays(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        key = f"gopro-videos/2024/03/{ID}/GX010001.MP4"
        account.client().put_object(Bucket=BUCKET, Key=key, Body=b"mine")
        assert account.download(ID)["outcome"] == "FAILED"
        assert account.medium_row(ID)["reason"].startswith("KeyConflict")
        assert account.objects()[0].path.read_bytes() == b"mine"


def test_a_foreign_object_that_appears_during_the_upload_is_a_conflict_and_stays(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        put: list[int] = []

        def put_in_between(stage: Stage, call: Any) -> None:
            if stage == Stage.REQUEST and call.operation == "CompleteMultipartUpload" and not put:
                put.append(1)
                account.client().put_object(Bucket=BUCKET, Key=call.key, Body=b"mine")

        account.s3_behaviour = put_in_between
        assert account.download(ID)["outcome"] == "FAILED"
        assert account.medium_row(ID)["reason"].startswith("KeyConflict")
        assert account.objects()[0].path.read_bytes() == b"mine"
        assert account.s3.open_uploads(BUCKET) == []


def test_f46_a_second_run_finds_the_medium_busy_and_does_nothing(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        gate = threading.Event()
        reached = threading.Event()
        account.s3_behaviour = hold_first_complete(reached, gate)
        results: list[Any] = []
        first = threading.Thread(target=lambda: results.append(account.download(ID)))
        first.start()
        assert reached.wait(30)
        assert account.download(ID, run_id="run-2")["outcome"] == "BUSY"
        gate.set()
        first.join(30)
        assert results[0]["outcome"] == "COMPLETED"
        assert_archived_once(account, path)


def test_f49_an_expired_lease_is_taken_and_the_late_writer_loses(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        gate = threading.Event()
        reached = threading.Event()
        account.s3_behaviour = hold_first_complete(reached, gate)
        errors: list[BaseException] = []

        def late() -> None:
            try:
                account.download(ID)
            except CloudSyncError as error:
                errors.append(error)

        writer = threading.Thread(target=late)
        writer.start()
        assert reached.wait(30)
        account.clock.now += 100_000
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        row, piece = account.medium_row(ID), account.piece_row(ID)
        gate.set()
        writer.join(30)
        assert [type(error) for error in errors] == [LeaseLost]
        assert (account.medium_row(ID), account.piece_row(ID)) == (row, piece)
        assert row["generation"] == 2
        assert_archived_once(account, path)


def test_a_lease_of_a_run_that_is_known_to_be_over_needs_no_waiting(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="UploadPart")
        with pytest.raises(Killed):
            account.download(ID, run_id="run-1")
        account.kill.disarm()
        assert account.download(ID, run_id="run-2")["outcome"] == "BUSY"
        account.ledger.end("run-1", {"status": "ABANDONED"})
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert_archived_once(account, path)


def test_a_retry_of_the_same_run_claims_again_at_once(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="UploadPart")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.medium_row(ID)["generation"] == 2


def test_f09_a_source_that_changes_during_the_upload_is_planned_anew(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        changed = make_file(tmp_path / "new" / "GX010001.MP4", PART + 999, seed=9)
        swapped: list[int] = []

        def swap(request: Request) -> Response | None:
            if "Range" in request.headers and not swapped:
                swapped.append(1)
                account.gopro.replace_library(Library((make_medium(ID, source(changed)),)))
                return request.proceed()
            return None

        account.workers = 1
        account.gopro_behaviour = swap
        with pytest.raises(CloudSyncError) as caught:
            account.download(ID)
        assert type(caught.value).__name__ == "SourceChanged"
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.piece_row(ID)["restarts"] == 1
        assert_archived_once(account, changed)


def test_f30_a_source_changed_after_archiving_goes_beside_the_old_one(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        changed = make_file(tmp_path / "new" / "GX010001.MP4", 5000, seed=9)
        account.gopro.replace_library(Library((make_medium(ID, source(changed)),)))
        account.list_media()
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        contents = {item.path.read_bytes() for item in account.objects()}
        assert contents == {path.read_bytes(), changed.read_bytes()}
        row = account.piece_row(ID)
        assert row["superseded_keys"] == [f"gopro-videos/2024/03/{ID}/GX010001.MP4"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("size", [70_000, PART + 1], ids=["direct", "multipart"])
def test_killed_at_every_aws_call_the_next_pass_ends_with_one_proven_object(
    tmp_path: Path, size: int, after: bool
) -> None:
    path = make_file(tmp_path / "GX010001.MP4", size)
    with world(tmp_path, threshold=100_000) as account:
        account.workers = 1
        points = 1
        while killed_at(points, account, path, after=after):
            points += 1
        assert points > 8
        assert len(account.objects()) == points


def killed_at(point: int, account: World, path: Path, *, after: bool) -> bool:
    """Kill the pass over a medium that no other point has, and prove the next one; false if it made fewer calls."""
    medium = make_medium(f"{point:024x}", source(path))
    account.gopro.replace_library(Library((medium,)))
    account.list_media()
    account.kill.arm(point, after=after)
    try:
        account.download(medium.media_id)
    except Killed:
        account.kill.disarm()
        assert account.download(medium.media_id)["outcome"] in ("COMPLETED", "ALREADY_SYNCED")
        assert_archived_once(account, path, medium.media_id)
        assert sum(f"/{medium.media_id}/" in record.key for record in account.records()) == 1
        return True
    return False


def hold_first_complete(reached: threading.Event, gate: threading.Event) -> Any:
    """Let the first Complete wait, carried out by nobody, until the gate opens."""
    taken: list[int] = []

    def behave(stage: Stage, call: Any) -> Hold | None:
        if stage == Stage.REQUEST and call.operation == "CompleteMultipartUpload" and not taken:
            taken.append(1)
            reached.set()
            return Hold(gate)
        return None

    return behave
