"""Uploads that end without us: completed behind our back, swept away, or never to be completed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import ArchiveUnavailable, LeaseLost
from cloud_sync_common.models import MediaId
from sandbox.s3.behaviour import Rule, Stage, rules
from sandbox.s3.errors import S3Error
from tests.support.kill_switch import Killed
from tests.support.pipeline import BUCKET, PART, World, make_file, make_medium, source, world

ID = "b" * 24


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", PART + 4321)


def complete(account: World, row: dict[str, Any]) -> None:
    """Complete the upload that a piece's row names, as a request does that was long under way."""
    client = account.client()
    upload = {"Bucket": BUCKET, "Key": row["key"], "UploadId": row["upload_id"]}
    names = ("PartNumber", "ETag", "ChecksumCRC64NVME")
    parts = [{name: part[name] for name in names} for part in client.list_parts(**upload)["Parts"]]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")


def test_an_upload_that_was_completed_between_head_and_list_parts_is_not_sent_again(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.kill.arm(1, after=False, operation="CompleteMultipartUpload")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        sent = account.calls("UploadPart")
        landed: list[int] = []

        def land(stage: Stage, call: Any) -> None:
            if (stage, call.operation) == (Stage.REQUEST, "ListParts") and not landed:
                landed.append(1)
                complete(account, account.piece_row(ID))

        account.s3_behaviour = land
        with pytest.raises(ArchiveUnavailable):
            account.download(ID)
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("UploadPart") == sent
        assert len(account.objects()) == 1


REFUSALS = ["BadDigest", "InvalidRequest", "InvalidPart", "NoSuchUpload", "ConditionalRequestConflict"]


@pytest.mark.parametrize("code", REFUSALS)
def test_an_upload_that_s3_will_not_complete_is_given_up_and_made_anew(tmp_path: Path, path: Path, code: str) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("CompleteMultipartUpload", Stage.COMMIT, S3Error(code), nth=1))
        with pytest.raises(ArchiveUnavailable, match="the next pass makes a new one"):
            account.download(ID)
        assert not {"upload_id", "part_size"} & set(account.piece_row(ID))
        assert account.s3.open_uploads(BUCKET) == []
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_complete_whose_object_is_there_after_all_is_recognised(
    tmp_path: Path, path: Path, code: str
) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("CompleteMultipartUpload", Stage.ANSWER, S3Error(code), nth=1))
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("CompleteMultipartUpload") == 1
        assert account.s3.open_uploads(BUCKET) == []


@pytest.mark.parametrize("code", ["BadDigest", "ConditionalRequestConflict"])
def test_a_late_worker_does_not_abort_the_upload_of_its_successor(tmp_path: Path, path: Path, code: str) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        claimed: list[int] = []

        def claim_meanwhile(stage: Stage, call: Any) -> S3Error | None:
            if (stage, call.operation) != (Stage.COMMIT, "CompleteMultipartUpload") or claimed:
                return None
            claimed.append(1)
            row = account.medium_row(ID)
            facts = {"run_id": "run-1"}
            account.tracker.claim(
                MediaId(ID), seen=row["generation"], owner="run-1", now=1, expires=2_000_000_000, facts=facts
            )
            return S3Error(code)

        account.s3_behaviour = claim_meanwhile
        with pytest.raises(LeaseLost):
            account.download(ID)
        assert len(account.s3.open_uploads(BUCKET)) == 1
        sent = account.calls("UploadPart")
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("UploadPart") == sent


def test_an_upload_is_forgotten_in_the_tracker_before_it_is_aborted(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.s3_behaviour = rules(Rule("CompleteMultipartUpload", Stage.COMMIT, S3Error("BadDigest"), nth=1))
        account.kill.arm(1, after=False, operation="AbortMultipartUpload")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        assert "upload_id" not in account.piece_row(ID)
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.s3.open_uploads(BUCKET) == []
