"""``media_lister``: GoPro's whole listing, slice by slice, and what a run makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from cloud_sync_common.edges.runs_bucket import run_key
from cloud_sync_common.errors import CredentialsExpired, InvalidInput, SchemaChanged, SourceUnavailable
from cloud_sync_common.models import MediaId
from cloud_sync_common.services.listing import MERGE_SECONDS
from tests.support.aws import RUNS, Account, make_client
from tests.support.gopro import GoPro, row
from tests.support.listing import RUN, Listing, open_listing

M1, M2, M3 = row("m1"), row("m2"), row("m3")


@pytest.fixture
def listing(aws: Account) -> Iterator[Listing]:
    with open_listing(aws) as made:
        yield made


def test_a_library_of_one_page_is_queued(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]], 2
    assert listing.whole() == {"decision": "SYNC", "cursor": {}, "manifest_key": run_key(RUN, "manifest.json")}
    assert listing.document("manifest.json") == [
        {"media_id": "m1", "filename": M1["filename"], "file_size": 1_000, "upload_date": "2026-02-01T08:00:00Z"},
        {"media_id": "m2", "filename": M2["filename"], "file_size": 1_000, "upload_date": "2026-02-01T08:00:00Z"},
    ]
    assert listing.document("summary.json") == {
        "listed": 2,
        "already_synced": 0,
        "queued": 2,
        "skipped": [],
        "missing": 0,
        "problems": 0,
        "unknown": 0,
        "library": {
            "listed": 2,
            "search_total": 2,
            "account_total": None,
            "readings": 1,
            "settled": True,
            "trash_was_read": True,
        },
        "gone_from_gopro": [],
    }


def test_pages_are_read_to_the_end_and_merged(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2], [M3]], 3
    listing.whole()
    assert listing.manifest() == ["m1", "m2", "m3"]


def test_a_medium_on_two_pages_is_queued_once_with_its_latest_facts(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2], [row("m2", file_size=77), M3]], 3
    listing.whole()
    assert listing.manifest() == ["m1", "m2", "m3"]
    assert listing.document("manifest.json")[1]["file_size"] == 77


def test_an_empty_library_leaves_nothing_to_do(listing: Listing) -> None:
    listing.cloud.total = 0
    assert listing.whole()["decision"] == "NOTHING_TO_DO"
    assert listing.manifest() == []


def test_a_server_that_repeats_a_page_has_no_more(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]] * 50, 2
    listing.whole()
    assert listing.manifest() == ["m1", "m2"]
    assert listing.cloud.asked == [1, 2]


def test_a_short_invocation_goes_on_where_it_stopped(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2], [M3]], 3
    first = listing.slice(seconds=MERGE_SECONDS)
    assert first == {
        "decision": "CONTINUE",
        "cursor": {"page": 2, "reading": 1, "documents": 1, "over": 0},
        "manifest_key": "",
    }
    assert listing.whole(seconds=MERGE_SECONDS)["decision"] == "SYNC"
    assert listing.manifest() == ["m1", "m2", "m3"]


def test_a_slice_that_is_repeated_changes_nothing(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2]], 2
    first = listing.slice(seconds=MERGE_SECONDS)
    assert listing.slice(seconds=MERGE_SECONDS) == first
    listing.slice(first["cursor"])
    assert listing.slice(first["cursor"])["decision"] == "SYNC"
    assert listing.manifest() == ["m1", "m2"]
    assert listing.document("summary.json")["listed"] == 2


def test_a_listing_with_a_gap_is_read_once_more(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M3]], 3

    def appears(page: int) -> None:
        if len(listing.cloud.asked) > 2:
            listing.cloud.pages = [[M1, M2], [M3]]

    listing.cloud.on_page = appears
    listing.whole()
    assert listing.manifest() == ["m1", "m2", "m3"]
    assert listing.document("summary.json")["missing"] == 0


def test_media_that_stay_missing_are_counted_and_the_rest_is_copied(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]], 5
    assert listing.whole()["decision"] == "SYNC"
    assert listing.document("summary.json")["missing"] == 3
    assert listing.cloud.asked.count(1) == 2


def test_a_row_that_names_no_medium_is_counted_once_and_the_rest_is_copied(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, {"id": None}, "odd", M2]], 2
    listing.whole()
    assert listing.manifest() == ["m1", "m2"]
    assert listing.document("summary.json")["problems"] == 2


def test_a_row_that_names_no_medium_is_counted_once_over_two_readings(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, {"id": None}]], 2
    listing.whole()
    assert listing.document("summary.json")["problems"] == 1


def test_a_count_on_an_earlier_page_still_shows_what_is_missing(listing: Listing) -> None:
    listing.cloud.pages = [[M1], [M2]]

    def forget(page: int) -> None:
        listing.cloud.total = 3 if page == 1 else None

    listing.cloud.on_page = forget
    listing.whole()
    assert listing.document("summary.json")["missing"] == 1


def test_a_library_without_a_count_is_listed_all_the_same(listing: Listing) -> None:
    listing.cloud.pages = [[M1], [M2]]
    listing.whole()
    assert (listing.manifest(), listing.document("summary.json")["missing"]) == (["m1", "m2"], 0)


def test_archived_media_are_left_out_and_changed_ones_are_not(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, row("m2", revision_number=2), M3]], 3
    for listed in (M1, M2):
        listing.synced(listed)
    listing.synced(M3, fallback=True)
    listing.whole()
    assert listing.manifest() == ["m2", "m3"]
    assert listing.document("summary.json")["already_synced"] == 1


def test_everything_archived_is_nothing_to_do(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1]], 1
    listing.synced(M1)
    assert listing.whole()["decision"] == "NOTHING_TO_DO"


def test_the_request_decides_what_is_queued(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, row("m2", type="Photo"), M3]], 3
    listing.ask(types=["Video"], limit=1)
    listing.whole()
    assert listing.manifest() == ["m1"]
    assert listing.document("summary.json")["skipped"] == [
        {"media_id": "m2", "filename": M2["filename"], "reason": "type not asked for"},
        {"media_id": "m3", "filename": M3["filename"], "reason": "beyond limit"},
    ]


def test_what_the_downloader_needs_is_in_the_tracker(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[row("m1", item_count=3)]], 1
    listing.whole()
    tracked = listing.aws.tracker.medium(MediaId("m1")) or {}
    assert (tracked["status"], tracked["listed_at"], tracked["medium"]["item_count"]) == ("LISTED", "now", 3)


def test_a_row_that_says_so_already_is_not_written_again(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1]], 1
    listing.whole()
    listing.aws.tracker.claim(MediaId("m1"), seen=0, owner="r", now=0, expires=0, facts={"listed_at": "before"})
    listing.whole()
    tracked = listing.aws.tracker.medium(MediaId("m1")) or {}
    assert (tracked["listed_at"], tracked["status"]) == ("before", "IN_PROGRESS")


def test_a_dry_run_says_what_it_would_copy_and_writes_no_row(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]], 2
    listing.ask(dry_run=True, limit=1)
    assert listing.whole()["decision"] == "NOTHING_TO_DO"
    assert listing.manifest() == []
    assert {one["reason"] for one in listing.document("summary.json")["skipped"]} == {
        "dry run: would be copied",
        "beyond limit",
    }
    assert listing.aws.rows() == []


def _expired(cloud: GoPro) -> None:
    cloud.status = 401


def _reshaped(cloud: GoPro) -> None:
    cloud.pages = [[{"uuid": "x"}]]


@pytest.mark.parametrize(("spoil", "expected"), [(_expired, CredentialsExpired), (_reshaped, SchemaChanged)])
def test_an_error_that_stops_the_run_raises_its_flag(
    listing: Listing, spoil: Callable[[GoPro], None], expected: type[Exception]
) -> None:
    spoil(listing.cloud)
    with pytest.raises(expected):
        listing.slice()
    run = listing.aws.ledger.run(RUN) or {}
    assert run["stop_error"] == expected.__name__
    assert "c4n4ry" not in json.dumps(run)


def test_a_dry_run_raises_no_flag(listing: Listing) -> None:
    listing.ask(dry_run=True)
    _expired(listing.cloud)
    with pytest.raises(CredentialsExpired):
        listing.slice()
    assert listing.aws.rows() == []


def test_a_passing_failure_raises_no_flag(listing: Listing) -> None:
    listing.cloud.status = 503
    with pytest.raises(SourceUnavailable):
        listing.slice()
    assert listing.aws.ledger.run(RUN) is None


def test_a_stored_request_that_is_wrong_is_refused(listing: Listing) -> None:
    listing.ask(limits=1)
    with pytest.raises(InvalidInput, match="limits"):
        listing.slice()


def test_no_listing_token_and_no_cookie_is_stored(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2]], 5
    listing.whole()
    s3 = make_client("s3")
    stored = [found["Key"] for found in s3.list_objects_v2(Bucket=RUNS)["Contents"]]
    assert len(stored) >= 4
    for key in stored:
        with s3.get_object(Bucket=RUNS, Key=key)["Body"] as body:
            assert b"c4n4ry" not in body.read()
    assert "c4n4ry" not in json.dumps(listing.aws.rows())
