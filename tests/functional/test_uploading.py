"""``multipart_uploader``: the missing parts of one range, from a real source into a strict S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from cloud_sync_common.errors import (
    ArchiveDenied,
    ArchiveThrottled,
    CredentialsExpired,
    RunStopped,
    SourceChanged,
    SourceUnavailable,
)
from cloud_sync_common.models import MediaId, PieceId, Status, UploadId
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.events import UploadEvent
from cloud_sync_common.rules.media_rows import listing_facts
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.services.uploading import Uploader
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartMover
from cloud_sync_common.transfer.retry import FREE_RETRIES, SUCCESSES_FOR_A_RETRY, Retry
from cloud_sync_common.transfer.source import SourceReader
from tests.support.adapters import ADAPTERS, adapter
from tests.support.aws import Account
from tests.support.clocks import ManualClock, Naps, no_hurry
from tests.support.gopro import CREDENTIALS, GoPro, gopro, offer
from tests.support.media import medium
from tests.support.scripted_http import Answer, Request, ScriptedServer, origin
from tests.support.strict_s3 import KEY, Store, crc

RUN, M1, P1 = "run-1", MediaId("m1"), PieceId("source-1")
CONTENT = bytes(range(251)) * 40
PART = 2_000
COUNT = 6


@dataclass
class Rig:
    """A medium whose downloader has opened an upload and handed over its parts."""

    aws: Account
    store: Store
    cloud: GoPro
    server: ScriptedServer
    uploader: Uploader
    upload: UploadId
    clock: ManualClock

    def run(self, first: int = 1, last: int = COUNT, deadline: Deadline | None = None, **event: Any) -> str:
        given = {"run_id": RUN, "media_id": M1, "piece_id": P1, "generation": 1, **event}
        result = self.uploader.run(UploadEvent(**given, first_part=first, last_part=last), deadline or no_hurry())
        assert set(result) == {"outcome", "media_id", "piece_id"}
        return str(result["outcome"])

    def held(self) -> set[int]:
        return set(self.store.archive.parts(KEY, self.upload))

    def asked(self) -> list[int]:
        """The part numbers that the source was asked for, in order."""
        return sorted(request.range[0] // PART + 1 for request in self.server.requests if request.range)

    def change_row(self, **facts: Any) -> None:
        self.aws.tracker.write_piece(M1, P1, 1, facts)


@pytest.fixture(params=ADAPTERS)
def rig(request: pytest.FixtureRequest, aws: Account, store: Store) -> Iterator[Rig]:
    clock = ManualClock()
    with gopro() as cloud, ScriptedServer(origin(CONTENT)) as server, adapter(request.param, store, 3) as path:
        cloud.downloads["m1"] = offer(server.url)
        reader = SourceReader(path.transport, lambda url: check_url(url, (), allow_loopback_http=True))
        mover = PartMover(store.archive, reader, Retry(Naps(), jitter=lambda most: most), Tracing({}), 2, clock)
        uploader = Uploader(aws.tracker, aws.ledger, cloud.provider(), lambda: CREDENTIALS, store.archive, mover)
        upload = store.upload()
        aws.ledger.begin(RUN, {})
        aws.tracker.record_listing(M1, {**listing_facts(medium(file_size=len(CONTENT))), "listed_at": "now"})
        aws.tracker.claim(M1, seen=0, owner=RUN, now=0, expires=900, facts={"run_id": RUN})
        made = Rig(aws, store, cloud, server, uploader, upload, clock)
        made.change_row(
            key=KEY, upload_id=upload, part_size=PART, size=len(CONTENT), validator='"v1"', status=Status.IN_PROGRESS
        )
        yield made


def test_exactly_the_range_is_uploaded(rig: Rig) -> None:
    assert rig.run(2, 4) == "UPLOADED"
    assert rig.held() == {2, 3, 4}
    assert rig.asked() == [2, 3, 4]


def test_a_range_may_end_beyond_the_last_part(rig: Rig) -> None:
    assert rig.run(5, 10_000) == "UPLOADED"
    assert rig.held() == {5, 6}


def test_what_is_there_is_not_sent_again(rig: Rig) -> None:
    rig.run(1, 3)
    assert rig.run() == "UPLOADED"
    assert rig.asked() == [1, 2, 3, 4, 5, 6]
    assert rig.run() == "UPLOADED"
    assert rig.store.calls("UploadPart") == COUNT


def test_a_part_of_another_size_is_sent_again(rig: Rig) -> None:
    rig.store.archive.upload_held_part(KEY, rig.upload, 3, b"short", crc(b"short"))
    assert rig.run(3, 4) == "UPLOADED"
    assert rig.store.archive.parts(KEY, rig.upload)[3].size == PART


def test_nothing_is_written_to_the_tracker(rig: Rig) -> None:
    before = rig.aws.rows()
    rig.run()
    assert rig.aws.rows() == before


def test_a_deadline_leaves_the_rest_to_the_next_pass(rig: Rig) -> None:
    rig.clock.step = 1.0
    assert rig.run(deadline=Deadline(ManualClock(), 1_001.5)) == "PARTIAL"
    assert 0 < len(rig.held()) < COUNT


# Stale work


def test_a_medium_that_was_claimed_again_is_left_alone(rig: Rig) -> None:
    rig.aws.tracker.claim(M1, seen=1, owner=RUN, now=0, expires=900, facts={})
    assert rig.run() == "STALE"
    assert (rig.held(), rig.server.requests) == (set(), [])


@pytest.mark.parametrize("event", [{"generation": 2}, {"media_id": MediaId("m2")}, {"piece_id": PieceId("source-2")}])
def test_an_event_that_fits_no_row_is_stale(rig: Rig, event: dict[str, Any]) -> None:
    assert rig.run(**event) == "STALE"
    assert rig.server.requests == []


def test_a_piece_without_open_upload_is_stale(rig: Rig) -> None:
    rig.change_row(upload_id=None)
    assert rig.run() == "STALE"


def test_an_upload_that_was_completed_or_aborted_is_stale(rig: Rig) -> None:
    rig.store.archive.abort(KEY, rig.upload)
    assert rig.run() == "STALE"
    assert rig.server.requests == []


def test_a_piece_that_gopro_no_longer_offers_is_stale(rig: Rig) -> None:
    rig.cloud.downloads["m1"] = offer(rig.server.url, label="high_res_proxy_mp4")
    assert rig.run() == "STALE"
    assert rig.server.requests == []


# Failures


def test_a_source_that_changed_is_told_and_nothing_of_it_is_uploaded(rig: Rig) -> None:
    rig.server.script = origin(CONTENT, etag='"v2"')
    with pytest.raises(SourceChanged):
        rig.run()
    assert rig.held() == set()


def test_an_expired_url_is_renewed(rig: Rig) -> None:
    answered: list[Request] = []

    def once_expired(request: Request) -> Answer | None:
        answered.append(request)
        if len(answered) > 1:
            return origin(CONTENT)(request)
        rig.cloud.downloads["m1"] = offer(rig.server.url.replace("c4n4ry", "fresh"))
        return Answer(403)

    rig.server.script = once_expired
    assert rig.run(1, 1) == "UPLOADED"
    assert [("fresh" in request.path) for request in answered] == [False, True]


def test_a_source_that_stays_broken_is_left_to_the_workflow(rig: Rig) -> None:
    rig.server.script = lambda request: Answer(503)
    with pytest.raises(SourceUnavailable):
        rig.run()
    assert "stop_error" not in (rig.aws.ledger.run(RUN) or {})


def test_a_source_that_stumbles_over_every_part_uses_up_the_budget_of_all_parts_together(rig: Rig) -> None:
    rig.change_row(part_size=100)
    asked: dict[tuple[int, int] | None, int] = {}

    def third_time_lucky(request: Request) -> Answer | None:
        asked[request.range] = asked.get(request.range, 0) + 1
        return Answer(503) if asked[request.range] < 3 else origin(CONTENT)(request)

    rig.server.script = third_time_lucky
    with pytest.raises(SourceUnavailable):
        rig.run(1, 101)
    moved = len(rig.held())
    assert FREE_RETRIES // 2 <= moved < 101
    assert len(rig.server.requests) <= moved + 2 + FREE_RETRIES + moved // SUCCESSES_FOR_A_RETRY
    for _ in range(10):
        with suppress(SourceUnavailable):
            assert rig.run(1, 101) == "UPLOADED"
            break
    assert len(rig.held()) == 101


def test_a_throttling_archive_is_left_to_the_workflow(rig: Rig) -> None:
    rig.store.refuse("ListParts", "SlowDown")
    with pytest.raises(ArchiveThrottled):
        rig.run()
    assert "stop_error" not in (rig.aws.ledger.run(RUN) or {})


def test_expired_cookies_raise_the_runs_flag(rig: Rig) -> None:
    rig.cloud.status = 401
    with pytest.raises(CredentialsExpired):
        rig.run()
    assert (rig.aws.ledger.run(RUN) or {})["stop_error"] == "CredentialsExpired"


def test_an_archive_that_refuses_us_raises_the_runs_flag(rig: Rig) -> None:
    rig.store.refuse("UploadPart", "AccessDenied")
    with pytest.raises(ArchiveDenied):
        rig.run(1, 1)
    assert (rig.aws.ledger.run(RUN) or {})["stop_error"] == "ArchiveDenied"


def test_nothing_is_begun_in_a_stopped_run(rig: Rig) -> None:
    rig.aws.ledger.raise_stop_flag(RUN, "CredentialsExpired", "401")
    with pytest.raises(RunStopped):
        rig.run()
    assert (rig.aws.ledger.run(RUN) or {})["stop_error"] == "CredentialsExpired"
    assert rig.server.requests == []
