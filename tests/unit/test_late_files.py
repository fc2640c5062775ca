"""How long late files are looked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.rules.late_files import DAY, is_look, side_files_due
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import is_synced
from tests.support.media import medium

UPLOADED = 1_769_932_800
"""2026-02-01T08:00:00Z, when the medium of the tests was uploaded."""


def due(
    row: dict[str, Any] | None = None, *, now: int, absent: bool = True, failed: bool = False, **fields: Any
) -> Any:
    return side_files_due(row or {}, medium(**fields), 14, now, absent=absent, failed=failed)


def test_what_is_not_made_yet_is_looked_for_until_so_many_days_after_the_upload() -> None:
    assert due(now=UPLOADED + DAY) == UPLOADED + 14 * DAY
    assert due(now=UPLOADED + 14 * DAY - 1) == UPLOADED + 14 * DAY
    assert due(now=UPLOADED + 14 * DAY) is None


def test_a_medium_that_gopro_processed_anew_has_late_files_anew() -> None:
    now = UPLOADED + 1_000 * DAY
    assert due(now=now, reprocessed_at="2028-10-28T00:00:00Z") == 1_856_304_000 + 14 * DAY
    assert due(now=now, reprocessed_at="2099-01-01T00:00:00Z") is None
    assert due(now=now, reprocessed_at="2020-01-01T00:00:00Z") is None


def test_what_could_not_be_fetched_is_looked_for_from_now_on_however_old_the_medium_is() -> None:
    now = UPLOADED + 1_000 * DAY
    assert due(now=now, failed=True) == now + 14 * DAY
    assert due({"side_files_due": now + DAY}, now=now, failed=True) == now + DAY
    assert due({"side_files_due": now}, now=now, failed=True) is None


def test_what_was_waited_for_long_enough_is_not_waited_for_with_what_could_not_be_fetched() -> None:
    now = UPLOADED + 1_000 * DAY
    assert due({"side_files_due": now + DAY}, now=now) is None
    assert due({"side_files_due": now + DAY}, now=now, created_at=None) == now + DAY


def test_nothing_is_looked_for_where_nothing_is_missing() -> None:
    assert due({"side_files_due": UPLOADED + DAY}, now=UPLOADED, absent=False) is None


@pytest.mark.parametrize("created_at", [None, "", "yesterday", "2099-01-01T00:00:00Z"])
def test_a_medium_without_a_date_that_can_be_is_as_if_uploaded_now(created_at: str | None) -> None:
    assert due(now=UPLOADED, created_at=created_at) == UPLOADED + 14 * DAY


@given(st.none() | st.text(max_size=25) | st.datetimes().map(str), st.integers(0, 2**40), st.booleans())
def test_any_date_at_all_gives_a_time_that_is_to_come_and_near(created_at: str | None, now: int, failed: bool) -> None:
    found = due(now=now, created_at=created_at, failed=failed)
    assert found is None or now < found <= now + 14 * DAY


def test_a_row_with_late_files_is_looked_at_again_and_all_that_is_left_is_a_look() -> None:
    row = {"status": "COMPLETED", "synced_signature": signature(medium()), "side_files_due": 1}
    assert not is_synced(row, signature(medium()))
    assert is_look(row, signature(medium()))


@pytest.mark.parametrize("change", [{"synced_signature": "another"}, {"fallback": True}])
def test_a_changed_medium_and_a_proxy_need_more_than_a_look(change: dict[str, Any]) -> None:
    row = {"status": "COMPLETED", "synced_signature": signature(medium()), "side_files_due": 1, **change}
    assert not is_look(row, signature(medium()))
    assert not is_look({"synced_signature": signature(medium())}, signature(medium()))
