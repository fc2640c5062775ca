"""``media_lister`` between its invocations, its bucket and the tracker: what it believes, and what it goes on with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloud_sync_common.edges.runs_bucket import listing_key, run_key
from cloud_sync_common.errors import InvalidInput, RunsBucketUnavailable
from cloud_sync_common.models import MediaId
from cloud_sync_common.services.listing import MERGE_SECONDS
from tests.support.aws import RUNS, Account, make_client
from tests.support.gopro import row
from tests.support.listing import RUN, Listing, open_listing

M1, M2, M3 = row("m1"), row("m2"), row("m3")


@pytest.fixture
def listing(aws: Account) -> Iterator[Listing]:
    with open_listing(aws) as made:
        yield made


def lose(key: str) -> None:
    """A document of the run disappears."""
    make_client("s3").delete_object(Bucket=RUNS, Key=key)


def tracked(listing: Listing, media_id: str) -> dict[str, Any]:
    """The medium's row, empty if there is none."""
    return listing.aws.tracker.medium(MediaId(media_id)) or {}


# Documents


def test_a_run_without_its_request_is_refused_and_not_guessed(listing: Listing) -> None:
    lose(run_key(RUN, "request.json"))
    with pytest.raises(InvalidInput, match=r"request\.json is missing"):
        listing.slice()
    assert listing.cloud.asked == []


def test_a_page_that_is_missing_in_the_bucket_is_no_empty_page(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2]], 2
    first = listing.slice(seconds=MERGE_SECONDS)
    lose(listing_key(RUN, 1))
    with pytest.raises(RunsBucketUnavailable, match="page 1 of the listing"):
        listing.slice(first["cursor"])
    assert listing.document("manifest.json") is None


@pytest.mark.parametrize("last", [0, None])
def test_an_empty_last_page_does_not_take_back_the_count(listing: Listing, last: int | None) -> None:
    listing.cloud.pages = [[M1, M2], []]

    def recount(page: int) -> None:
        listing.cloud.total = 3 if page == 1 else last

    listing.cloud.on_page = recount
    listing.whole()
    assert listing.document("summary.json")["missing"] == 1


# Media asked for by id


def test_ids_that_the_library_does_not_have_are_counted(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]], 2
    listing.ask(media_ids=["m2", "m8", "m9"])
    listing.whole()
    assert listing.manifest() == ["m2"]
    assert listing.document("summary.json")["unknown"] == 2


# Rows


def test_only_media_whose_facts_changed_are_written(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]], 2
    listing.whole()
    for media_id in ("m1", "m2"):
        listing.aws.tracker.claim(MediaId(media_id), seen=0, owner="r", now=0, expires=0, facts={"listed_at": "before"})
    listing.cloud.pages = [[M1, row("m2", content_title="new")]]
    listing.whole()
    assert (tracked(listing, "m1")["listed_at"], tracked(listing, "m2")["listed_at"]) == ("before", "now")
    assert tracked(listing, "m2")["medium"]["content_title"] == "new"


def test_rows_that_the_time_did_not_suffice_for_are_written_by_later_passes_which_read_no_page(
    listing: Listing,
) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2], [M3]], 3
    result = listing.slice(seconds=-1)
    written = []
    while result["decision"] == "CONTINUE":
        assert listing.document("manifest.json") is None
        result = listing.slice(result["cursor"], seconds=-1)
        written.append(len(listing.aws.rows()))
    assert (result["decision"], written) == ("SYNC", [0, 1, 2, 3])
    assert listing.cloud.asked == [1, 2, 3]
    assert listing.manifest() == ["m1", "m2", "m3"]
    assert {tracked(listing, one)["status"] for one in ("m1", "m2", "m3")} == {"LISTED"}


def test_a_pass_that_only_writes_rows_says_so_in_its_cursor(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1], [M2]], 2
    second = listing.slice(listing.slice(seconds=-1)["cursor"], seconds=-1)
    assert second["cursor"] == {"page": 3, "reading": 1, "documents": 2, "over": 1}


def test_a_gap_is_looked_for_before_the_rows_are_written(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1]], 2
    first = listing.slice(seconds=-1)
    assert first["cursor"] == {"page": 1, "reading": 2, "documents": 1, "over": 0}
    assert listing.aws.rows() == []
    assert listing.slice(first["cursor"], seconds=-1)["decision"] == "SYNC"
    assert listing.document("summary.json")["missing"] == 1


# relist


def test_relist_takes_the_proof_of_what_it_queues_and_nothing_else(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2, M3]], 3
    for listed in (M1, M2):
        listing.synced(listed, completed_run_id="earlier")
    listing.ask(relist=True, media_ids=["m1", "m3"])
    assert listing.whole()["decision"] == "SYNC"
    assert listing.manifest() == ["m1", "m3"]
    first, second = tracked(listing, "m1"), tracked(listing, "m2")
    assert (first["status"], first["completed_run_id"]) == ("COMPLETED", "earlier")
    assert "synced_signature" not in first
    assert "synced_signature" in second


def test_relist_writes_no_facts_that_the_tracker_has(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1]], 1
    listing.whole()
    listing.synced(M1, listed_at="before")
    listing.ask(relist=True)
    listing.whole()
    row_of_it = tracked(listing, "m1")
    assert (row_of_it["listed_at"], "synced_signature" in row_of_it) == ("before", False)


def test_a_dry_run_of_relist_takes_no_proof(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1]], 1
    listing.synced(M1)
    before = listing.aws.rows()
    listing.ask(relist=True, dry_run=True)
    assert listing.whole()["decision"] == "NOTHING_TO_DO"
    assert listing.aws.rows() == before


def test_a_run_without_relist_leaves_proofs_alone(listing: Listing) -> None:
    listing.cloud.pages, listing.cloud.total = [[M1, M2]], 2
    listing.synced(M1, fallback=True)
    assert listing.whole()["decision"] == "SYNC"
    assert "synced_signature" in tracked(listing, "m1")
