"""What GoPro or its CDN may answer about one medium: that medium's trouble, until it is everybody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sync_common.errors import CloudSyncError, CredentialsExpired, SchemaChanged
from sandbox.gopro.library import SimMedium
from sandbox.gopro.messages import Request, Response, json_response
from tests.support.kill_switch import Killed
from tests.support.pipeline import BUCKET, PART, make_file, make_medium, source, world

IDS = ["a" * 24, "b" * 24, "c" * 24, "d" * 24]
ODD, OTHER = IDS[0], IDS[1]


def library(folder: Path) -> list[SimMedium]:
    """A small video for each id."""
    files = {one: make_file(folder / one / "GX010001.MP4", 1_000, seed=ord(one[0])) for one in IDS}
    return [make_medium(one, source(path)) for one, path in files.items()]


@pytest.mark.parametrize("status", [400, 405, 422, 451])
def test_a_medium_that_gopro_refuses_to_serve_fails_alone(tmp_path: Path, status: int) -> None:
    with world(tmp_path, *library(tmp_path)) as account:
        account.gopro_behaviour = lambda request: Response(status) if f"/{ODD}/download" in request.path else None
        assert account.download(ODD)["outcome"] == "FAILED"
        assert account.medium_row(ODD)["reason"] == (
            f"MediumRefused: GET /media/{ODD}/download: GoPro refuses to serve this medium ({status})"
        )
        assert account.download(OTHER)["outcome"] == "COMPLETED"
        assert "stop_error" not in (account.ledger.run("run-1") or {})


def test_a_403_for_one_medium_while_the_cookies_are_good_fails_it_alone(tmp_path: Path) -> None:
    with world(tmp_path, *library(tmp_path)) as account:
        account.gopro_behaviour = lambda request: Response(403) if f"/{ODD}/download" in request.path else None
        assert account.download(ODD)["outcome"] == "FAILED"
        assert account.medium_row(ODD)["reason"].startswith("MediumRefused")
        assert account.download(OTHER)["outcome"] == "COMPLETED"


def test_a_403_for_every_call_stops_the_run(tmp_path: Path) -> None:
    with world(tmp_path, *library(tmp_path)) as account:
        account.gopro_behaviour = lambda request: Response(403) if request.path.startswith("/media/") else None
        with pytest.raises(CredentialsExpired):
            account.download(ODD)
        assert (account.ledger.run("run-1") or {})["stop_error"] == "CredentialsExpired"


def reshaped(request: Request) -> Response | None:
    """A download answer of a shape that nobody knows."""
    return json_response(200, ["new"]) if request.path.endswith("/download") else None


def test_the_third_medium_with_answers_of_an_unknown_shape_stops_the_run(tmp_path: Path) -> None:
    with world(tmp_path, *library(tmp_path)) as account:
        account.gopro_behaviour = reshaped
        for one in IDS[:2]:
            assert account.download(one)["outcome"] == "FAILED"
            assert account.medium_row(one)["reason"].startswith("SchemaChanged")
            assert "stop_error" not in (account.ledger.run("run-1") or {})
        with pytest.raises(SchemaChanged):
            account.download(IDS[2])
        assert (account.ledger.run("run-1") or {})["stop_error"] == "SchemaChanged"
        row = account.medium_row(IDS[2])
        assert row["status"] == "LISTED"
        assert not {"lease_owner", "attempts", "reason"} & set(row)


def test_the_same_medium_over_and_over_is_one(tmp_path: Path) -> None:
    with world(tmp_path, *library(tmp_path)) as account:
        account.gopro_behaviour = reshaped
        assert [account.download(ODD)["outcome"] for _ in range(4)] == ["FAILED"] * 4
        account.gopro_behaviour = None
        assert account.download(OTHER)["outcome"] == "COMPLETED"


def test_odd_media_of_an_earlier_run_are_not_counted_in_this_one(tmp_path: Path) -> None:
    with world(tmp_path, *library(tmp_path)) as account:
        account.gopro_behaviour = reshaped
        outcomes = [account.download(one, run_id=f"run-{one}")["outcome"] for one in IDS]
        assert outcomes == ["FAILED"] * 4


ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"


@pytest.mark.parametrize("kind", ["application/json", "application/xml", "text/plain", "text/xml; charset=utf-8"])
@pytest.mark.parametrize("with_head", [True, False], ids=["head", "no head"])
def test_an_error_document_with_status_200_is_never_archived_as_the_original(
    tmp_path: Path, kind: str, with_head: bool
) -> None:
    with world(tmp_path, *library(tmp_path)) as account:

        def serve(request: Request) -> Response | None:
            if request.path.startswith("/media/"):
                return None
            if request.method == "HEAD":
                return Response(200, {"Content-Type": kind, "Content-Length": str(len(ERROR))}) if with_head else None
            return Response(200, {"Content-Type": kind}, ERROR)

        account.gopro_behaviour = serve
        assert account.download(ODD)["outcome"] == "FAILED"
        assert account.medium_row(ODD)["reason"].startswith("WrongContent")
        assert account.objects() == []


@pytest.mark.parametrize("size", [1_000, PART + 1], ids=["direct", "multipart"])
def test_an_error_document_that_calls_itself_a_video_is_never_archived_either(tmp_path: Path, size: int) -> None:
    path = make_file(tmp_path / "GX010001.MP4", size)
    path.write_bytes(ERROR.ljust(size))
    with world(tmp_path, make_medium(ODD, source(path))) as account:
        assert account.download(ODD)["outcome"] == "FAILED"
        assert account.medium_row(ODD)["reason"].startswith("WrongContent")
        assert account.objects() == []


def test_an_error_document_is_refused_by_the_uploader_too(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART)
    with world(tmp_path, make_medium(ODD, source(path)), bytes_per_function=PART) as account:
        first, _ = account.download(ODD)["ranges"]
        with path.open("r+b") as file:
            file.write(ERROR)
        account.gopro_behaviour = ignore_conditions
        with pytest.raises(Exception, match="error document") as caught:
            account.upload(first)
        assert type(caught.value).__name__ == "WrongContent"


def ignore_conditions(request: Request) -> Response | None:
    """A CDN that ignores If-Match and says the validator that was asked for."""
    if request.path.startswith("/media/") or "If-Match" not in request.headers:
        return None
    asked = str(request.headers["If-Match"])
    del request.headers["If-Match"]
    answer = request.proceed()
    for name in [name for name in answer.headers if name.lower() == "etag"]:
        del answer.headers[name]
    answer.headers["ETag"] = asked
    return answer


@pytest.mark.parametrize("wholly", [True, False], ids=["at once", "after a part"])
def test_a_server_that_serves_the_first_byte_but_no_ranges_is_archived_in_one_stream(
    tmp_path: Path, wholly: bool
) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 2 * PART + 77)
    with world(tmp_path, make_medium(ODD, source(path))) as account:
        served: list[str] = []

        def serve(request: Request) -> Response | None:
            if request.path.startswith("/media/") or request.headers["Range"] in (None, "bytes=0-0"):
                return None
            served.append(str(request.headers["Range"]))
            if not wholly and len(served) == 1:
                return None
            del request.headers["Range"]
            return request.proceed()

        account.workers = 1
        account.gopro_behaviour = serve
        assert account.download(ODD)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
        assert account.s3.open_uploads(BUCKET) == []
        assert account.piece_row(ODD)["restart_reason"] == "RangesUnsupported"


@pytest.mark.parametrize(
    ("effect", "reason"), [("CreateMultipartUpload", "Stray"), ("UploadPart", "RangesUnsupported")]
)
def test_of_a_stream_that_is_begun_anew_the_tracker_says_which_upload_was_aborted_and_why(
    tmp_path: Path, effect: str, reason: str
) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 77)
    with world(tmp_path, make_medium(ODD, source(path))) as account:

        def serve(request: Request) -> Response | None:
            if not request.path.startswith("/media/"):
                del request.headers["Range"]
                answer = request.proceed()
                answer.headers = {name: value for name, value in answer.headers.items() if name != "Accept-Ranges"}
                return answer
            return None

        account.gopro_behaviour = serve
        account.kill.arm(1, after=True, operation=effect)
        with pytest.raises(Killed):
            account.download(ODD)
        account.kill.disarm()
        (killed,) = account.s3.open_uploads(BUCKET)
        assert account.download(ODD)["outcome"] == "COMPLETED"
        row = account.piece_row(ODD)
        assert (row["aborted_upload_id"], row["restart_reason"]) == (killed.upload_id, reason)
        assert account.s3.open_uploads(BUCKET) == []


def test_a_range_that_is_ignored_fails_its_function_by_a_name_that_the_workflow_knows(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", 3 * PART)
    with world(tmp_path, make_medium(ODD, source(path)), bytes_per_function=PART) as account:

        def serve(request: Request) -> Response | None:
            if not request.path.startswith("/media/"):
                del request.headers["Range"]
                return request.proceed()
            return None

        first, _ = account.download(ODD)["ranges"]
        account.gopro_behaviour = serve
        with pytest.raises(CloudSyncError):
            account.upload(first)


def test_a_server_that_says_nothing_of_ranges_and_serves_none_is_archived_in_one_stream(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 77)
    with world(tmp_path, make_medium(ODD, source(path))) as account:

        def serve(request: Request) -> Response | None:
            if request.path.startswith("/media/"):
                return None
            headers = {"Content-Type": "binary/octet-stream", "ETag": '"x"', "Content-Length": str(PART + 77)}
            return Response(200, headers, b"" if request.method == "HEAD" else path.read_bytes())

        account.gopro_behaviour = serve
        assert account.download(ODD)["outcome"] == "COMPLETED"
        assert account.objects()[0].path.read_bytes() == path.read_bytes()
