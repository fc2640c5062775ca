"""Storing fresh cookies starts a run by the stack's own rule: when it helps, and when a run is on already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws.deployment import Execution
from sandbox.gopro.library import SimMedium
from sandbox.gopro.messages import Request, Response
from tests.support.assemblies import sound_assembly
from tests.support.holding import HeldArchive
from tests.support.pipeline import make_file, make_medium, source
from tests.support.stage import Stage, open_stage


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("fresh")
    with open_stage(folder, sound_assembly(tmp_path_factory)) as stage:
        yield stage


@pytest.fixture(name="media")
def _media(stage: Stage, tmp_path: Path, request: pytest.FixtureRequest) -> list[SimMedium]:
    """Two small videos that no other test has, served; the cookies are stored and what that started is over."""
    tag = f"{abs(hash(request.node.name)) % 10**8:08d}"
    stage.serve()
    started_by_fresh_cookies(stage)
    media = [
        make_medium(f"{tag}{number:016x}", source(make_file(tmp_path / f"GX01{number:04d}.MP4", 150_000, seed=number)))
        for number in (1, 2)
    ]
    stage.serve(*media)
    return media


def started_by_fresh_cookies(stage: Stage) -> Execution:
    """Store cookies as their owner does, and wait for the one run that comes of it."""
    stage.store_cookies()
    (firing,) = stage.account.fire_rules()
    assert firing.execution is not None
    stage.wait(firing.execution)
    return firing.execution


@pytest.mark.verifies("events.rules")
def test_a_run_that_refused_cookies_have_stopped_goes_on_when_fresh_ones_are_stored(
    stage: Stage, media: list[SimMedium]
) -> None:
    def refuse(request: Request) -> Response | None:
        return Response(401, {}, b"{}") if request.path == f"/media/{media[1].media_id}/download" else None

    stage.gopro_behaviour = refuse
    assert stage.run()[0].error == "CredentialsExpired"
    assert stage.objects(media[1]) == {}
    stage.gopro_behaviour = None
    report = stage.report_of(started_by_fresh_cookies(stage))
    counts = report["counts"]
    assert (report["status"], counts["completed"] + counts["already_synced"], counts["failed"]) == ("SUCCEEDED", 2, 0)
    assert sorted(stage.objects(*media)) == ["GX010001.MP4", "GX010002.MP4"]


@pytest.mark.verifies("events.rules")
def test_cookies_that_are_stored_while_a_run_is_on_disturb_nothing(stage: Stage, media: list[SimMedium]) -> None:
    hold = HeldArchive()
    stage.s3_behaviour = hold
    mails = len(stage.account.notifications())
    first = stage.start()
    assert hold.reached.wait(60)
    second = started_by_fresh_cookies(stage)
    hold.gate.set()
    assert stage.wait(second).status == "SUCCEEDED"
    assert stage.report_of(second)["status"] == "SKIPPED"
    assert stage.wait(first).status == "SUCCEEDED"
    assert stage.report_of(first)["counts"]["completed"] == 2
    assert len(stage.account.notifications()) == mails


def test_nothing_is_started_when_no_cookies_are_stored(stage: Stage, media: list[SimMedium]) -> None:
    stage.run()
    assert stage.account.fire_rules() == []


def test_everything_that_storing_cookies_caused_was_granted(stage: Stage, media: list[SimMedium]) -> None:
    execution = started_by_fresh_cookies(stage)
    report = stage.account.audit([execution.arn])
    assert report.ungranted == ()
    assert ("the rule", "states:StartExecution") in {(grant.principal, grant.action) for grant in report.used}
