"""The lease of a run on a medium: what begins anew with it, lost answers, and how it is given back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import CredentialsExpired
from cloud_sync_common.models import MediaId, Status
from sandbox.gopro.messages import Request, Response
from tests.support.kill_switch import Killed
from tests.support.pipeline import PART, World, make_file, make_medium, source, world

ID = "b" * 24


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", 100_000)


def lose_answers(account: World, count: int) -> None:
    """The first answers to UpdateItem are lost; botocore sends the very same request again, behind our back."""
    told: list[int] = []

    def lose(**_: Any) -> float | None:
        told.append(1)
        return 0 if len(told) <= count else None

    events: Any = account.table._client.meta.events
    events.register_first("needs-retry.dynamodb.UpdateItem", lose)


def test_stalled_passes_of_an_earlier_run_do_not_count_in_this_one(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART + 5)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        for run_id in ("run-1", "run-2"):
            outcomes = [account.download(ID, run_id=run_id, seconds=0)["outcome"] for _ in range(3)]
            assert outcomes == ["CONTINUE", "CONTINUE", "FAILED"]


def test_bytes_of_an_earlier_run_do_not_count_in_this_one(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 5 * PART)
    with world(tmp_path, make_medium(ID, source(path)), bytes_per_function=PART) as account:
        first, _ = account.download(ID)["ranges"]
        account.upload(first | {"last_part": first["first_part"]})
        assert account.download(ID)["outcome"] == "TRANSFER"
        assert account.medium_row(ID)["bytes_transferred"] == PART
        account.ledger.end("run-1", {"status": "FAILED"})
        for event in account.download(ID, run_id="run-2")["ranges"]:
            account.upload(event)
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert account.medium_row(ID)["bytes_transferred"] == 4 * PART


def test_a_claim_whose_answer_was_lost_is_recognised_as_our_own(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        lose_answers(account, 1)
        assert account.download(ID)["outcome"] == "COMPLETED"
        row = account.medium_row(ID)
        assert (row["generation"], row["completed_run_id"]) == (2, "run-1")
        assert row["bytes_transferred"] == path.stat().st_size


def test_a_medium_that_another_run_claims_first_is_busy(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.tracker.claim(
            MediaId(ID), seen=0, owner="run-0", now=account.clock.now, expires=account.clock.now + 900, facts={}
        )
        assert account.download(ID)["outcome"] == "BUSY"
        assert account.medium_row(ID)["lease_owner"] == "run-0"


def test_a_medium_whose_failure_was_recorded_before_its_first_claim_can_be_claimed_by_the_same_run(
    tmp_path: Path, path: Path
) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        facts = {"reason": "Runtime.ExitError: the function did not finish"}
        assert account.tracker.fail_unfinished(MediaId(ID), run_id="run-1", seen=0, now=1, facts=facts)
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert "reason" not in account.medium_row(ID)


def test_the_time_of_a_transfer_is_that_of_all_its_passes(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART)
    with world(tmp_path, make_medium(ID, source(path)), bytes_per_function=PART) as account:
        for event in account.download(ID)["ranges"]:
            account.upload(event)
        account.clock.now += 3_600
        assert account.download(ID)["outcome"] == "COMPLETED"
        (document,) = account.emitted()
        assert document["TransferDuration"] == 3_600


def test_the_time_of_a_transfer_does_not_begin_in_an_earlier_run(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="PutObject")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        account.ledger.end("run-1", {"status": "ABANDONED"})
        account.clock.now += 3_600
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        (document,) = account.emitted()
        assert document["TransferDuration"] < 600


def test_cookies_that_expire_while_a_404_is_looked_into_give_the_lease_back(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        statuses = {f"/media/{ID}/download": 404, f"/media/{ID}": 401}

        def expire(request: Request) -> Response | None:
            return Response(statuses[request.path]) if request.path in statuses else None

        account.gopro_behaviour = expire
        with pytest.raises(CredentialsExpired):
            account.download(ID)
        row = account.medium_row(ID)
        assert row["status"] == "LISTED"
        assert not {"lease_owner", "run_id", "attempts"} & set(row)


def test_a_stopped_run_leaves_an_archived_medium_archived(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        account.tracker.forget_synced(MediaId(ID))
        account.gopro_behaviour = lambda request: Response(401) if request.path.startswith("/media/") else None
        with pytest.raises(CredentialsExpired):
            account.download(ID, run_id="run-2")
        row = account.medium_row(ID)
        assert (row["status"], row["completed_run_id"]) == (Status.COMPLETED, "run-1")
        assert not {"lease_owner", "run_id", "synced_signature"} & set(row)
