"""Sources that become other bytes while they are copied, or after."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import LeaseLost, SourceChanged
from cloud_sync_common.models import MediaId
from cloud_sync_common.services.archiving.piece_archiver import MAX_RESTARTS
from sandbox.gopro.library import Library
from sandbox.gopro.messages import Request, Response
from sandbox.s3.behaviour import Stage
from tests.support.adapters import ADAPTERS
from tests.support.kill_switch import Killed
from tests.support.pipeline import BUCKET, PART, World, make_file, make_medium, source, world

ID = "b" * 24


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", PART + 5)


def change(path: Path, seed: int) -> None:
    """Other bytes under the same name; size and date, so the validator too, are others."""
    make_file(path, PART + 5 + seed, seed=seed)
    os.utime(path, (1_600_000_000 + seed, 1_600_000_000 + seed))


def change_often(account: World, path: Path) -> None:
    """Passes of one run that each find another source than the pass before, which was killed while it uploaded."""
    for seed in range(MAX_RESTARTS + 2):
        change(path, seed)
        account.kill.arm(1, after=False, operation="UploadPart")
        try:
            account.download(ID)
        except Killed:
            assert seed <= MAX_RESTARTS
        account.kill.disarm()


def test_a_source_that_changes_too_often_fails_the_medium_and_leaves_no_upload(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        change_often(account, path)
        row = account.medium_row(ID)
        assert (row["status"], row["reason"].partition(":")[0]) == ("FAILED", "NoProgress")
        assert account.s3.open_uploads(BUCKET) == []
        assert account.piece_row(ID)["restarts"] == MAX_RESTARTS + 1


def test_the_next_run_copies_a_source_that_changed_too_often_once_it_is_stable(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        change_often(account, path)
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


def test_a_further_pass_of_the_same_run_goes_on_with_the_plan_that_was_written_last(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        change_often(account, path)
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


def test_changes_of_an_earlier_run_are_not_counted_in_this_one(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        for run in range(MAX_RESTARTS + 2):
            change(path, run)
            account.kill.arm(1, after=False, operation="UploadPart")
            with pytest.raises(Killed):
                account.download(ID, run_id=f"run-{run}")
            account.kill.disarm()
            account.ledger.end(f"run-{run}", {"status": "ABANDONED"})
        assert account.piece_row(ID)["restarts"] == 1
        assert account.download(ID, run_id="run-last")["outcome"] == "COMPLETED"


def test_a_plan_is_given_up_in_the_tracker_before_its_upload_is_aborted(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="UploadPart")
        with pytest.raises(Killed):
            account.download(ID)
        change(path, 3)
        account.kill.arm(1, after=False, operation="AbortMultipartUpload")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        assert not {"upload_id", "token", "part_size"} & set(account.piece_row(ID))
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.s3.open_uploads(BUCKET) == []


def claim_meanwhile(account: World) -> None:
    """Another function of the run claims the medium: the one at work is late from here on."""
    row = account.medium_row(ID)
    account.tracker.claim(
        MediaId(ID), seen=row["generation"], owner="run-1", now=1, expires=2_000_000_000, facts={"run_id": "run-1"}
    )


def test_a_late_worker_whose_source_changed_aborts_no_upload(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        claimed: list[int] = []

        def refuse(request: Request) -> Response | None:
            if "If-Match" not in request.headers:
                return None
            if not claimed:
                claimed.append(1)
                claim_meanwhile(account)
            return Response(412)

        account.workers = 1
        account.gopro_behaviour = refuse
        with pytest.raises(LeaseLost):
            account.download(ID)
        assert len(account.s3.open_uploads(BUCKET)) == 1


def test_a_late_worker_that_has_no_upload_yet_aborts_not_that_of_its_successor(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        opened: list[str] = []

        def open_another(stage: Stage, call: Any) -> None:
            if (stage, call.operation) == (Stage.REQUEST, "ListMultipartUploads") and not opened:
                claim_meanwhile(account)
                created = account.client().create_multipart_upload(
                    Bucket=BUCKET, Key=call.key or account.piece_row(ID)["key"]
                )
                opened.append(created["UploadId"])

        account.s3_behaviour = open_another
        with pytest.raises(LeaseLost):
            account.download(ID)
        assert opened[0] in {upload.upload_id for upload in account.s3.open_uploads(BUCKET)}


def test_a_source_that_changes_during_the_upload_raises_once_and_counts_once(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        refused: list[int] = []

        def refuse(request: Request) -> Response | None:
            if "If-Match" not in request.headers or refused:
                return None
            refused.append(1)
            change(path, 4)
            return Response(412)

        account.workers = 1
        account.gopro_behaviour = refuse
        with pytest.raises(SourceChanged):
            account.download(ID)
        assert account.piece_row(ID)["restarts"] == 1
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.piece_row(ID)["restarts"] == 1


# A URL that expires in the middle of a file


def expire(account: World, part: int, then: Callable[[], None]) -> list[str]:
    """Refuse the URL once, when the ``part``-th range is asked for; which questions GoPro's API was asked."""
    ranges, questions = itertools.count(1), list[str]()

    def refuse(request: Request) -> Response | None:
        if request.path.endswith("/download"):
            questions.append(request.path)
        if "If-Match" in request.headers and next(ranges) == part:
            then()
            return Response(403)
        return None

    account.workers = 1
    account.gopro_behaviour = refuse
    return questions


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_url_that_expires_is_asked_for_again_and_only_the_rest_is_sent(tmp_path: Path, adapter: str) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.adapter = adapter
        questions = expire(account, 2, lambda: None)
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert len(questions) == 2
        assert account.calls("UploadPart") == 3
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
        assert account.piece_row(ID)["restarts"] == 0


@pytest.mark.parametrize("longer", [0, 7], ids=["same size", "another size"])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_fresh_url_of_another_file_voids_the_plan_and_the_tracker_says_so(
    tmp_path: Path, path: Path, adapter: str, longer: int
) -> None:
    changed = make_file(tmp_path / "new" / "GX010001.MP4", PART + 5 + longer, seed=8)
    os.utime(changed, (1_600_000_000, 1_600_000_000))
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.adapter = adapter
        opened: list[str] = []

        def hand_out_another() -> None:
            opened.extend(upload.upload_id for upload in account.s3.open_uploads(BUCKET))
            account.gopro.replace_library(Library((make_medium(ID, source(changed)),)))

        expire(account, 2, hand_out_another)
        with pytest.raises(SourceChanged):
            account.download(ID)
        assert account.s3.open_uploads(BUCKET) == []
        assert account.download(ID)["outcome"] == "COMPLETED"
        row = account.piece_row(ID)
        assert (row["restarts"], row["restart_reason"], row["part_size"]) == (1, "SourceChanged", PART)
        assert [row["aborted_upload_id"]] == opened
        (stored,) = account.objects()
        assert stored.path.read_bytes() == changed.read_bytes()


def archive_again(account: World, path: Path, run: int) -> str:
    """Another version of the source in a run of its own; where it is archived."""
    change(path, run)
    account.tracker.forget_synced(MediaId(ID))
    assert account.download(ID, run_id=f"run-{run}")["outcome"] == "COMPLETED"
    return str(account.piece_row(ID)["key"])


def test_versions_of_a_source_lie_beside_each_other_and_their_names_do_not_grow(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        keys = [archive_again(account, path, run) for run in range(1, 5)]
        assert len(set(keys)) == len(account.objects()) == 4
        assert {key.rpartition("/")[0] for key in keys} == {f"gopro-videos/2024/03/{ID}"}
        assert max(key.count(".changed-") for key in keys) == 1
        assert account.piece_row(ID)["superseded_keys"] == keys[:-1]
        assert account.medium_row(ID)["superseded"] == 3


def test_a_newer_version_goes_beside_the_kept_key_even_if_the_medium_is_dated_anew(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        first = archive_again(account, path, 1)
        listed = account.medium_row(ID)["medium"]
        facts = {"medium": {**listed, "captured_at": "2023-01-01T00:00:00Z"}, "listed_at": "later"}
        account.tracker.record_listing(MediaId(ID), facts)
        second = archive_again(account, path, 2)
        assert second != first
        assert second.rpartition("/")[0] == first.rpartition("/")[0]


@pytest.mark.parametrize(
    "listed", [{"extra": {"revision_number": 1}}, {"extra": {"reprocessed_at": "2026-05-05T00:00:00Z"}}, {}]
)
def test_a_medium_that_the_listing_shows_as_changed_is_archived_beside_the_old_one_and_both_stay(
    tmp_path: Path, path: Path, listed: dict[str, Any]
) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        old = path.read_bytes()
        change(path, 7)
        account.gopro.replace_library(Library((make_medium(ID, source(path), **listed),)))
        account.list_media()
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert [item.path.read_bytes() for item in account.objects()] in (
            [old, path.read_bytes()],
            [path.read_bytes(), old],
        )
        assert account.medium_row(ID)["superseded"] == 1
        assert account.download(ID, run_id="run-3")["outcome"] == "ALREADY_SYNCED"


def test_a_medium_whose_listing_changed_and_whose_bytes_did_not_is_copied_once(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        account.gopro.replace_library(Library((make_medium(ID, source(path), extra={"revision_number": 1}),)))
        account.list_media()
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert len(account.objects()) == 1
        assert "superseded" not in account.medium_row(ID)
        assert len(account.records()) == 2
