"""``media_lister`` and a library that changes while it is read, or that GoPro counts otherwise than it lists it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from cloud_sync_common.edges.runs_bucket import LIBRARY_KEY
from cloud_sync_common.errors import CredentialsExpired, SchemaChanged
from cloud_sync_common.gopro_provider import MAX_PAGES
from cloud_sync_common.services.listing import MERGE_SECONDS, STALE_PAGES
from tests.support.aws import Account
from tests.support.gopro import row
from tests.support.listing import Listing, open_listing


@pytest.fixture
def listing(aws: Account) -> Iterator[Listing]:
    with open_listing(aws) as made:
        yield made


def serve(listing: Listing, library: list[str], size: int = 2) -> None:
    """Cut a library into pages, as GoPro does for every request anew."""
    rows = [row(media_id) for media_id in library]
    listing.cloud.pages = [rows[start : start + size] for start in range(0, len(rows), size)]
    listing.cloud.total = len(library)


def change_before(listing: Listing, request: int, library: list[str]) -> None:
    """Let the library be another one from the given request on."""

    def on_page(page: int) -> None:
        if len(listing.cloud.asked) >= request:
            serve(listing, library)

    listing.cloud.on_page = on_page


def found(listing: Listing) -> tuple[list[str], dict[str, Any]]:
    """The ids that a whole listing queues, and how it compares with GoPro's counts."""
    assert listing.whole()["decision"] == "SYNC"
    return listing.manifest(), listing.document("summary.json")["library"]


# Drift


def test_a_deletion_between_pages_hides_no_medium_although_the_numbers_agree(listing: Listing) -> None:
    serve(listing, ["m1", "m2", "m3", "m4"])
    change_before(listing, 2, ["m2", "m3", "m4"])
    manifest, library = found(listing)
    assert manifest == ["m1", "m2", "m3", "m4"]
    assert (library["readings"], library["settled"]) == (2, True)


def test_an_upload_between_pages_is_found_and_nothing_comes_twice(listing: Listing) -> None:
    serve(listing, ["m1", "m2", "m3", "m4"])
    change_before(listing, 2, ["m0", "m1", "m2", "m3", "m4"])
    manifest, library = found(listing)
    assert manifest == ["m0", "m1", "m2", "m3", "m4"]
    assert (library["readings"], library["listed"], library["search_total"]) == (2, 5, 5)


def test_a_library_that_never_stands_still_is_read_a_few_times_and_the_report_is_told(listing: Listing) -> None:
    serve(listing, ["m1", "m2", "m3", "m4"])
    names = iter(range(5, 1_000))

    def on_page(page: int) -> None:
        serve(listing, [f"m{next(names)}", *[one["id"] for rows in listing.cloud.pages for one in rows]])

    listing.cloud.on_page = on_page
    manifest, library = found(listing)
    assert {"m1", "m2", "m3", "m4"} <= set(manifest)
    assert (library["readings"], library["settled"]) == (3, False)


def test_a_count_that_is_wrong_every_time_costs_one_more_reading_and_is_named(listing: Listing) -> None:
    serve(listing, ["m1", "m2", "m3"])
    listing.cloud.total = 2
    _, library = found(listing)
    assert library == {
        "listed": 3,
        "search_total": 2,
        "account_total": None,
        "readings": 2,
        "settled": True,
        "trash_was_read": True,
    }


# Ends


def test_pages_that_take_turns_come_to_an_end(listing: Listing) -> None:
    listing.cloud.pages = [[row("m1")], [row("m2")]] * 50
    listing.cloud.total = 2
    assert found(listing)[0] == ["m1", "m2"]
    assert listing.cloud.asked == list(range(1, 3 + STALE_PAGES))


def test_a_page_that_the_slice_before_has_read_is_no_new_page(listing: Listing) -> None:
    listing.cloud.pages = [[row("m1")]] * 50
    listing.cloud.total = 1
    listing.whole(seconds=MERGE_SECONDS)
    assert listing.cloud.asked == [1, 2]


def test_pages_that_overlap_are_no_end_as_long_as_each_shows_something_new(listing: Listing) -> None:
    names = [f"m{number}" for number in range(9)]
    listing.cloud.pages = [[row(one), row(other)] for one, other in pairwise(names)]
    listing.cloud.total = len(names)
    assert found(listing)[0] == names


def test_a_few_pages_of_known_media_are_no_end(listing: Listing) -> None:
    known = [row("m1")], [row("m2")]
    listing.cloud.pages = [*known, *known[: STALE_PAGES - 1], [row("m3")]]
    listing.cloud.total = 3
    assert found(listing)[0] == ["m1", "m2", "m3"]


class Endless(list[list[Any]]):
    """Pages that never come to an end, each with a medium of its own."""

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: Any) -> Any:
        return [row(f"m{index}")]


def test_a_listing_without_end_stops_the_run_also_when_it_is_read_in_slices(listing: Listing) -> None:
    listing.cloud.pages = Endless()
    cursor = {"page": MAX_PAGES - 1, "reading": 1, "documents": 0, "over": 0}
    following = listing.slice(cursor, seconds=MERGE_SECONDS)["cursor"]
    assert following["page"] == MAX_PAGES
    with pytest.raises(SchemaChanged, match="no end after 10000 pages"):
        listing.slice(following, seconds=MERGE_SECONDS)


# What is no longer there


def gone(listing: Listing) -> dict[str, tuple[str, bool]]:
    """Where media are that are not listed, and whether they are archived."""
    summary = listing.document("summary.json")
    return {one["media_id"]: (one["where"], one["archived"]) for one in summary["gone_from_gopro"]}


def test_media_that_an_earlier_listing_showed_are_named_with_what_is_known_of_them(listing: Listing) -> None:
    serve(listing, ["m1", "m2", "m3"])
    listing.whole()
    assert gone(listing) == {}
    listing.synced(row("m1"))
    serve(listing, ["m3"])
    listing.whole()
    assert gone(listing) == {"m1": ("nowhere", True), "m2": ("nowhere", False)}
    names = {one["filename"] for one in listing.document("summary.json")["gone_from_gopro"]}
    assert names == {"GX010001.MP4", "GX010002.MP4"}


def test_they_stay_named_in_later_runs_until_gopro_lists_them_again(listing: Listing) -> None:
    serve(listing, ["m1", "m2"])
    listing.whole()
    serve(listing, ["m2"])
    listing.whole()
    listing.whole()
    assert set(gone(listing)) == {"m1"}
    serve(listing, ["m1", "m2"])
    listing.whole()
    assert gone(listing) == {}


def test_what_is_in_the_trash_is_named_also_if_it_was_never_listed(listing: Listing) -> None:
    serve(listing, ["m1"])
    listing.cloud.trash = [row("m7"), row("m8")]
    listing.synced(row("m8"))
    listing.whole()
    assert gone(listing) == {"m7": ("trash", False), "m8": ("trash", True)}


def test_what_is_listed_is_not_gone_even_if_the_trash_has_it_too(listing: Listing) -> None:
    serve(listing, ["m1"])
    listing.cloud.trash = [row("m1")]
    listing.whole()
    assert gone(listing) == {}


def test_a_medium_that_was_gone_before_it_was_copied_is_not_called_archived(listing: Listing) -> None:
    serve(listing, ["m1", "m2"])
    listing.whole()
    listing.synced(row("m1"), note="source_deleted")
    serve(listing, ["m2"])
    listing.whole()
    assert gone(listing) == {"m1": ("nowhere", False)}


def test_a_listing_of_a_moving_library_proves_nothing_to_be_gone(listing: Listing) -> None:
    serve(listing, ["m1", "m2", "m3"])
    listing.whole()
    counts = iter(range(10, 100))

    def on_page(page: int) -> None:
        serve(listing, ["m2"])
        listing.cloud.total = next(counts)

    listing.cloud.on_page = on_page
    listing.whole()
    assert gone(listing) == {}
    listing.cloud.on_page = lambda page: None
    serve(listing, ["m2"])
    listing.whole()
    assert set(gone(listing)) == {"m1", "m3"}


def test_a_dry_run_names_them_and_remembers_nothing(listing: Listing) -> None:
    serve(listing, ["m1", "m2"])
    listing.whole()
    before = listing.runs.get_json(LIBRARY_KEY)
    serve(listing, ["m2"])
    listing.ask(dry_run=True)
    listing.whole()
    assert set(gone(listing)) == {"m1"}
    assert listing.runs.get_json(LIBRARY_KEY) == before


def test_a_trash_that_gopro_does_not_show_stops_nothing_and_is_said(listing: Listing) -> None:
    serve(listing, ["m1"])
    listing.cloud.trash = None
    manifest, library = found(listing)
    assert (manifest, library["trash_was_read"]) == (["m1"], False)


def test_cookies_that_expire_over_the_trash_stop_the_run_as_anywhere(listing: Listing) -> None:
    serve(listing, ["m1"])
    listing.cloud.trash_status = 401
    with pytest.raises(CredentialsExpired):
        listing.whole()


def test_the_accounts_own_total_is_compared_and_stops_nothing(listing: Listing) -> None:
    serve(listing, ["m1"])
    listing.cloud.account_total = 4
    manifest, library = found(listing)
    assert (manifest, library["listed"], library["account_total"]) == (["m1"], 1, 4)
