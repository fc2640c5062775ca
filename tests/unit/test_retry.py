"""Trying again inside one invocation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import (
    ArchiveDenied,
    ArchiveThrottled,
    KeyConflict,
    SourceChanged,
    SourceThrottled,
    SourceUnavailable,
    TruncatedBody,
)
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.retry import Retry, RetryBudget
from tests.support.clocks import ManualClock, Naps, no_hurry


class Failing:
    """Raises the given errors one after the other, then returns."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


def _most(seconds: float) -> float:
    return seconds


def _retry(naps: Naps, jitter: Callable[[float], float] = _most) -> Retry:
    return Retry(naps, jitter=jitter)


def test_what_succeeds_is_done_once() -> None:
    naps, action = Naps(), Failing()
    assert _retry(naps).run(action, no_hurry()) == "done"
    assert (action.calls, naps) == (1, [])


@pytest.mark.parametrize("error", [SourceUnavailable("x"), TruncatedBody("x"), ArchiveThrottled("x")])
def test_a_passing_failure_is_tried_again_with_growing_waits(error: Exception) -> None:
    naps, action = Naps(), Failing(error, error)
    assert _retry(naps).run(action, no_hurry()) == "done"
    assert (action.calls, naps) == (3, [0.5, 1.0])


def test_the_last_failure_goes_up() -> None:
    naps, action = Naps(), Failing(TruncatedBody("1"), TruncatedBody("2"), TruncatedBody("3"), TruncatedBody("4"))
    with pytest.raises(TruncatedBody, match="3"):
        _retry(naps).run(action, no_hurry())
    assert action.calls == 3


@pytest.mark.parametrize("error", [SourceChanged("x"), ArchiveDenied("x"), KeyConflict("x"), DeadlineReached()])
def test_what_another_try_cannot_mend_goes_up_at_once(error: Exception) -> None:
    naps, action = Naps(), Failing(error)
    with pytest.raises(type(error)):
        _retry(naps).run(action, no_hurry())
    assert (action.calls, naps) == (1, [])


def test_the_source_decides_how_long_to_wait() -> None:
    naps, action = Naps(), Failing(SourceThrottled("x", status=429, retry_after=7), SourceThrottled("x", status=429))
    _retry(naps).run(action, no_hurry())
    assert naps == [7.5, 1.0]


@pytest.mark.parametrize("error", [SourceThrottled, SourceUnavailable])
def test_a_server_that_asks_for_more_than_a_minute_is_left_to_the_workflow(
    error: type[SourceThrottled | SourceUnavailable],
) -> None:
    naps, action = Naps(), Failing(error("x", status=503, retry_after=60), error("x", status=503, retry_after=61))
    with pytest.raises(error):
        _retry(naps).run(action, no_hurry())
    assert (action.calls, naps) == (2, [60.5])


# The budget of a medium


def test_without_budget_the_failure_goes_up_at_once() -> None:
    naps, budget = Naps(), RetryBudget(free=1)
    assert _retry(naps).run(Failing(TruncatedBody("x")), no_hurry(), budget) == "done"
    action = Failing(TruncatedBody("x"))
    with pytest.raises(TruncatedBody):
        _retry(naps).run(action, no_hurry(), budget)
    assert (action.calls, naps, budget.spent) == (1, [0.5], 1)


def test_what_succeeds_at_once_spends_nothing_and_ten_of_it_earn_a_retry() -> None:
    budget = RetryBudget(free=0)
    for _ in range(10):
        assert not budget.spend()
        _retry(Naps()).run(Failing(), no_hurry(), budget)
    assert [budget.spend(), budget.spend()] == [True, False]


def test_what_another_try_cannot_mend_spends_nothing() -> None:
    budget = RetryBudget()
    for error in (SourceChanged("x"), ArchiveDenied("x"), SourceThrottled("x", retry_after=900), DeadlineReached()):
        with pytest.raises(type(error)):
            _retry(Naps()).run(Failing(error), no_hurry(), budget)
    assert budget.spent == 0


@given(st.lists(st.integers(0, 3), max_size=300), st.integers(0, 40))
def test_over_all_parts_no_more_is_tried_again_than_the_budget_has(failures: list[int], free: int) -> None:
    budget, naps, done = RetryBudget(free), Naps(), 0
    for count in failures:
        with suppress(TruncatedBody):
            _retry(naps).run(Failing(*[TruncatedBody("x")] * count), no_hurry(), budget)
            done += 1
    assert len(naps) == budget.spent <= free + done // 10


def test_threads_share_one_budget() -> None:
    budget, together = RetryBudget(free=50), threading.Barrier(8)

    def spend(_: int) -> int:
        together.wait(timeout=10)
        return sum(budget.spend() for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(8))) == budget.spent == 50


def test_waits_are_jittered_and_bounded() -> None:
    naps = Naps()
    action = Failing(*[SourceUnavailable("x") for _ in range(9)])
    Retry(naps, attempts=10, jitter=lambda most: most / 2).run(action, no_hurry())
    assert naps == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0]


def test_the_own_jitter_stays_within_its_bounds() -> None:
    naps = Naps()
    Retry(naps).run(Failing(SourceUnavailable("x"), SourceUnavailable("x")), no_hurry())
    assert 0 <= naps[0] <= 0.5
    assert 0 <= naps[1] <= 1.0


def test_a_wait_beyond_the_deadline_ends_the_work_instead() -> None:
    clock = ManualClock()
    naps, action = Naps(clock), Failing(SourceThrottled("x", status=429, retry_after=60))
    with pytest.raises(DeadlineReached) as caught:
        _retry(naps).run(action, Deadline(clock, clock.time + 30))
    assert isinstance(caught.value.__cause__, SourceThrottled)
    assert (action.calls, naps) == (1, [])


def test_a_try_that_has_stalled_is_left_to_the_workflow() -> None:
    clock = ManualClock()
    calls: list[int] = []

    def stall() -> str:
        calls.append(1)
        clock.advance(20.0)
        raise SourceUnavailable("nothing came", timed_out=True)

    with pytest.raises(SourceUnavailable):
        Retry(Naps(), clock=clock).run(stall, no_hurry())
    assert len(calls) == 1


def test_a_long_try_that_broke_off_while_bytes_came_is_tried_again() -> None:
    clock = ManualClock()
    errors: list[Exception] = [SourceUnavailable("reset"), ArchiveThrottled("x")]

    def break_off() -> str:
        clock.advance(27.0)
        if errors:
            raise errors.pop()
        return "done"

    assert Retry(Naps(), clock=clock).run(break_off, no_hurry()) == "done"
