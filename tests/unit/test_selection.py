"""What a run does with the media it has listed: every medium in exactly one list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.models import MediaId, Medium, Status
from cloud_sync_common.rules.events import DOWNLOAD_KEYS
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import listing_facts
from cloud_sync_common.rules.run_request import RunRequest
from cloud_sync_common.rules.selection import DRY_RUN_REASON, Candidate, Selection, as_dry_run, manifest_item
from cloud_sync_common.rules.selection import select as select_pages
from tests.support.media import medium


def _synced(one: Medium) -> dict[str, Any]:
    return {"status": Status.COMPLETED, "synced_signature": signature(one)}


def select(media: list[Medium], rows: dict[MediaId, dict[str, Any]], request: RunRequest) -> Selection:
    """All in one page."""
    return select_pages([(media, rows)], request)


def _ids(media: list[Candidate]) -> list[str]:
    return [one.media_id for one in media]


def _reasons(selection: Selection) -> dict[str, str]:
    return {one.media_id: reason for one, reason in selection.skipped}


def _distinct(media: list[Medium]) -> list[Medium]:
    return list({one.media_id: one for one in media}.values())


ids = st.sampled_from([f"m{number}" for number in range(12)])
dates = st.none() | st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "later"])
media_lists = st.lists(
    st.builds(
        medium,
        ids,
        captured_at=dates,
        created_at=dates,
        file_size=st.none() | st.integers(0, 5_000),
        type=st.sampled_from(["Video", "Photo"]),
    ),
    max_size=15,
).map(_distinct)
requests = st.builds(
    RunRequest,
    relist=st.booleans(),
    media_ids=st.frozensets(ids, max_size=4),
    types=st.sampled_from([(), ("Video",), ("burst",)]),
    limit=st.none() | st.integers(1, 4),
    max_bytes=st.none() | st.integers(1, 8_000),
)


@given(media_lists, st.sets(ids), requests, st.booleans())
def test_every_listed_medium_is_in_exactly_one_list(
    media: list[Medium], archived: set[str], request: RunRequest, dry: bool
) -> None:
    rows = {one.media_id: _synced(one) for one in media if one.media_id in archived}
    selection = select(media, rows, request)
    if dry:
        selection = as_dry_run(selection)
    sorted_out = {*_ids(selection.queued), *_reasons(selection)}
    assert len(sorted_out) == len(selection.queued) + len(selection.skipped)
    left_out = {one.media_id for one in media} - sorted_out
    assert len(left_out) == selection.already_synced
    assert left_out == (set() if request.relist else archived & {one.media_id for one in media})
    assert selection.listed == len(media)


@given(media_lists, requests)
def test_limits_are_kept_but_never_hold_back_the_first_medium(media: list[Medium], request: RunRequest) -> None:
    queued = select(media, {}, request).queued
    sizes = [one.file_size or 0 for one in queued]
    assert request.limit is None or len(queued) <= request.limit
    assert request.max_bytes is None or sum(sizes[1:]) <= max(0, request.max_bytes - sum(sizes[:1]))
    assert bool(queued) == any(request.refusal(one) is None for one in media)


@pytest.mark.parametrize("why", [{"side_files_due": 1}, {"fallback": True}])
@pytest.mark.parametrize("request_", [RunRequest(limit=1), RunRequest(max_bytes=10)])
def test_a_look_at_what_is_archived_holds_back_no_new_medium(request_: RunRequest, why: dict[str, Any]) -> None:
    looks = [medium(name, captured_at="2026-01-01T00:00:00Z", file_size=1_000) for name in ("a", "b")]
    new = [medium(name, captured_at="2026-01-02T00:00:00Z", file_size=6) for name in ("c", "d")]
    rows = {one.media_id: {**_synced(one), **why} for one in looks}
    selection = select([*looks, *new], rows, request_)
    assert (_ids(selection.queued), [*_reasons(selection)]) == (["a", "b", "c"], ["d"])
    relisted = select([*looks, *new], rows, replace(request_, relist=True))
    assert _ids(relisted.queued)[0] == "a"
    assert "b" in _reasons(relisted)


def test_the_oldest_medium_comes_first_and_undated_ones_last() -> None:
    media = [
        medium("undated", captured_at=None, created_at=None),
        medium("uploaded", captured_at=None, created_at="2026-01-02T00:00:00Z"),
        medium("new", captured_at="2026-01-03T00:00:00Z"),
        medium("old", captured_at="2026-01-01T00:00:00Z"),
    ]
    assert _ids(select(media, {}, RunRequest()).queued) == ["old", "uploaded", "new", "undated"]


def test_media_of_the_same_moment_are_always_in_the_same_order() -> None:
    media = [medium("b"), medium("c"), medium("a")]
    assert _ids(select(media, {}, RunRequest()).queued) == ["a", "b", "c"]


def test_what_is_archived_is_not_copied_again() -> None:
    one = medium()
    selection = select([one], {one.media_id: _synced(one)}, RunRequest())
    assert (selection.queued, selection.already_synced) == ([], 1)


def test_relist_looks_at_archived_media_again() -> None:
    one = medium()
    assert _ids(select([one], {one.media_id: _synced(one)}, RunRequest(relist=True)).queued) == ["m1"]


def test_a_medium_that_changed_at_gopro_is_copied_again() -> None:
    row = _synced(medium())
    changed = medium(reprocessed_at="2026-03-01T00:00:00Z")
    assert _ids(select([changed], {MediaId("m1"): row}, RunRequest()).queued) == ["m1"]


def test_archived_media_use_up_no_limit() -> None:
    media = [medium(f"m{number}", captured_at=f"2026-01-0{number}") for number in (1, 2, 3)]
    rows = {media[0].media_id: _synced(media[0])}
    selection = select(media, rows, RunRequest(limit=1))
    assert (_ids(selection.queued), _reasons(selection)) == (["m2"], {"m3": "beyond limit"})


def test_media_that_were_not_asked_for_use_up_no_limit() -> None:
    media = [medium("m1", type="Photo"), medium("m2"), medium("m3")]
    selection = select(media, {}, RunRequest(types=("Video",), limit=1))
    assert _ids(selection.queued) == ["m2"]
    assert _reasons(selection) == {"m1": "type not asked for", "m3": "beyond limit"}


def test_a_medium_larger_than_max_bytes_is_copied_when_it_is_the_first() -> None:
    selection = select([medium("m1", file_size=500), medium("m2", file_size=1)], {}, RunRequest(max_bytes=100))
    assert (_ids(selection.queued), _reasons(selection)) == (["m1"], {"m2": "beyond max_bytes"})


def test_a_medium_that_still_fits_is_taken_after_one_that_did_not() -> None:
    media = [medium("m1", file_size=60), medium("m2", file_size=50), medium("m3", file_size=40)]
    selection = select(media, {}, RunRequest(max_bytes=100))
    assert (_ids(selection.queued), _reasons(selection)) == (["m1", "m3"], {"m2": "beyond max_bytes"})


def test_a_medium_of_unknown_size_uses_up_no_bytes() -> None:
    media = [medium("m1", file_size=100), medium("m2", file_size=None)]
    assert _ids(select(media, {}, RunRequest(max_bytes=100)).queued) == ["m1", "m2"]


@given(media_lists, requests, st.integers(1, 5))
def test_it_does_not_matter_how_the_media_are_spread_over_pages(
    media: list[Medium], request: RunRequest, size: int
) -> None:
    pages: list[tuple[list[Medium], dict[MediaId, Any]]] = [
        (media[start : start + size], {}) for start in range(0, len(media), size)
    ]
    assert select_pages(pages, request) == select(media, {}, request)


def test_what_the_tracker_knows_of_a_candidate_is_noted() -> None:
    one, other = medium("m1"), medium("m2", revision_number=2)
    rows = {MediaId("m1"): listing_facts(one), MediaId("m2"): {**_synced(medium("m2")), "facts_hash": "another"}}
    queued = select([one, other, medium("m3")], rows, RunRequest()).queued
    assert [(each.unrecorded, each.proven) for each in queued] == [(False, False), (True, True), (True, False)]


def test_a_dry_run_copies_nothing_and_says_what_it_would() -> None:
    dry = as_dry_run(select([medium("m1"), medium("m2", type="Photo")], {}, RunRequest(types=("Video",))))
    assert dry.queued == []
    assert _reasons(dry) == {"m1": DRY_RUN_REASON, "m2": "type not asked for"}


def test_the_manifest_has_what_the_downloaders_event_carries_of_a_medium() -> None:
    selection = select([medium(file_size=None)], {}, RunRequest())
    (item,) = map(manifest_item, selection.queued)
    assert item == {
        "media_id": "m1",
        "filename": "GX010042.MP4",
        "file_size": 0,
        "upload_date": "2026-02-01T08:00:00Z",
    }
    assert set(item) | {"schema", "run_id"} == DOWNLOAD_KEYS
