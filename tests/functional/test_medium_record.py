"""``medium.json`` in the archive: beside the pieces, proven, never overwritten, never in the way of originals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import ArchiveUnavailable, LeaseLost
from cloud_sync_common.models import MediaId
from sandbox.gopro.library import Library, SimPiece
from sandbox.gopro.messages import Request, Response
from sandbox.s3.behaviour import Drop, Rule, Stage, rules
from tests.support.kill_switch import Killed
from tests.support.pipeline import World, make_file, make_medium, source, world

ID = "d" * 24
PREFIX = f"gopro-videos/2024/03/{ID}"


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", 200_000)


def is_record_call(request: Request) -> bool:
    return request.path == f"/media/{ID}"


def titled(account: World, path: Path, title: str) -> None:
    """GoPro's record of the medium has another title now."""
    one = make_medium(ID, source(path), extra={"content_title": title})
    account.gopro.replace_library(Library((one,)))


def again(account: World, run_id: str) -> str:
    account.tracker.forget_synced(MediaId(ID))
    return str(account.download(ID, run_id=run_id)["outcome"])


def moments(*times: int) -> Any:
    """GoPro's answer about HiLight tags."""
    body = json.dumps({"_embedded": {"moments": [{"id": str(time), "time": time} for time in times]}}).encode()

    def behaviour(request: Request) -> Response | None:
        if request.path.startswith(f"/media/{ID}/moments"):
            return Response(200, {"Content-Type": "application/json"}, body)
        return None

    return behaviour


def test_what_gopro_knows_is_archived_beside_the_pieces_and_proven_like_them(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), extra={"content_title": "Été"})) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        (stored,) = account.records()
        assert stored.key == f"{PREFIX}/medium.json"
        document = json.loads(stored.path.read_text("utf-8"))
        assert document["medium"]["content_title"] == "Été"
        assert document["medium"]["camera_model"] == "HERO12 Black"
        assert stored.content_type == "application/json"
        assert stored.storage_class == "STANDARD"
        assert (stored.metadata["piece"], stored.metadata["quality"]) == ("record-1", "record")
        row = account.piece_row(ID, "record-1")
        assert (row["status"], row["key"], row["size"]) == ("COMPLETED", stored.key, stored.size)
        assert row["crc64nvme"] == stored.checksums["CRC64NVME"]
        assert (row["label"], row["quality"]) == ("record", "record")


def test_nothing_of_the_account_is_in_it(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        text = account.records()[0].path.read_text("utf-8")
        assert '"id": "dddd' in text
        for secret in ("token", "eyJ", "user_id", "folder_path", "://"):
            assert secret not in text


def test_hilight_tags_are_in_it(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), extra={"moments_count": 2})) as account:
        account.gopro_behaviour = moments(9_000, 1_000)
        account.download(ID)
        assert json.loads(account.records()[0].path.read_text())["hilights_ms"] == [1_000, 9_000]


def test_hilight_tags_that_gopro_does_not_tell_keep_nothing_else_from_being_kept(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), extra={"moments_count": 2})) as account:
        account.gopro_behaviour = lambda request: Response(404) if "moments" in request.path else None
        account.download(ID)
        assert json.loads(account.records()[0].path.read_text())["hilights_ms"] is None


def test_a_record_that_changed_goes_beside_the_first_and_both_stay(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        first = account.records()[0].path.read_bytes()
        titled(account, path, "Sunday")
        again(account, "run-2")
        stored = {item.key: item.path.read_bytes() for item in account.records()}
        (later,) = set(stored) - {f"{PREFIX}/medium.json"}
        assert stored[f"{PREFIX}/medium.json"] == first
        assert later == f"{PREFIX}/medium.{hashlib.sha256(stored[later]).hexdigest()[:10]}.json"
        assert json.loads(stored[later])["medium"]["content_title"] == "Sunday"
        assert account.piece_row(ID, "record-1")["superseded_keys"] == [f"{PREFIX}/medium.json"]
        assert "superseded" not in account.medium_row(ID)
        titled(account, path, "Monday")
        again(account, "run-3")
        assert len(account.records()) == 3


def test_an_unchanged_record_is_written_once_however_often_it_is_looked_at(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        assert [again(account, f"run-{run}") for run in (2, 3)] == ["ALREADY_SYNCED"] * 2
        assert len(account.records()) == 1
        assert account.calls("PutObject") == 1


@pytest.mark.parametrize("answer", [Response(500), Response(404), Response(200, {}, b"[]"), Response(400)])
def test_a_record_that_cannot_be_had_loses_no_original_and_is_asked_for_again(
    tmp_path: Path, path: Path, answer: Response
) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at="2020-01-01T00:00:00Z")) as account:
        account.gopro_behaviour = lambda request: answer if is_record_call(request) else None
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
        assert account.records() == []
        row = account.medium_row(ID)
        assert row["side_files_missing"][0].startswith("record-1: ")
        assert row["side_files_due"] > account.clock.now
        account.gopro_behaviour = None
        account.download(ID, run_id="run-2")
        assert len(account.records()) == 1
        assert not {"side_files_due", "side_files_missing"} & set(account.medium_row(ID))


def test_killed_right_after_the_record_was_written_the_next_pass_recognises_it(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(2, after=True, operation="PutObject")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert len(account.records()) == 1
        assert account.piece_row(ID, "record-1")["status"] == "COMPLETED"


def test_a_lost_answer_to_the_records_put_is_found_out_by_the_next_pass(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("PutObject", Stage.ANSWER, Drop(), nth=2))
        with pytest.raises(ArchiveUnavailable):
            account.download(ID)
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert len(account.records()) == 1
        assert account.piece_row(ID, "record-1")["status"] == "COMPLETED"


def test_something_else_under_its_name_is_never_overwritten(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.client().put_object(Bucket="archive", Key=f"{PREFIX}/medium.json", Body=b"mine")
        assert account.download(ID)["outcome"] == "FAILED"
        assert account.medium_row(ID)["reason"].startswith("KeyConflict")
        assert {item.path.read_bytes() for item in account.records()} == {b"mine"}
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


def test_a_late_worker_writes_no_record(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:

        def claimed_meanwhile(request: Request) -> Response | None:
            if is_record_call(request):
                row = account.medium_row(ID)
                facts = {"run_id": "run-1"}
                account.tracker.claim(
                    MediaId(ID), seen=row["generation"], owner="run-1", now=1, expires=2_000_000_000, facts=facts
                )
            return None

        account.gopro_behaviour = claimed_meanwhile
        with pytest.raises(LeaseLost):
            account.download(ID)
        assert account.records() == []


def test_the_record_of_a_medium_that_is_not_ready_is_not_asked_for(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), ready_to_view="transcoding")) as account:
        asked: list[str] = []

        def watch(request: Request) -> Response | None:
            asked.append(request.path)
            return None

        account.gopro_behaviour = watch
        account.download(ID)
        assert asked == []


def test_too_little_time_for_the_record_is_the_next_pass_business(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        # The original is archived and proven, and its record is all that is left.
        account.s3_behaviour = rules(Rule("PutObject", Stage.ANSWER, Drop(), nth=2))
        with pytest.raises(ArchiveUnavailable):
            account.download(ID)
        account.s3_behaviour = None
        asked = len(account.gopro.requests)
        assert account.download(ID, seconds=0)["outcome"] == "CONTINUE"
        assert not any(each.path == f"/media/{ID}" for each in account.gopro.requests[asked:])
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert len(account.records()) == 1


def test_a_medium_that_each_run_looks_at_for_its_original_has_no_new_record_each_time(
    tmp_path: Path, path: Path
) -> None:
    def as_proxy(title: str) -> Library:
        proxy = SimPiece("high_res_proxy_mp4", path, 1, "mp4")
        return Library((make_medium(ID, proxy, extra={"content_title": title}),))

    with world(tmp_path) as account:
        for run_id, title in (("run-1", "one"), ("run-2", "two"), ("run-3", "three")):
            account.gopro.replace_library(as_proxy(title))
            account.list_media()
            account.download(ID, run_id=run_id)
        assert account.medium_row(ID)["fallback"]
        assert len(account.records()) == 1
        again(account, "run-4")
        assert len(account.records()) == 2
