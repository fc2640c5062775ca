"""A library of every shape through the whole pipeline: every piece in the bucket, bytes equal; the counts add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from cloud_sync_common.rules.extra_pieces import DEFAULT
from sandbox.gopro import Library, SimMedium, described_library
from tests.support.media_table import EVERY_SHAPE
from tests.support.pipeline import is_record
from tests.support.stage import Stage, open_stage, synthesize

LIBRARY = described_library(EVERY_SHAPE)
LISTED = [medium for medium in LIBRARY if medium.listed]


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("shapes")
    with open_stage(folder, synthesize(folder, {})) as stage:
        stage.store_cookies()
        stage.gopro.replace_library(LIBRARY)
        yield stage


@pytest.fixture(name="report", scope="module")
def _report(stage: Stage) -> dict[str, Any]:
    """The first run's."""
    return stage.run()[1]


def wanted(library: Library, medium: SimMedium) -> Counter[str]:
    """What a copy by the defaults must have: digests, each as often as the library has such a file."""
    originals = library.served(medium.media_id)
    extras = [piece for piece in medium.pieces if piece.label in DEFAULT and piece.available]
    return Counter(piece.sha256 for piece in {*originals, *(extras if originals else ())})


def archived(stage: Stage) -> dict[str, list[tuple[str, str]]]:
    """Key and digest of every object, by medium."""
    found: dict[str, list[tuple[str, str]]] = {medium.media_id: [] for medium in LISTED}
    for item in stage.s3.objects(stage.deployment.archive_bucket):
        digest = sha256(item.path.read_bytes()).hexdigest()
        found[item.metadata["source-media-id"]].append((item.key, digest))
    return found


def test_every_piece_is_in_the_bucket_once_with_equal_bytes(stage: Stage, report: dict[str, Any]) -> None:
    assert report["counts"]["listed"] == len(LISTED)
    for medium in LISTED:
        objects = archived(stage)[medium.media_id]
        files = Counter(digest for key, digest in objects if not is_record(key))
        assert files == wanted(LIBRARY, medium), medium.filename
        assert sum(is_record(key) for key, _ in objects) == bool(files)


def test_what_did_not_arrive_is_named_with_its_reason(report: dict[str, Any]) -> None:
    named = {one["media_id"]: one for one in report["media"]}
    assert set(named) == {medium.media_id for medium in LISTED}
    without = [one for one in named.values() if one["status"] != "COMPLETED"]
    assert {one["status"] for one in without} == {"NOT_READY", "SOURCE_DELETED", "FAILED"}
    assert all(one["reason"] for one in without)
    empty = {medium.media_id for medium in LISTED if not wanted(LIBRARY, medium)}
    assert {one["media_id"] for one in without} == empty


def test_what_is_in_the_trash_is_named(report: dict[str, Any]) -> None:
    trashed = {medium.media_id for medium in LIBRARY if not medium.listed}
    in_trash = {one["media_id"] for one in report["gone_from_gopro"] if one["where"] == "trash"}
    assert trashed <= in_trash
    assert in_trash


def test_two_media_of_one_name_camera_date_and_size_are_two_objects(stage: Stage, report: dict[str, Any]) -> None:
    del report
    twins = [archived(stage)[media_id] for media_id in ("twin-a", "twin-b")]
    keys = [key for objects in twins for key, _ in objects if not is_record(key)]
    assert len(set(keys)) == 2
    assert {key.rpartition("/")[2] for key in keys} == {"GX010601.MP4"}


def test_the_next_run_copies_nothing(stage: Stage, report: dict[str, Any]) -> None:
    _, second = stage.run()
    assert second["bytes_transferred"] == 0
    assert second["counts"]["completed"] == 0
    assert second["counts"]["listed"] == report["counts"]["listed"]
