"""Media that are archived already and looked at again: nothing is copied that is there, nothing is believed unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sync_common.models import MediaId
from sandbox.gopro.library import Library, SimPiece
from tests.support.kill_switch import Killed
from tests.support.pipeline import PART, World, make_file, make_medium, source, world

ID = "b" * 24


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", 100_000)


def look_again(account: World, run_id: str = "run-2") -> str:
    """What ``{"relist": true}`` does to a medium, and the pass of the run that asks for it."""
    account.tracker.forget_synced(MediaId(ID))
    return str(account.download(ID, run_id=run_id)["outcome"])


def test_an_archived_medium_is_looked_at_in_s3_and_not_copied_again(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        heads = account.calls("HeadObject")
        assert look_again(account) == "ALREADY_SYNCED"
        assert account.calls("HeadObject") == heads + 1
        assert account.calls("PutObject") == 1
        row = account.medium_row(ID)
        assert (row["status"], row["completed_run_id"], row["run_id"]) == ("COMPLETED", "run-1", "run-2")
        assert account.download(ID, run_id="run-3")["outcome"] == "ALREADY_SYNCED"
        assert account.calls("HeadObject") == heads + 1


def test_looking_again_is_no_second_success_in_the_metrics(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        look_again(account)
        assert len(account.emitted()) == 1


def test_looking_again_in_two_passes_is_no_second_success_either(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        account.kill.arm(1, after=True, operation="HeadObject")
        with pytest.raises(Killed):
            look_again(account)
        account.kill.disarm()
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert len(account.emitted()) == 1
        assert account.medium_row(ID)["completed_run_id"] == "run-1"


@pytest.mark.parametrize("size", [100_000, PART + 5], ids=["direct", "multipart"])
def test_an_object_that_is_missing_is_copied_again(tmp_path: Path, size: int) -> None:
    path = make_file(tmp_path / "GX010001.MP4", size)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        account.lose_the_objects()
        assert look_again(account) == "COMPLETED"
        (stored,) = account.objects()
        assert stored.path.read_bytes() == path.read_bytes()
        assert account.piece_row(ID)["version_id"] == stored.version_id


@pytest.mark.parametrize("size", [100_000, PART + 5], ids=["direct", "multipart"])
def test_a_missing_object_whose_copy_was_cut_off_is_not_taken_for_proven(tmp_path: Path, size: int) -> None:
    path = make_file(tmp_path / "GX010001.MP4", size)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        account.lose_the_objects()
        account.kill.arm(1, after=False, operation="UploadPart" if size > PART else "PutObject")
        with pytest.raises(Killed):
            look_again(account)
        account.kill.disarm()
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        (stored,) = account.objects()
        assert stored.path.read_bytes() == path.read_bytes()


def test_a_piece_that_an_earlier_run_proved_is_looked_at_once_in_a_run(tmp_path: Path) -> None:
    first = make_file(tmp_path / "GX010001.MP4", 1_000)
    second = make_file(tmp_path / "second.mp4", 3 * PART, seed=2)
    with world(tmp_path, make_medium(ID, source(first), source(second, 2)), bytes_per_function=PART) as account:
        first_range, _ = account.download(ID)["ranges"]
        account.upload(first_range | {"last_part": first_range["first_part"]})
        heads = account.calls("HeadObject")
        assert account.download(ID)["outcome"] == "TRANSFER"
        assert account.calls("HeadObject") == heads + 1
        account.ledger.end("run-1", {"status": "FAILED"})
        assert account.download(ID, run_id="run-2")["outcome"] == "TRANSFER"
        assert account.calls("HeadObject") == heads + 3


def test_an_unchanged_proxy_that_is_looked_at_again_is_already_synced(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, SimPiece("high_res_proxy_mp4", path, 1, "mp4"))) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        row = account.medium_row(ID)
        assert (row["fallback"], row["completed_run_id"]) == (True, "run-1")
        assert len(account.emitted()) == 1
        assert account.calls("PutObject") == 1


def test_a_medium_that_gopro_deleted_after_it_was_archived_stays_archived(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        account.gopro.replace_library(Library((make_medium(ID, source(path), deleted=True),)))
        assert look_again(account) == "ALREADY_SYNCED"
        row = account.medium_row(ID)
        assert (row["status"], row["completed_run_id"]) == ("COMPLETED", "run-1")
        assert "note" not in row
        assert len(account.objects()) == 1


def test_a_medium_that_is_gone_keeps_no_reason_of_an_earlier_failure(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), deleted=True)) as account:
        facts = {"reason": "KeyConflict: old story", "attempts": 3}
        account.tracker.fail_unfinished(MediaId(ID), run_id="run-0", seen=0, now=1, facts=facts)
        assert account.download(ID)["outcome"] == "SOURCE_DELETED"
        row = account.medium_row(ID)
        assert row["note"] == "source_deleted"
        assert not {"reason", "attempts"} & set(row)
