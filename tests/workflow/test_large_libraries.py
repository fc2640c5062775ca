"""Libraries of 10,000 and of 100,000 media through the real functions: memory, state and the sums stay in bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.gopro_api import GoProApi
from cloud_sync_common.edges.sessions import api_session
from cloud_sync_common.edges.table import serialized
from cloud_sync_common.edges.tracker import MEDIUM
from cloud_sync_common.gopro_provider import GoProProvider, SourceSettings
from cloud_sync_common.models import Medium
from cloud_sync_common.rules.media_rows import listing_facts
from sandbox.gopro.grown import Grown
from sandbox.gopro.library import Library
from sandbox.gopro.messages import Request, Response
from tests.support.stage import Stage, open_stage, shorten_timeouts, synthesize

MEMORY_MB = 200
WAIT = 500
"""Seconds after which a run is taken to hang; a hundred thousand rows take their time."""
SLICE = 142
"""Seconds of one invocation, of which the lister keeps most for merging: a large listing takes several."""


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Functions with the time that the template gives them."""
    folder = tmp_path_factory.mktemp("large")
    with open_stage(folder, synthesize(folder, {})) as stage:
        stage.store_cookies()
        yield stage


@pytest.fixture(name="hurried", scope="module")
def _hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Functions with hardly any time to list in one pass."""
    folder = tmp_path_factory.mktemp("hurried")
    assembly = synthesize(folder, {})
    shorten_timeouts(assembly, SLICE)
    with open_stage(folder, assembly) as stage:
        stage.store_cookies()
        yield stage


def listed(stage: Stage) -> list[Medium]:
    """What GoPro lists."""
    cookies = stage.gopro.credentials
    with api_session() as session:
        api = GoProApi(session, stage.gopro.url, sleep=lambda _: None, clock=lambda: 0.0, jitter=lambda: 0.0)
        provider = GoProProvider(api, SourceSettings(stage.gopro.url, allow_loopback=True))
        pages = provider.list_media(Credentials(cookies["cookies"], cookies["user-agent"]))
        return [medium for page in pages for medium in page.media]


def have_recorded(stage: Stage, media: list[Medium]) -> None:
    """Have an earlier run's listing facts in the tracker: moto needs a minute for as many single writes."""
    client, table = stage.account.client("dynamodb"), stage.deployment.table_name
    for start in range(0, len(media), 25):
        rows = [
            {**listing_facts(one), "media_id": one.media_id, "record": MEDIUM, "status": "LISTED", "schema": 1}
            for one in media[start : start + 25]
        ]
        client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": serialized(row)}} for row in rows]})


def peak(stage: Stage, function: str) -> float:
    """Peak memory of one function in MiB, so far."""
    (stats,) = [found for name, found in stage.account.function_stats().items() if function in name.lower()]
    return stats.peak_mb


def document(stage: Stage, name: str) -> Any:
    """The latest run's document of that name."""
    found = [item for item in stage.documents() if item.key.split("/")[2:] == [name]]
    return json.loads(max(found, key=lambda item: item.key).path.read_text())


def cookies_expire(request: Request) -> Response | None:
    """The listing is served; whatever comes after it is refused."""
    return Response(401, {}, b"{}") if request.path.endswith("/download") else None


def test_ten_thousand_media_are_listed_in_one_pass_and_reported_within_200_mb(stage: Stage) -> None:
    stage.gopro.replace_library(Library((), Grown(10_000)))
    have_recorded(stage, listed(stage))
    stage.gopro_behaviour = cookies_expire
    execution = stage.start()
    stage.account.wait(execution, timeout=WAIT)
    report = stage.report_of(execution)
    assert (report["status"], report["counts"]["failed"], len(report["media"])) == ("FAILED", 10_000, 10_000)
    assert report["library"]["listed"] == report["library"]["account_total"] == 10_000
    manifest = document(stage, "manifest.json")
    dates = [item["upload_date"] for item in manifest]
    assert len({item["media_id"] for item in manifest}) == 10_000
    assert dates == sorted(dates)
    passes = [each for each in stage.account.records(execution) if each.state_name == "List media"]
    assert len(passes) == 1
    assert 0 < peak(stage, "lister") < MEMORY_MB
    assert 0 < peak(stage, "control") < MEMORY_MB


@pytest.mark.parametrize(
    ("count", "memory_mb"), [(20_000, MEMORY_MB), pytest.param(100_000, 300, marks=pytest.mark.large)]
)
def test_what_does_not_fit_into_one_pass_takes_several_of_constant_state(
    hurried: Stage, count: int, memory_mb: int
) -> None:
    stage = hurried
    stage.gopro.replace_library(Library((), Grown(count, kinds=("Photo",))))
    execution = stage.start({"dry_run": True})
    assert stage.account.wait(execution, timeout=WAIT).status == "SUCCEEDED"
    assert stage.report_of(execution)["counts"]["skipped"] == count
    records = stage.account.records(execution)
    assert len([each for each in records if each.state_name == "List media"]) > 1
    assert all(len(json.dumps(each.output)) < 2_000 for each in records)
    assert 0 < peak(stage, "lister") < memory_mb
