"""How a piece is cut into parts, and missing parts into ranges."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import PieceTooLarge
from cloud_sync_common.rules.outcomes import PartRange
from cloud_sync_common.transfer.planning import (
    MAX_PART,
    MAX_PARTS,
    MIB,
    USUAL_MAX_PART,
    USUAL_MIN_PART,
    Part,
    PartPlan,
    missing_ranges,
    plan_parts,
    smaller_part,
)

LARGEST = MAX_PARTS * MAX_PART
GIB = 1024 * MIB

sizes = st.one_of(
    st.integers(1, LARGEST),
    st.integers(1, 64 * GIB),
    st.sampled_from([1, 5 * MIB, USUAL_MIN_PART - 1, USUAL_MIN_PART, USUAL_MIN_PART + 1, MAX_PARTS * USUAL_MAX_PART]),
)


@given(sizes)
def test_every_plan_stays_within_the_limits_of_s3(size: int) -> None:
    plan = plan_parts(size)
    assert 1 <= plan.count <= MAX_PARTS
    assert USUAL_MIN_PART <= plan.part_size <= MAX_PART
    assert plan.part_size % MIB == 0


@given(sizes)
def test_first_and_last_part_of_any_plan_meet_the_ends_of_the_piece(size: int) -> None:
    plan = plan_parts(size)
    assert plan.part(1).first == 0
    assert plan.part(plan.count).last == size - 1
    assert (plan.count - 1) * plan.part_size + plan.part(plan.count).size == size


@given(st.integers(1, 5_000), st.integers(1, 700))
def test_parts_are_contiguous_disjoint_and_add_up(size: int, part_size: int) -> None:
    parts = list(PartPlan(size, part_size))
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert [byte for part in parts for byte in range(part.first, part.last + 1)] == list(range(size))
    assert sum(part.size for part in parts) == size
    assert all(part.size == part_size for part in parts[:-1])


@given(sizes, st.integers(1, MAX_PARTS))
def test_a_part_number_always_has_the_same_bytes(size: int, number: int) -> None:
    first, second = plan_parts(size), plan_parts(size)
    assert first == second
    if number <= first.count:
        assert first.part(number) == second.part(number)


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (1, USUAL_MIN_PART),
        (100 * MIB, USUAL_MIN_PART),
        (800 * MIB, 100 * MIB),
        (12 * GIB, USUAL_MAX_PART),
        (300 * GIB, USUAL_MAX_PART),
        (MAX_PARTS * USUAL_MAX_PART + 1, USUAL_MAX_PART + MIB),
        (LARGEST, MAX_PART),
    ],
)
def test_part_size_is_an_eighth_between_16_and_256_mib_until_the_number_of_parts_forces_more(
    size: int, part_size: int
) -> None:
    assert plan_parts(size).part_size == part_size


def test_a_piece_beyond_what_s3_can_hold_is_refused_by_name() -> None:
    with pytest.raises(PieceTooLarge, match="10000 parts"):
        plan_parts(LARGEST + 1)


@pytest.mark.parametrize("size", [0, -1])
def test_nothing_cannot_be_cut_into_parts(size: int) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        plan_parts(size)


@pytest.mark.parametrize("number", [0, 4])
def test_a_part_outside_the_plan_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.3"):
        PartPlan(25, 10).part(number)


def test_the_last_part_is_the_shorter_one() -> None:
    assert list(PartPlan(25, 10)) == [Part(1, 0, 9), Part(2, 10, 19), Part(3, 20, 24)]


@given(st.lists(st.integers(1, MAX_PARTS), max_size=60), st.integers(1, 12))
def test_ranges_cover_every_missing_part_without_overlap_and_are_few_enough(missing: list[int], most: int) -> None:
    ranges = missing_ranges(missing, most)
    assert len(ranges) <= most
    assert all(one.first <= one.last for one in ranges)
    assert all(before.last < after.first for before, after in pairwise(ranges))
    for number in missing:
        assert any(one.first <= number <= one.last for one in ranges)


@given(st.sets(st.integers(1, 500), min_size=1), st.integers(1, 12))
def test_ranges_begin_and_end_with_missing_parts_and_share_the_work_evenly(missing: set[int], most: int) -> None:
    ranges = missing_ranges(missing, most)
    work = [sum(one.first <= number <= one.last for number in missing) for one in ranges]
    assert all({one.first, one.last} <= missing for one in ranges)
    assert sum(work) == len(missing)
    assert max(work) == -(-len(missing) // most)


def test_nothing_missing_needs_no_range() -> None:
    assert missing_ranges([], 4) == ()
    assert missing_ranges([1, 2], 0) == ()


def test_a_range_may_span_parts_that_are_there() -> None:
    assert missing_ranges([1, 2, 8, 9], 1) == (PartRange(1, 9),)
    assert missing_ranges([9, 1, 8, 2], 2) == (PartRange(1, 2), PartRange(8, 9))


# Smaller parts for a slow connection

plans = sizes.map(plan_parts)


@given(plans, st.integers(0, MAX_PART))
def test_smaller_parts_are_planned_as_found_and_stay_within_the_limits_of_s3(plan: PartPlan, moved: int) -> None:
    found = smaller_part(plan, moved)
    if found is None:
        return
    again = plan_parts(plan.size, found)
    assert again.part_size == found < plan.part_size
    assert found >= 5 * MIB
    assert found % MIB == 0
    assert 1 < again.count <= MAX_PARTS


@given(plans, st.integers(1, MAX_PART))
def test_smaller_parts_take_half_of_what_was_moved_wherever_s3_allows_that(plan: PartPlan, moved: int) -> None:
    found = smaller_part(plan, moved)
    least = max(5 * MIB, -(-plan.size // MAX_PARTS))
    assert found is None or found <= moved / 2 or found - MIB < least


@given(plans, st.data())
def test_parts_become_smaller_at_most_ten_times(plan: PartPlan, data: st.DataObject) -> None:
    for _ in range(10):
        moved = data.draw(st.integers(0, plan.part_size))
        found = smaller_part(plan, moved)
        if found is None:
            return
        plan = plan_parts(plan.size, found)
    assert smaller_part(plan, plan.part_size) is None


@pytest.mark.parametrize(
    ("size", "moved", "expected"),
    [
        (1 * GIB, 0, None),
        (1 * GIB, 1, 5 * MIB),
        (1 * GIB, 100 * MIB, 50 * MIB),
        (1 * GIB, 101 * MIB + 5, 50 * MIB),
        (6 * MIB, 3 * MIB, 5 * MIB),
        (5 * MIB, 3 * MIB, None),
        (MAX_PARTS * USUAL_MAX_PART, 200 * MIB, None),
        (MAX_PARTS * 50 * MIB, 20 * MIB, 50 * MIB),
    ],
)
def test_smaller_parts_of_known_cases(size: int, moved: int, expected: int | None) -> None:
    assert smaller_part(plan_parts(size), moved) == expected
