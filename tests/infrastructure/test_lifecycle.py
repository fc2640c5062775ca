"""What time does to the archive, computed from the rules that the bucket gets: nothing is lost, nothing costs twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sync.settings import Settings, SettingsError
from cloud_sync.toolchain import use_bundled_node
from cloud_sync_common.rules.attributes import SIDE_FILE_BYTES, SIDE_FILE_CLASS, storage_class_for

if TYPE_CHECKING:
    from aws_cdk.aws_s3 import LifecycleRule

use_bundled_node()
from cloud_sync.archive_construct import MEDIA_PREFIX, SMALL_FILE_BYTES, lifecycle_rules  # noqa: E402 - needs Node.js

MINIMUM_DAYS = {
    "STANDARD": 0,
    "STANDARD_IA": 30,
    "INTELLIGENT_TIERING": 0,
    "GLACIER_IR": 90,
    "GLACIER": 90,
    "DEEP_ARCHIVE": 180,
}
"""What S3 bills at least of each class: https://aws.amazon.com/s3/pricing/, "Minimum storage duration"."""


@dataclass(frozen=True)
class Stay:
    """An object's days in a class, ``None`` if it stays for good."""

    storage_class: str
    days: int | None


def _accepted(storage_class: str, after: int, kept: int) -> Settings | None:
    with suppress(SettingsError):
        return Settings(archive_storage_class=storage_class, deep_archive_after_days=after, noncurrent_expiry_days=kept)
    return None


# Mistakes by one are found at the edges.
days = st.sampled_from([day + off for day in (0, 30, 90, 180) for off in (-1, 0, 1) if day + off >= 0])
days |= st.integers(0, 400)
accepted_settings = (
    st.builds(_accepted, st.sampled_from(sorted(MINIMUM_DAYS)), days, days)
    .filter(lambda made: made is not None)
    .map(lambda made: made or Settings())
)
sizes = st.sampled_from([SIDE_FILE_BYTES + off for off in (-1, 0, 1)]) | st.integers(0, 2**45)


def _moves(rules: list[LifecycleRule], size: int) -> Iterator[tuple[int, str]]:
    """When a current object of the archive moves, and where to."""
    for rule in rules:
        assert rule.prefix in (None, MEDIA_PREFIX)
        if size > (rule.object_size_greater_than or -1):
            for move in rule.transitions or []:
                assert move.transition_after is not None
                yield int(move.transition_after.to_days()), move.storage_class.value


def _kept(rules: list[LifecycleRule]) -> int:
    [kept] = [rule.noncurrent_version_expiration for rule in rules if rule.noncurrent_version_expiration is not None]
    return int(kept.to_days())


def stays(rules: list[LifecycleRule], first: str, size: int, replaced_on: int | None) -> list[Stay]:
    """Where an object is from its upload to its end. A replaced version moves no more; it waits for its expiry."""
    found, since, now_in = [], 0, first
    for day, then in sorted(_moves(rules, size)):
        if replaced_on is None or day < replaced_on:
            found.append(Stay(now_in, day - since))
            since, now_in = day, then
    end = None if replaced_on is None else replaced_on + _kept(rules) - since
    return [*found, Stay(now_in, end)]


@settings(deadline=None)
@given(accepted_settings, sizes, st.none() | days)
def test_no_setting_that_is_accepted_ends_a_class_early(chosen: Settings, size: int, replaced_on: int | None) -> None:
    first = storage_class_for(size, chosen.archive_storage_class)
    for stay in stays(lifecycle_rules(chosen), first, size, replaced_on):
        assert stay.days is None or stay.days >= MINIMUM_DAYS[stay.storage_class]


@pytest.mark.parametrize("storage_class", sorted(MINIMUM_DAYS))
@pytest.mark.parametrize("after", [0, 30, 90, 400])
def test_the_shortest_time_that_is_accepted_for_old_versions_is_enough(storage_class: str, after: int) -> None:
    accepted = [made for kept in range(1, 400) if (made := _accepted(storage_class, after, kept))]
    for chosen in accepted[:1]:
        for replaced_on in (0, after, after + 1):
            for stay in stays(lifecycle_rules(chosen), storage_class, SIDE_FILE_BYTES, replaced_on):
                assert stay.days is None or stay.days >= MINIMUM_DAYS[stay.storage_class]


@settings(deadline=None)
@given(accepted_settings, sizes)
def test_small_files_are_in_standard_for_good_and_all_others_go_with_the_archive(chosen: Settings, size: int) -> None:
    rules = lifecycle_rules(chosen)
    assert not [rule for rule in rules if rule.expiration is not None or rule.expiration_date is not None]
    first = storage_class_for(size, chosen.archive_storage_class)
    found = [stay.storage_class for stay in stays(rules, first, size, None)]
    if size < SMALL_FILE_BYTES:
        assert found == [SIDE_FILE_CLASS] == ["STANDARD"]
    else:
        assert found[0] == chosen.archive_storage_class
        assert found[1:] == (["DEEP_ARCHIVE"] if chosen.deep_archive_after_days else [])


def test_the_functions_and_the_bucket_call_the_same_files_small() -> None:
    assert SIDE_FILE_BYTES == SMALL_FILE_BYTES == 128 * 1024


@pytest.mark.parametrize("after", [0, 90])
def test_uploads_that_nobody_ends_are_aborted_after_a_week_and_after_any_pause_between_nights(after: int) -> None:
    rules = lifecycle_rules(Settings(deep_archive_after_days=after))
    [rule] = [rule for rule in rules if rule.abort_incomplete_multipart_upload_after is not None]
    assert rule.prefix is None
    assert rule.abort_incomplete_multipart_upload_after is not None
    assert rule.abort_incomplete_multipart_upload_after.to_days() == 7
