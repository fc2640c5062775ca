"""How many workers there are, from how long they wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.transfer.workers import WorkerCount

COUNTS = st.integers(1, 64)
STEPS = st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), max_size=60)
"""Seconds of work since the last look, and the source's share of them."""


def _look(count: WorkerCount, steps: list[tuple[float, float]]) -> list[int]:
    """Take these steps; what was allowed after each."""
    allowed, source, whole = [], 0.0, 0.0
    for seconds, share in steps:
        source, whole = source + seconds * share, whole + seconds
        count.observe(source, whole)
        allowed.append(count.allowed)
    return allowed


@given(COUNTS, STEPS)
def test_whatever_is_measured_there_are_never_too_many_and_never_fewer(
    most: int, steps: list[tuple[float, float]]
) -> None:
    count = WorkerCount(most)
    allowed = [count.allowed, *_look(count, steps)]
    assert allowed[0] == 1
    assert allowed == sorted(allowed)
    assert allowed[-1] <= most
    assert count.is_settled == (count.allowed == most)


@given(COUNTS, st.one_of(st.floats(0.85, 1), st.floats(0, 0.15)))
def test_workers_that_wait_for_one_side_become_as_many_as_there_may_be(most: int, share: float) -> None:
    count = WorkerCount(most)
    _look(count, [(5.0, share)] * 20)
    assert (count.allowed, count.is_settled) == (most, True)


@given(COUNTS, st.floats(0.25, 0.75))
def test_workers_that_work_stay_few(most: int, share: float) -> None:
    count = WorkerCount(most)
    assert set(_look(count, [(5.0, share)] * 20)) == {1}


@pytest.mark.parametrize("most", [4, 64])
def test_nothing_is_decided_before_enough_was_seen(most: int) -> None:
    count = WorkerCount(most)
    assert _look(count, [(0.0, 1.0), (0.01, 1.0), (0.1, 1.0)]) == [1] * 3


@pytest.mark.parametrize("share", [0.875, 0.125])
def test_there_become_as_many_as_the_waiting_leaves_room_for(share: float) -> None:
    assert _look(WorkerCount(64), [(5.0, share)]) == [8]


def test_after_each_step_what_was_before_counts_no_more() -> None:
    count = WorkerCount(64)
    assert _look(count, [(100.0, 0.875), (5.0, 0.5), (5.0, 0.5)]) == [8, 8, 8]
