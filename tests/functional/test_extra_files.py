"""Telemetry, tracks and proxies beside the original: archived, late, refused, and never in the original's way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.errors import CredentialsExpired
from cloud_sync_common.models import MediaId
from cloud_sync_common.rules.late_files import DAY
from cloud_sync_common.rules.media_rows import is_synced, listing_facts, medium_from_document
from sandbox.gopro.library import Library, SimPiece
from sandbox.gopro.messages import Request, Response
from tests.support.kill_switch import Killed
from tests.support.pipeline import PART, World, make_file, make_medium, source, world

ID = "c" * 24
CREATED = "2025-06-15T00:00:00Z"
"""Less than a day before the world's clock."""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return make_file(tmp_path / "GX010001.MP4", 300_000)


def gpmf(tmp_path: Path, size: int = 40_000) -> SimPiece:
    return SimPiece("gpmf", make_file(tmp_path / "telemetry.mp4", size, seed=2), 1, "mp4")


def gpx(tmp_path: Path) -> SimPiece:
    path = tmp_path / "track.gpx"
    path.write_text('<?xml version="1.0"?><gpx version="1.1"/>')
    return SimPiece("gpx", path, 1, "gpx")


def names(account: World) -> set[str]:
    return {item.key.rpartition("/")[2] for item in account.objects()}


def gopro_now_has(account: World, *pieces: SimPiece) -> None:
    account.gopro.replace_library(Library((make_medium(ID, *pieces, created_at=CREATED),)))


def cdn_answers(status: int, part_of_path: str) -> object:
    def behaviour(request: Request) -> Response | None:
        return Response(status) if f"/{part_of_path}/" in request.path else None

    return behaviour


def test_telemetry_and_track_are_archived_beside_the_original_as_what_they_are(tmp_path: Path, path: Path) -> None:
    pieces = (source(path), gpmf(tmp_path), gpx(tmp_path))
    with world(tmp_path, make_medium(ID, *pieces, file_size=300_000)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        stored = {item.key.rpartition("/")[2]: item for item in account.objects()}
        assert set(stored) == {"GX010001.MP4", "GX010001.gpmf.mp4", "GX010001.gpx"}
        assert stored["GX010001.gpmf.mp4"].path.read_bytes() == pieces[1].path.read_bytes()
        assert stored["GX010001.gpx"].path.read_bytes() == pieces[2].path.read_bytes()
        assert stored["GX010001.gpx"].tags["Quality"] == "gpx"
        assert {stored[name].storage_class for name in ("GX010001.gpmf.mp4", "GX010001.gpx")} == {"STANDARD"}
        row = account.medium_row(ID)
        assert not {"side_files_due", "side_files_missing", "listed_size_differs"} & set(row)
        assert row["piece_count"] == 3 + len(account.records())


def test_a_large_telemetry_file_goes_in_parts_like_any_other(tmp_path: Path, path: Path) -> None:
    large = gpmf(tmp_path, PART + 5)
    with world(tmp_path, make_medium(ID, source(path), large)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("UploadPart") == 2
        assert account.piece_row(ID, "gpmf-1")["size"] == PART + 5


def test_a_film_without_telemetry_is_completed_and_looked_at_again_until_it_has_some(
    tmp_path: Path, path: Path
) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at=CREATED)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.medium_row(ID)["side_files_due"] > account.clock.now
        known = account.tracker.synced_facts([MediaId(ID)])[MediaId(ID)]
        assert not is_synced(known, known["synced_signature"]), "the lister queues it again"
        gopro_now_has(account, source(path), gpmf(tmp_path))
        heads = account.calls("HeadObject")
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert names(account) == {"GX010001.MP4", "GX010001.gpmf.mp4"}
        assert {item.key for item in account.objects()} == {row["key"] for row in _rows(account)}
        assert account.calls("HeadObject") == heads + 2  # of the telemetry alone: is it there, and is it now?
        gopro_now_has(account, source(path), gpmf(tmp_path), gpx(tmp_path))
        assert account.download(ID, run_id="run-3")["outcome"] == "COMPLETED"
        assert "side_files_due" not in account.medium_row(ID)
        assert account.download(ID, run_id="run-4")["outcome"] == "ALREADY_SYNCED"


def _rows(account: World) -> list[dict[str, object]]:
    return [account.piece_row(ID, piece_id) for piece_id in ("source-1", "gpmf-1")]


def test_a_look_that_finds_nothing_is_no_second_completion_and_the_last_one_ends_it(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at=CREATED)) as account:
        account.download(ID)
        emitted = len(account.emitted())
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert account.medium_row(ID)["completed_run_id"] == "run-1"
        account.clock.now += 14 * DAY
        assert account.download(ID, run_id="run-3")["outcome"] == "ALREADY_SYNCED"
        assert "side_files_due" not in account.medium_row(ID)
        assert len(account.emitted()) == emitted


def test_an_old_film_without_telemetry_is_not_looked_at_again(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at="2020-01-01T00:00:00Z")) as account:
        account.download(ID)
        assert "side_files_due" not in account.medium_row(ID)


@pytest.mark.parametrize("status", [404, 500, 416])
def test_a_track_that_the_cdn_does_not_serve_harms_nobody_and_is_looked_for_again(
    tmp_path: Path, path: Path, status: int
) -> None:
    pieces = (source(path), gpmf(tmp_path), gpx(tmp_path))
    with world(tmp_path, make_medium(ID, *pieces)) as account:
        account.gopro_behaviour = cdn_answers(status, "gpx")  # type: ignore[assignment]
        assert account.download(ID)["outcome"] == "COMPLETED"
        row = account.medium_row(ID)
        assert names(account) == {"GX010001.MP4", "GX010001.gpmf.mp4"}
        assert [reason.partition(":")[0] for reason in row["side_files_missing"]] == ["gpx-1"]
        assert row["side_files_due"] == account.clock.now + 14 * DAY
        account.gopro_behaviour = None
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert "GX010001.gpx" in names(account)
        assert not {"side_files_due", "side_files_missing"} & set(account.medium_row(ID))


@pytest.mark.parametrize("gone", ["from the cdn", "from the answer"])
def test_a_track_that_is_archived_is_not_missing_when_gopro_has_it_no_more(
    tmp_path: Path, path: Path, gone: str
) -> None:
    pieces = (source(path), gpmf(tmp_path), gpx(tmp_path))
    with world(tmp_path, make_medium(ID, *pieces, created_at=CREATED)) as account:
        account.download(ID)
        if gone == "from the cdn":
            account.gopro_behaviour = cdn_answers(404, "gpx")  # type: ignore[assignment]
        else:
            gopro_now_has(account, *pieces[:2])
        account.tracker.forget_synced(MediaId(ID))
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert not {"side_files_due", "side_files_missing"} & set(account.medium_row(ID))


def test_telemetry_of_a_later_chapter_is_looked_for_though_the_first_ones_is_archived(
    tmp_path: Path, path: Path
) -> None:
    second = SimPiece("source", make_file(tmp_path / "GX020001.MP4", 200_000, seed=5), 2, "mp4")
    late = SimPiece("gpmf", make_file(tmp_path / "second.mp4", 5_000, seed=6), 2, "mp4")
    pieces = (source(path), second, gpmf(tmp_path), gpx(tmp_path))
    with world(tmp_path, make_medium(ID, *pieces, replace(late, available=False), created_at=CREATED)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.medium_row(ID)["side_files_due"] > account.clock.now
        gopro_now_has(account, *pieces, late)
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        assert "GX020001.gpmf.mp4" in names(account)
        assert "side_files_due" not in account.medium_row(ID)


@pytest.mark.parametrize("trouble", ["not available", "not offered", "not served"])
def test_a_changed_medium_has_telemetry_of_its_own_and_the_old_one_does_not_stand_for_it(
    tmp_path: Path, path: Path, trouble: str
) -> None:
    track = gpx(tmp_path)
    with world(tmp_path, make_medium(ID, source(path), gpmf(tmp_path), track, created_at=CREATED)) as account:
        account.download(ID)
        facts = {**account.medium_row(ID)["medium"], "revision_number": 3}
        account.tracker.record_listing(
            MediaId(ID), {**listing_facts(medium_from_document(facts)), "listed_at": "2025-06-15T00:00:00Z"}
        )
        changed = SimPiece("source", make_file(tmp_path / "changed.MP4", 310_000, seed=7), 1, "mp4")
        new = SimPiece("gpmf", make_file(tmp_path / "changed-telemetry.mp4", 5_000, seed=8), 1, "mp4")
        offered = () if trouble == "not offered" else (replace(new, available=trouble != "not available"),)
        gopro_now_has(account, changed, *offered, track)
        if trouble == "not served":
            account.gopro_behaviour = cdn_answers(404, "gpmf")  # type: ignore[assignment]
        assert account.download(ID, run_id="run-2")["outcome"] == "COMPLETED"
        row = account.medium_row(ID)
        assert row["side_files_due"] > account.clock.now
        assert ("side_files_missing" in row) == (trouble == "not served")
        account.gopro_behaviour = None
        gopro_now_has(account, changed, new, track)
        assert account.download(ID, run_id="run-3")["outcome"] == "COMPLETED"
        assert sum(".gpmf" in name for name in names(account)) == 2
        assert not {"side_files_due", "side_files_missing"} & set(account.medium_row(ID))


def test_a_killed_function_ends_the_time_of_not_being_ready(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), ready_to_view="transcoding")) as account:
        account.download(ID)
        seen = account.medium_row(ID)["generation"]
        assert account.tracker.fail_unfinished(
            MediaId(ID), run_id="run-2", seen=seen, now=account.clock.now, facts={"reason": "killed"}
        )
        assert "not_ready_since" not in account.medium_row(ID)


def test_an_original_that_the_cdn_does_not_serve_is_not_forgiven(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), gpx(tmp_path))) as account:
        account.gopro_behaviour = cdn_answers(404, "source")  # type: ignore[assignment]
        with pytest.raises(Exception, match="GoPro lists the medium"):
            account.download(ID)
        assert account.objects() == []


def test_an_empty_track_is_one_that_is_not_made_yet(tmp_path: Path, path: Path) -> None:
    empty = SimPiece("gpx", make_file(tmp_path / "empty.gpx", 0), 1, "gpx")
    with world(tmp_path, make_medium(ID, source(path), gpmf(tmp_path), empty)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert names(account) == {"GX010001.MP4", "GX010001.gpmf.mp4"}
        assert account.medium_row(ID)["side_files_due"]


def test_a_track_at_a_host_that_is_not_allowed_is_left_out_and_the_original_is_not(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), gpmf(tmp_path), gpx(tmp_path), created_at=CREATED)) as account:

        def elsewhere(request: Request) -> Response | None:
            if not request.path.endswith("/download"):
                return None
            answer = request.proceed()
            assert isinstance(answer.body, bytes)
            document = json.loads(answer.body)
            for side_file in document["_embedded"]["sidecar_files"]:
                if side_file["label"] == "gpx":
                    side_file["url"] = "https://elsewhere.example/track.gpx"
            return Response(200, {"Content-Type": "application/json"}, json.dumps(document).encode())

        account.gopro_behaviour = elsewhere
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert names(account) == {"GX010001.MP4", "GX010001.gpmf.mp4"}
        row = account.medium_row(ID)
        assert row["side_files_due"]
        assert "side_files_missing" not in row


@pytest.mark.parametrize("trouble", [400, 500, 429, 404, "transcoding", "no original"])
def test_what_goes_wrong_in_a_look_takes_nothing_from_a_medium_that_is_archived(
    tmp_path: Path, path: Path, trouble: int | str
) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at=CREATED)) as account:
        account.download(ID)
        before = account.medium_row(ID)
        if isinstance(trouble, int):
            answer = Response(trouble)
            account.gopro_behaviour = lambda request: answer if request.path.endswith("/download") else None
        elif trouble == "transcoding":
            late = make_medium(ID, SimPiece("source", path, 1, "mp4", available=False), created_at=CREATED)
            account.gopro.replace_library(Library((late,)))
        else:
            gopro_now_has(account, SimPiece("mp4_low", path, 1, "mp4"))
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        after = account.medium_row(ID)
        assert {name: after[name] for name in ("status", "synced_signature", "side_files_due")} == {
            name: before[name] for name in ("status", "synced_signature", "side_files_due")
        }
        assert not {"reason", "attempts", "not_ready_since"} & set(after)
        assert len(after["side_files_missing"]) == 1
        account.clock.now += 14 * DAY
        account.download(ID, run_id="run-3")
        assert "side_files_due" not in account.medium_row(ID), "looking ends though it never worked"
        assert account.download(ID, run_id="run-4")["outcome"] == "ALREADY_SYNCED"


def test_what_is_in_the_way_of_a_late_file_is_named_and_left_alone(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at=CREATED)) as account:
        account.download(ID)
        key = account.piece_row(ID)["key"].replace(".MP4", ".gpx")
        account.client().put_object(Bucket="archive", Key=key, Body=b"mine")
        gopro_now_has(account, source(path), gpx(tmp_path))
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert account.medium_row(ID)["side_files_missing"][0].startswith("KeyConflict: ")
        assert next(item for item in account.objects() if item.key == key).path.read_bytes() == b"mine"


def test_refused_cookies_in_a_look_stop_the_run_all_the_same(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at=CREATED)) as account:
        account.download(ID)
        account.gopro_behaviour = lambda request: Response(401) if request.path.startswith("/media/") else None
        with pytest.raises(CredentialsExpired):
            account.download(ID, run_id="run-2")
        assert account.medium_row(ID)["status"] == "COMPLETED"


def test_a_medium_that_is_gone_is_not_waited_for(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), created_at=CREATED)) as account:
        account.download(ID)
        account.gopro.replace_library(Library((make_medium(ID, source(path), created_at=CREATED, deleted=True),)))
        assert account.download(ID, run_id="run-2")["outcome"] == "ALREADY_SYNCED"
        assert "side_files_due" not in account.medium_row(ID)
        assert len(account.objects()) == 1


def test_proxies_and_thumbnails_are_copied_where_they_are_wanted(tmp_path: Path, path: Path) -> None:
    proxy = SimPiece("edit_proxy", make_file(tmp_path / "proxy.mp4", 5_000), 1, "mp4")
    with world(tmp_path, make_medium(ID, source(path), proxy)) as account:
        account.extra_pieces = ("edit_proxy",)
        account.download(ID)
        assert names(account) == {"GX010001.MP4", "GX010001.edit_proxy.mp4"}


def test_without_extra_pieces_there_are_originals_and_records_alone(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), gpmf(tmp_path), created_at=CREATED)) as account:
        account.extra_pieces = ()
        account.download(ID)
        assert names(account) == {"GX010001.MP4"}
        assert "side_files_due" not in account.medium_row(ID)
        assert len(account.records()) == 1


def test_a_raw_photo_is_archived_and_its_bytes_are_none_of_the_listings(tmp_path: Path) -> None:
    photo = SimPiece("source", make_file(tmp_path / "GOPR0001.JPG", 5_000), 1, "jpg")
    raw = SimPiece("raw_photo", make_file(tmp_path / "GOPR0001.GPR", 9_000, seed=2), 1, "gpr")
    facts: dict[str, Any] = {"type": "Photo", "file_extension": "jpg", "file_size": 5_000}
    with world(tmp_path, make_medium(ID, photo, raw, **facts)) as account:
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert names(account) == {"GOPR0001.JPG", "GOPR0001.GPR"}
        assert "listed_size_differs" not in account.medium_row(ID)


def test_how_long_a_medium_is_not_ready_is_counted_from_the_first_time(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), ready_to_view="transcoding")) as account:
        begun = account.clock.now
        for run in range(3):
            assert account.download(ID, run_id=f"run-{run}")["outcome"] == "NOT_READY"
            assert account.medium_row(ID)["not_ready_since"] == begun
            account.clock.now += DAY
        account.gopro.replace_library(Library((make_medium(ID, source(path)),)))
        account.list_media()
        assert account.download(ID, run_id="run-4")["outcome"] == "COMPLETED"
        assert "not_ready_since" not in account.medium_row(ID)


def test_a_failure_ends_the_time_of_not_being_ready(tmp_path: Path, path: Path) -> None:
    with world(tmp_path, make_medium(ID, source(path), ready_to_view="transcoding")) as account:
        account.download(ID)
        account.gopro.replace_library(Library((make_medium(ID, ready_to_view="failure"),)))
        account.list_media()
        assert account.download(ID, run_id="run-2")["outcome"] == "FAILED"
        assert "not_ready_since" not in account.medium_row(ID)


def test_an_extra_piece_that_never_gets_on_ends_as_missing_and_not_as_the_mediums_failure(
    tmp_path: Path, path: Path
) -> None:
    with world(tmp_path, make_medium(ID, source(path), gpmf(tmp_path), created_at=CREATED)) as account:
        account.kill.arm(2, after=False, operation="PutObject")
        with pytest.raises(Killed):
            account.download(ID)
        account.kill.disarm()
        outcomes: list[str] = []
        while not outcomes or outcomes[-1] == "CONTINUE":
            outcomes.append(account.download(ID, seconds=0)["outcome"])
        assert outcomes == ["CONTINUE"] * account.downloader().max_stalled_passes + ["COMPLETED"]
        assert "gpmf-1: NoProgress: pass after pass moved nothing" in account.medium_row(ID)["side_files_missing"]
        assert names(account) == {"GX010001.MP4"}
