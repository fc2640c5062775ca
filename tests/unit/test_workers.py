"""How many workers there are, from how much of the processor they leave idle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.transfer.workers import WorkerCount

COUNTS = st.integers(1, 64)
STEPS = st.lists(st.tuples(st.floats(0, 5), st.floats(0, 2)), max_size=60)
"""Seconds since the last look, and how much of a processor was used in them."""


def _look(count: WorkerCount, steps: list[tuple[float, float]]) -> list[int]:
    """Take these steps; what was allowed after each."""
    allowed, now, used = [], 100.0, 7.0
    count.observe(now, used)
    for seconds, share in steps:
        now, used = now + seconds, used + seconds * share
        count.observe(now, used)
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


@given(COUNTS, st.floats(0, 0.4))
def test_workers_that_leave_the_processor_idle_become_as_many_as_there_may_be(most: int, share: float) -> None:
    count = WorkerCount(most)
    _look(count, [(5.0, share)] * 20)
    assert (count.allowed, count.is_settled) == (most, True)


@given(COUNTS, st.floats(0.6, 2))
def test_workers_that_work_stay_few(most: int, share: float) -> None:
    count = WorkerCount(most)
    assert set(_look(count, [(5.0, share)] * 20)) == {1}


@given(st.floats(0.05, 1))
def test_a_small_function_has_no_whole_processor_to_leave_idle(processors: float) -> None:
    assert set(_look(WorkerCount(8, processors), [(5.0, processors)] * 20)) == {1}


@pytest.mark.parametrize("most", [4, 64])
def test_nothing_is_decided_before_enough_was_seen(most: int) -> None:
    count = WorkerCount(most)
    assert _look(count, [(0.0, 0.0), (0.01, 0.0), (0.1, 0.0)]) == [1] * 3


def test_there_become_as_many_as_there_is_room_for() -> None:
    assert _look(WorkerCount(64), [(5.0, 0.125)]) == [8]


def test_after_each_step_what_was_before_counts_no_more() -> None:
    assert _look(WorkerCount(64), [(100.0, 0.125), (5.0, 0.75), (5.0, 0.75)]) == [8, 8, 8]
