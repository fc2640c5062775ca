"""Retry's arithmetic, without waiting."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sandbox.aws.stepfunctions.retry import Retries


def waits(retrier: dict[str, Any], seed: int = 1) -> list[float]:
    """Return the stated waits of a retrier until it gives up."""
    retries = Retries([{"ErrorEquals": ["States.ALL"], **retrier}], random.Random(seed))  # noqa: S311 - a seed
    found = []
    while (wait := retries.next_wait("Some")) is not None:
        found.append(wait.stated)
    return found


@pytest.mark.verifies("states.retry")
def test_waits_grow_up_to_their_maximum() -> None:
    assert waits({"IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 5, "MaxDelaySeconds": 30}) == [
        5,
        10,
        20,
        30,
        30,
    ]


def test_waits_have_the_languages_defaults() -> None:
    assert waits({}) == [1, 2, 4]
    assert waits({"MaxAttempts": 0}) == []


@pytest.mark.verifies("states.retry")
def test_full_jitter_waits_anything_up_to_the_interval() -> None:
    jittered = waits({"IntervalSeconds": 10, "BackoffRate": 1, "MaxAttempts": 200, "JitterStrategy": "FULL"})
    assert all(0 <= wait <= 10 for wait in jittered)
    assert min(jittered) < 1
    assert max(jittered) > 9


@pytest.mark.verifies("states.retry")
def test_every_retrier_counts_for_itself() -> None:
    retriers = [{"ErrorEquals": ["A"], "MaxAttempts": 1}, {"ErrorEquals": ["B"], "MaxAttempts": 1}]
    retries = Retries(retriers, random.Random(1))  # noqa: S311 - a seed
    given = [retries.next_wait(error) is not None for error in ("A", "B", "A", "B", "C")]
    assert given == [True, True, False, False, False]
