"""What the mission asks of the video downloader, one behaviour a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud_sync_common.errors import CredentialsExpired, RunStopped
from cloud_sync_common.models import MediaId
from sandbox.gopro.library import Library, SimPiece
from sandbox.gopro.messages import FileSlice, Request, Response
from tests.support.pipeline import MIB, PART, make_file, make_medium, source, world

ID = "a" * 24


def test_a_small_video_goes_direct_and_ends_completed_with_identical_bytes(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 300_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        result = account.download(ID)
        assert result["outcome"] == "COMPLETED"
        assert result["summary"] == {"media_id": ID, "outcome": "COMPLETED"}
        (stored,) = account.objects()
        assert stored.key == f"gopro-videos/2024/03/{ID}/GX010001.MP4"
        assert stored.path.read_bytes() == path.read_bytes()
        assert account.calls("PutObject") == 1
        assert account.calls("CreateMultipartUpload") == 0


def test_a_large_video_goes_in_parts_and_its_whole_checksum_is_what_was_streamed(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 2 * PART + 77)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        (stored,) = account.objects()
        assert stored.path.read_bytes() == path.read_bytes()
        assert stored.checksum_type == "FULL_OBJECT"
        row = account.piece_row(ID)
        assert row["crc64nvme"] == stored.checksums["CRC64NVME"]
        assert account.calls("UploadPart") == 3
        assert account.s3.open_uploads("archive") == []


@pytest.mark.parametrize(("size", "direct"), [(8 * MIB - 1, True), (8 * MIB, True), (8 * MIB + 1, False)])
def test_the_threshold_belongs_to_the_direct_way(tmp_path: Path, size: int, direct: bool) -> None:
    path = make_file(tmp_path / "GX010001.MP4", size)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("PutObject") == (1 if direct else 0)
        assert account.objects()[0].size == size


def test_every_chapter_is_a_piece_and_the_medium_is_completed_only_with_all(tmp_path: Path) -> None:
    first = make_file(tmp_path / "GX010001.MP4", 1000, seed=1)
    second = make_file(tmp_path / "second.mp4", 2000, seed=2)
    with world(tmp_path, make_medium(ID, source(first, 1), source(second, 2))) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        stored = {item.key.rpartition("/")[2]: item.path.read_bytes() for item in account.objects()}
        assert stored == {"GX010001.MP4": first.read_bytes(), "GX020001.MP4": second.read_bytes()}
        assert account.medium_row(ID)["piece_count"] == 2 + len(account.records())


def test_the_object_says_where_it_came_from(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 300_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        (stored,) = account.objects()
        assert stored.metadata["source-media-id"] == ID
        assert stored.metadata["provider"] == "gopro"
        assert stored.metadata["quality"] == "source"
        assert stored.metadata["original-filename"] == "GX010001.MP4"
        assert stored.metadata["camera-model"] == "HERO12 Black"
        assert stored.tags == {"Source": "GoPro", "AutoSync": "True", "Quality": "source", "MediaType": "Video"}
        assert stored.content_type == "video/mp4"
        assert stored.storage_class == "GLACIER_IR"
        assert stored.encryption["x-amz-server-side-encryption"] == "aws:kms"


def test_small_files_stay_out_of_the_archive_classes(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        assert account.objects()[0].storage_class == "STANDARD"


def test_the_cdn_gets_neither_cookie_nor_authorization(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 1)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        seen: list[Request] = []

        def watch(request: Request) -> Response | None:
            seen.append(request)
            return None

        account.gopro_behaviour = watch
        account.download(ID)
        cdn = [request for request in seen if not request.path.startswith("/media/")]
        assert len(cdn) >= 2
        assert all("Cookie" not in request.headers and "Authorization" not in request.headers for request in cdn)
        assert all("Cookie" in request.headers for request in seen if request.path.startswith("/media/"))


def test_a_second_pass_over_an_archived_medium_asks_nobody_and_writes_nothing(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        before, row = len(account.s3.requests), account.medium_row(ID)
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert len(account.s3.requests) == before
        assert account.medium_row(ID) == row


def test_an_archived_object_whose_row_was_lost_is_recognised_not_copied_again(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 300_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        for record in ("MEDIUM", "PIECE#source-1"):
            account.table.delete(ID, record, "attribute_exists(media_id) OR :no = :no", {":no": 1})
        account.list_media()
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert account.calls("PutObject") == 1
        assert account.medium_row(ID)["bytes_transferred"] == 0


def test_no_original_falls_back_to_the_proxy_under_its_own_name_and_says_so(tmp_path: Path) -> None:
    proxy = SimPiece("high_res_proxy_mp4", make_file(tmp_path / "proxy.mp4", 5000), 1, "mp4")
    with world(tmp_path, make_medium(ID, proxy, filename="GX010001.MP4", file_size=9_999_999)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        (stored,) = account.objects()
        assert stored.key.endswith("/GX010001.high_res_proxy.mp4")
        assert stored.tags["Quality"] == "high_res_proxy_mp4"
        assert account.medium_row(ID)["fallback"] is True


def test_a_proxy_is_followed_by_the_original_once_that_appears(tmp_path: Path) -> None:
    proxy = SimPiece("high_res_proxy_mp4", make_file(tmp_path / "proxy.mp4", 5000), 1, "mp4")
    original = source(make_file(tmp_path / "GX010001.MP4", 7000))
    with world(tmp_path, make_medium(ID, proxy, filename="GX010001.MP4", file_size=7000)) as account:
        account.download(ID)
        account.gopro.replace_library(Library((make_medium(ID, original, proxy, file_size=7000),)))
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        names = {item.key.rpartition("/")[2] for item in account.objects()}
        assert names == {"GX010001.MP4", "GX010001.high_res_proxy.mp4"}
        assert "fallback" not in account.medium_row(ID)


def test_a_medium_still_transcoding_is_not_ready_and_nothing_is_copied(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path), ready_to_view="transcoding")) as account:
        assert account.download(ID)["outcome"] == "NOT_READY"
        assert account.medium_row(ID)["status"] == "NOT_READY"
        assert account.objects() == []


def test_a_medium_that_gopro_no_longer_has_is_source_deleted(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path), deleted=True)) as account:
        assert account.download(ID)["outcome"] == "SOURCE_DELETED"
        row = account.medium_row(ID)
        assert (row["status"], row["note"]) == ("COMPLETED", "source_deleted")
        assert account.objects() == []


def test_a_404_of_the_cdn_alone_is_no_deletion(tmp_path: Path) -> None:
    piece = SimPiece("source", make_file(tmp_path / "GX010001.MP4", 1000), 1, "mp4", cdn_deleted=True)
    with world(tmp_path, make_medium(ID, piece)) as account:
        with pytest.raises(Exception, match="GoPro lists the medium") as caught:
            account.download(ID)
        assert type(caught.value).__name__ == "SourceGone"
        assert account.medium_row(ID)["status"] == "IN_PROGRESS"


def test_a_size_that_differs_from_the_listing_is_noted_and_the_source_believed(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path), file_size=4245)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.medium_row(ID)["listed_size_differs"] is True
        assert account.objects()[0].size == 1000


def test_a_listing_without_size_is_no_obstacle(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 5)
    with world(tmp_path, make_medium(ID, source(path), file_size=None)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("listed", "outcome"), [(0, "COMPLETED"), (10, "NOT_READY")])
def test_an_empty_file_is_archived_only_if_the_listing_says_empty_too(
    tmp_path: Path, listed: int, outcome: str
) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 0)
    with world(tmp_path, make_medium(ID, source(path), file_size=listed)) as account:
        assert account.download(ID)["outcome"] == outcome


def without_length(request: Request) -> Response | None:
    """The CDN as a server that neither says how long a body is nor serves ranges."""
    if request.path.startswith("/media/"):
        return None
    if request.method == "HEAD":
        return Response(405)
    del request.headers["Range"]
    answer = request.proceed()
    blocks = iter([b"".join(_blocks(answer))])
    return Response(200, {"Content-Type": "binary/octet-stream"}, blocks)


def _blocks(answer: Response) -> list[bytes]:
    assert isinstance(answer.body, FileSlice)
    return [answer.body.path.read_bytes()]


def test_a_stream_of_unknown_length_is_archived_when_the_listing_proves_its_size(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 12345)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.gopro_behaviour = without_length
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
        assert account.calls("CreateMultipartUpload") == 1


def test_a_stream_of_unknown_length_that_nobody_vouches_for_is_not_archived(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 12345)
    with world(tmp_path, make_medium(ID, source(path), file_size=None)) as account:
        account.gopro_behaviour = without_length
        assert account.download(ID)["outcome"] == "FAILED"
        assert account.medium_row(ID)["reason"].startswith("SizeUnproven")
        assert account.objects() == []
        assert account.s3.open_uploads("archive") == []


def test_a_body_that_ends_early_is_tried_again_and_never_archived_short(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 300_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        cut: list[str] = []

        def cut_the_first(request: Request) -> Response | None:
            if request.method != "GET" or request.path.startswith("/media/") or cut:
                return None
            cut.append(request.path)
            answer = request.proceed()
            answer.cut_after = 100_000
            return answer

        account.gopro_behaviour = cut_the_first
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert cut
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


def test_an_expired_url_is_resolved_again_and_is_not_taken_for_expired_cookies(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 2 * PART + 1)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        refused: list[str] = []

        def expire(request: Request) -> Response | None:
            if request.path.startswith("/media/") or "Range" not in request.headers or len(refused) >= 2:
                return None
            refused.append(request.path)
            return Response(403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")

        account.gopro_behaviour = expire
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert len(refused) == 2
        assert account.objects()[0].path.read_bytes() == path.read_bytes()


def test_refused_cookies_stop_the_run_and_are_no_attempt_of_the_medium(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.gopro_behaviour = lambda request: Response(401) if request.path.startswith("/media/") else None
        with pytest.raises(CredentialsExpired):
            account.download(ID)
        run = account.ledger.run("run-1")
        assert run is not None
        assert run["stop_error"] == "CredentialsExpired"
        row = account.medium_row(ID)
        assert "lease_owner" not in row
        assert "attempts" not in row
        with pytest.raises(RunStopped):
            account.download(ID)


def test_a_web_page_in_place_of_media_fails_the_medium(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 1000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        page = Response(200, {"Content-Type": "text/html"}, b"<html>" + b"x" * 994)
        account.gopro_behaviour = lambda request: None if request.path.startswith("/media/") else page
        assert account.download(ID)["outcome"] == "FAILED"
        assert account.medium_row(ID)["reason"].startswith("WrongContent")
        assert account.objects() == []


def test_statuses_and_metrics_of_a_success(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 300_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        assert account.medium_row(ID)["status"] == "LISTED"
        account.download(ID)
        row = account.medium_row(ID)
        assert row["status"] == "COMPLETED"
        assert row["completed_run_id"] == "run-1"
        assert row["bytes_transferred"] == 300_000
        (document,) = account.emitted()
        assert document["VideosSynced"] == 1
        assert document["BytesTransferred"] == 300_000
        assert document["TimeToFirstByte"] > 0


def test_no_url_cookie_or_token_reaches_the_table_or_the_metrics(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 300_000)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.download(ID)
        kept = json.dumps([account.medium_row(ID), account.piece_row(ID)]) + account.metrics.getvalue()
        kept += json.dumps([item.metadata for item in account.objects()])
        assert "Signature" not in kept
        assert account.gopro.url not in kept
        for value in account.gopro.credentials["cookies"].replace("=", " ").replace(";", " ").split():
            assert len(value) < 12 or value not in kept


def test_a_large_file_is_handed_over_as_ranges_that_cover_it(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART + 9)
    with world(tmp_path, make_medium(ID, source(path)), bytes_per_function=PART, max_functions=2) as account:
        result = account.download(ID)
        assert result["outcome"] == "TRANSFER"
        assert result["max_concurrency"] == 2
        assert [(item["first_part"], item["last_part"]) for item in result["ranges"]] == [(1, 2), (3, 4)]
        assert all(account.upload(item)["outcome"] == "UPLOADED" for item in result["ranges"])
        assert account.objects() == []
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
        assert account.calls("UploadPart") == 4
        assert account.medium_row(ID)["bytes_transferred"] == path.stat().st_size


def test_passes_that_move_nothing_end_in_a_failure(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        outcomes = [account.download(ID, seconds=0)["outcome"] for _ in range(3)]
        assert outcomes == ["CONTINUE", "CONTINUE", "FAILED"]
        assert account.medium_row(MediaId(ID))["reason"].startswith("NoProgress")


def test_the_deadline_ends_a_pass_with_continue_and_the_next_one_sends_only_the_rest(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.workers = 1
        assert account.download(ID, seconds=0)["outcome"] == "CONTINUE"
        assert account.objects() == []
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
