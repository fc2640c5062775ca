"""How long an invocation may still move bytes."""

from __future__ import annotations

import pytest

from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from tests.support.clocks import ManualClock


@pytest.mark.parametrize(("remaining_ms", "moving"), [(900_000, 855.0), (300_000, 255.0), (60_000, 51.0), (0, 0.0)])
def test_time_for_completing_is_reserved(remaining_ms: int, moving: float) -> None:
    deadline = Deadline.for_invocation(ManualClock(), remaining_ms)
    assert deadline.remaining() == pytest.approx(moving)


def test_time_goes_by() -> None:
    clock = ManualClock()
    deadline = Deadline(clock, clock.time + 10)
    deadline.check()
    clock.advance(9)
    assert deadline.remaining() == pytest.approx(1)
    assert deadline.allows(0.9)
    assert not deadline.allows(1)


@pytest.mark.parametrize("late", [0, 1])
def test_the_end_of_the_time_is_an_exception(late: float) -> None:
    clock = ManualClock()
    deadline = Deadline(clock, clock.time + 10)
    clock.advance(10 + late)
    with pytest.raises(DeadlineReached):
        deadline.check()
    assert not deadline.allows(0)


def test_an_invocation_is_fresh_until_half_of_its_time_for_moving_is_over() -> None:
    clock = ManualClock()
    deadline = Deadline.for_invocation(clock, 900_000)
    clock.advance(427)
    assert deadline.is_fresh()
    clock.advance(1)
    assert not deadline.is_fresh()


def test_a_deadline_that_does_not_say_how_long_it_was_is_fresh_until_it_is_over() -> None:
    clock = ManualClock()
    deadline = Deadline(clock, clock.time + 10)
    clock.advance(10)
    assert deadline.is_fresh()
    clock.advance(1)
    assert not deadline.is_fresh()
