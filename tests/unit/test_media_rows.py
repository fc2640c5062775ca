"""A medium in the tracker's row and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.models import MediaId, Medium
from cloud_sync_common.rules.events import DownloadEvent
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import is_synced, listing_facts, medium_from_document, medium_of
from tests.support.media import medium

EVENT = DownloadEvent("r1", MediaId("m1"), "seen.MP4", 7, "2026-02-01T08:00:00Z")

media = st.builds(
    medium,
    st.text(min_size=1, max_size=5),
    filename=st.text(max_size=5),
    file_size=st.none() | st.integers(0, 2**60),
    captured_at=st.none() | st.text(max_size=5),
    item_count=st.none() | st.integers(0, 9_000),
    width=st.none() | st.integers(0, 9_000),
    content_title=st.none() | st.text(max_size=5),
)


@given(media)
def test_a_medium_comes_back_from_its_row_as_it_was_listed(one: Medium) -> None:
    assert medium_of(listing_facts(one), EVENT) == one


@given(media)
def test_a_medium_comes_back_from_a_page_in_the_runs_bucket(one: Medium) -> None:
    assert medium_from_document(json.loads(json.dumps(asdict(one)))) == one


@pytest.mark.parametrize("change", [{"file_size": 2}, {"captured_at": None}, {"content_title": "x"}, {"filename": "y"}])
def test_the_hash_of_the_facts_changes_with_every_one_of_them(change: dict[str, Any]) -> None:
    known = listing_facts(medium())["facts_hash"]
    assert listing_facts(medium())["facts_hash"] == known
    assert listing_facts(medium(**change))["facts_hash"] != known


def test_a_row_holds_nothing_that_gopro_left_out() -> None:
    facts = listing_facts(medium(captured_at=None))
    assert "captured_at" not in facts["medium"]
    assert None not in facts["medium"].values()


def test_an_attribute_that_this_version_does_not_know_is_left_alone() -> None:
    row = listing_facts(medium())
    row["medium"]["added_later"] = 1
    assert medium_of(row, EVENT) == medium()


def test_a_medium_that_nobody_listed_is_what_its_event_says() -> None:
    one = medium_of({}, EVENT)
    assert (one.media_id, one.filename, one.file_size, one.created_at) == ("m1", "seen.MP4", 7, EVENT.upload_date)
    assert one.captured_at is None


SYNCED: dict[str, Any] = {"status": "COMPLETED", "synced_signature": signature(medium())}


def test_a_medium_with_proof_of_what_is_listed_now_is_synced() -> None:
    assert is_synced(SYNCED, signature(medium()))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {**SYNCED, "status": "FAILED"},
        {**SYNCED, "status": "IN_PROGRESS"},
        {"status": "COMPLETED"},
        {**SYNCED, "synced_signature": signature(medium(file_size=2))},
        {**SYNCED, "fallback": True},
        {**SYNCED, "note": "source_deleted"},
    ],
)
def test_a_medium_without_that_proof_is_looked_at_again(row: dict[str, Any]) -> None:
    assert not is_synced(row, signature(medium()))
