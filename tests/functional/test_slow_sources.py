"""Parts that one invocation cannot move: planned anew with smaller ones, and both facts kept in the tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import LeaseLost
from cloud_sync_common.models import MediaId, SecretUrl
from cloud_sync_common.rules.events import DownloadEvent, parse_upload
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.planning import PartPlan
from cloud_sync_common.transfer.ports import SourceAnswer, SourceTransport
from sandbox.s3.behaviour import Stage
from tests.support.clocks import ManualClock
from tests.support.kill_switch import Killed
from tests.support.pipeline import BUCKET, MIB, PART, World, make_file, make_medium, source, world

ID = "b" * 24
CRAWLING, SLOW, MIDDLING, FAST = 3, 9, 20, 1_000
"""MiB that an invocation can move: less than any part, less than a usual part, one and a bit, all."""

MIB_SECONDS = 100.0
"""What each of them takes on the clock: longer than anything really waits."""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", 2 * PART)


class Metered:
    """The source's side of an adapter, whose bytes are what makes time pass."""

    def __init__(self, transport: SourceTransport) -> None:
        self._transport = transport
        self.clock = ManualClock()

    def request(self, method: str, url: SecretUrl, headers: Mapping[str, str]) -> SourceAnswer:
        """See ``SourceTransport``."""
        return _MeteredAnswer(self._transport.request(method, url, headers), self.clock)


class _MeteredAnswer:
    def __init__(self, answer: SourceAnswer, clock: ManualClock) -> None:
        self._answer, self._clock = answer, clock
        self.status, self.headers = answer.status, answer.headers
        self.until, self.close = answer.until, answer.close

    def read(self, amount: int) -> bytes:
        data = self._answer.read(amount)
        self._clock.advance(len(data) / MIB * MIB_SECONDS)
        return data

    def fill(self, view: memoryview) -> int:
        filled = self._answer.fill(view)
        self._clock.advance(filled / MIB * MIB_SECONDS)
        return filled


def lasting(account: World, most: int, whole: int = 0) -> Deadline:
    """A deadline that comes after so many MiB, however fast this machine is."""
    account.workers = 1
    account.mover(account.archive())
    (made,) = account.adapters
    metered = made.transport if isinstance(made.transport, Metered) else Metered(made.transport)
    account.adapters[0] = replace(made, transport=metered)
    return Deadline(metered.clock, metered.clock.time + most * MIB_SECONDS, whole * MIB_SECONDS)


def download(account: World, most: int, *, run_id: str = "run-1", whole: int = 0) -> dict[str, Any]:
    event = DownloadEvent(run_id, MediaId(ID), "GX010001.MP4", None, None)
    deadline = lasting(account, most, whole)
    return account.downloader().run(event, deadline, 600)


def upload(account: World, event: dict[str, Any], most: int) -> str:
    deadline = lasting(account, most)
    return str(account.uploader().run(parse_upload(event), deadline)["outcome"])


def finish(account: World, most: int) -> int:
    """Pass after pass until the medium is archived; how many it took."""
    for passes in range(1, 20):
        outcome = download(account, most)["outcome"]
        if outcome == "COMPLETED":
            return passes
        assert outcome == "CONTINUE"
    raise AssertionError("the medium does not end")


def assert_archived(account: World, path: Path) -> None:
    (stored,) = account.objects()
    assert stored.path.read_bytes() == path.read_bytes()
    assert account.s3.open_uploads(BUCKET) == []


def open_upload(account: World) -> str:
    (found,) = account.s3.open_uploads(BUCKET)
    assert account.piece_row(ID).get("upload_id") in (None, found.upload_id)
    return found.upload_id


def facts(account: World) -> tuple[Any, ...]:
    row = account.piece_row(ID)
    return tuple(row.get(name) for name in ("replans", "restart_reason", "aborted_upload_id", "part_size"))


def test_parts_that_no_invocation_can_move_are_made_smaller_and_the_tracker_says_so(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        created: list[str] = []
        account.s3_behaviour = lambda _stage, _call: created.extend(_ids(account, created))
        assert download(account, SLOW)["outcome"] == "CONTINUE"
        assert account.s3.open_uploads(BUCKET) == []
        assert account.medium_row(ID)["stalled_passes"] == 0
        assert account.piece_row(ID)["part_limit"] == 5 * MIB
        assert finish(account, SLOW) <= 8
        assert facts(account) == (1, "PartTooLarge", created[0], 5 * MIB)
        assert_archived(account, path)


def _ids(account: World, known: list[str]) -> list[str]:
    return [found.upload_id for found in account.s3.open_uploads(BUCKET) if found.upload_id not in known]


def test_one_slow_pass_throws_no_part_away(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        stored: list[str] = []
        account.s3_behaviour = lambda stage, call: stored.extend([call.operation] if stage is Stage.COMMIT else [])
        assert download(account, MIDDLING)["outcome"] == "CONTINUE"
        first = open_upload(account)
        assert download(account, SLOW)["outcome"] == "CONTINUE"
        assert (open_upload(account), account.medium_row(ID)["stalled_passes"]) == (first, 1)
        assert finish(account, FAST) == 1
        assert stored.count("UploadPart") == PartPlan(path.stat().st_size, PART).count
        assert facts(account) == (0, None, None, PART)
        assert_archived(account, path)


def test_a_second_slow_pass_in_a_row_does(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        download(account, MIDDLING)
        first = open_upload(account)
        for _ in range(2):
            assert download(account, SLOW)["outcome"] == "CONTINUE"
        assert facts(account) == (1, "PartTooLarge", first, None)
        finish(account, SLOW)
        assert facts(account) == (1, "PartTooLarge", first, 5 * MIB)
        assert_archived(account, path)


def test_an_invocation_that_had_no_time_left_says_nothing_about_the_plan(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        assert download(account, SLOW, whole=3 * SLOW)["outcome"] == "CONTINUE"
        assert facts(account)[:3] == (0, None, None)
        open_upload(account)


def test_parts_that_cannot_be_smaller_end_in_a_failure_that_says_so(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        outcomes = [download(account, CRAWLING)["outcome"] for _ in range(4)]
        assert outcomes == ["CONTINUE", "CONTINUE", "CONTINUE", "FAILED"]
        reason = "NoProgress: 3 passes in a row moved nothing: no part of 5242880 bytes fits into an invocation"
        assert account.medium_row(ID)["reason"] == reason
        assert download(account, FAST, run_id="run-2")["outcome"] == "COMPLETED"


def test_another_run_plans_as_if_the_connection_were_good(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        download(account, SLOW)
        account.ledger.end("run-1", {"status": "ABANDONED"})
        assert download(account, FAST, run_id="run-2")["outcome"] == "COMPLETED"
        row = account.piece_row(ID)
        assert (row["replans"], row["part_size"], row["restart_reason"]) == (0, PART, "PartTooLarge")
        assert "part_limit" not in row


def test_a_piece_too_large_for_one_put_goes_in_parts(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path)), threshold=4 * PART) as account:
        assert download(account, SLOW)["outcome"] == "CONTINUE"
        finish(account, SLOW)
        assert facts(account) == (1, "PartTooLarge", None, 5 * MIB)
        assert account.calls("CreateMultipartUpload") == 1
        assert_archived(account, path)


def test_another_run_goes_on_with_the_parts_of_a_piece_too_large_for_one_put(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path)), threshold=4 * PART) as account:
        for _ in range(3):
            assert download(account, SLOW)["outcome"] == "CONTINUE"
        first, sent = open_upload(account), account.calls("UploadPart")
        account.ledger.end("run-1", {"status": "ABANDONED"})
        assert download(account, SLOW, run_id="run-2")["outcome"] == "CONTINUE"
        assert download(account, FAST, run_id="run-2")["outcome"] == "COMPLETED"
        assert (account.calls("CreateMultipartUpload"), facts(account)[3]) == (1, 5 * MIB)
        assert account.calls("UploadPart") > sent
        assert first not in [found.upload_id for found in account.s3.open_uploads(BUCKET)]
        assert_archived(account, path)


def test_what_other_functions_could_not_move_is_noticed_by_the_next_pass(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART + 1)
    with world(tmp_path, make_medium(ID, source(path)), bytes_per_function=PART) as account:
        handed_over = download(account, FAST)
        assert handed_over["outcome"] == "TRANSFER"
        first = open_upload(account)
        assert [upload(account, event, SLOW) for event in handed_over["ranges"]] == ["PARTIAL", "PARTIAL"]
        assert download(account, SLOW)["outcome"] == "CONTINUE"
        assert facts(account)[:3] == (1, "PartTooLarge", first)
        handed_over = download(account, FAST)
        assert handed_over["outcome"] == "TRANSFER"
        assert [upload(account, event, FAST) for event in handed_over["ranges"]] == ["UPLOADED", "UPLOADED"]
        assert download(account, FAST)["outcome"] == "COMPLETED"
        assert facts(account) == (1, "PartTooLarge", first, 5 * MIB)
        assert_archived(account, path)


def test_after_a_pass_that_helped_out_work_is_handed_over_again(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 4 * PART)
    with world(tmp_path, make_medium(ID, source(path)), bytes_per_function=PART) as account:
        assert download(account, FAST)["outcome"] == "TRANSFER"
        assert download(account, MIDDLING)["outcome"] == "CONTINUE"
        assert download(account, FAST)["outcome"] == "TRANSFER"
        assert account.medium_row(ID)["stalled_passes"] == 0


def test_a_plan_is_void_in_the_tracker_before_its_upload_is_aborted(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="AbortMultipartUpload")
        with pytest.raises(Killed):
            download(account, SLOW)
        account.kill.disarm()
        assert "upload_id" not in account.piece_row(ID)
        first = open_upload(account)
        finish(account, FAST)
        assert facts(account) == (1, "PartTooLarge", first, 5 * MIB)
        assert_archived(account, path)


def test_a_late_worker_does_not_plan_anew_what_its_successor_works_on(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        taken: list[int] = []

        def claim_meanwhile(_stage: Any, call: Any) -> None:
            if call.operation == "UploadPart" and not taken:
                taken.append(1)
                facts = {"run_id": "run-1"}
                account.tracker.claim(MediaId(ID), seen=1, owner="run-1", now=1, expires=2_000_000_000, facts=facts)

        account.s3_behaviour = claim_meanwhile
        with pytest.raises(LeaseLost):
            download(account, SLOW)
        open_upload(account)
