"""Trying again inside one invocation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
from cloud_sync_common.transfer.retry import Retry
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
    assert naps == [7.0, 1.0]


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
        raise SourceUnavailable("nothing came")

    with pytest.raises(SourceUnavailable):
        Retry(Naps(), clock=clock).run(stall, no_hurry())
    assert len(calls) == 1
