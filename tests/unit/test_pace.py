"""How fast GoPro is asked, and how long not at all."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses

from cloud_sync_common.edges.pace import LONGEST_PAUSE_SECONDS, SPREAD_SECONDS, Pace
from cloud_sync_common.errors import SourceThrottled
from tests.unit.gopro_http import ACCOUNT, CREDENTIALS, NOW, SEARCH, Naps, make_api

PROJECT = Path(__file__).resolve().parents[2]


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    def pace(self, jitter: float = 0.0, interval: float = 0.1) -> Pace:
        return Pace(self.sleep, lambda: self.now, lambda: jitter, interval)


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_calls_keep_their_distance_and_a_slow_one_waits_for_nothing() -> None:
    time = Time()
    pace = time.pace()
    pace.wait()
    assert time.naps == []
    pace.wait()
    assert time.naps == pytest.approx([0.1])
    time.now += 5
    pace.wait()
    assert len(time.naps) == 1


def test_threads_that_come_together_go_out_one_after_the_other() -> None:
    """The clock stands still, so that only the places in the queue tell them apart."""
    naps: list[float] = []
    pace = Pace(naps.append, lambda: NOW, lambda: 0.0, 0.1)
    threads = [threading.Thread(target=pace.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(naps) == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("step", [-3_600.0, -1e9])
def test_a_clock_that_is_set_back_holds_nobody_up(step: float) -> None:
    time = Time()
    pace = time.pace()
    pace.wait()
    time.now += step
    pace.wait()
    assert sum(time.naps) <= 2.0


def test_a_pause_is_waited_out_once_and_not_in_step() -> None:
    time = Time()
    pace = time.pace(jitter=0.5)
    pace.learn(NOW + 7)
    pace.wait()
    assert time.naps == [7 + 0.5 * SPREAD_SECONDS]
    time.now += 1
    pace.wait()
    assert len(time.naps) == 1


def test_a_pause_too_long_to_be_slept_through_is_left_to_the_workflow() -> None:
    time = Time()
    pace = time.pace()
    pace.learn(NOW + 61)
    with pytest.raises(SourceThrottled, match="GoPro asks to wait 61 s") as error:
        pace.wait()
    assert (time.naps, error.value.status, error.value.retry_after) == ([], 429, 61.0)
    time.now += 1
    pace.wait()
    assert time.naps == [60.0]


def test_the_longer_of_two_pauses_stays() -> None:
    time = Time()
    pace = time.pace()
    pace.learn(NOW + 20)
    pace.learn(NOW + 5)
    pace.pause(6)
    pace.wait()
    assert time.naps == [20.0]


def test_only_a_new_pause_is_told() -> None:
    time = Time()
    pace = time.pace()
    told: list[float] = []
    pace.tell = told.append
    pace.learn(NOW + 20)
    pace.pause(20)
    pace.pause(30)
    pace.pause(30)
    assert told == [NOW + 30]


@pytest.mark.parametrize("learnt", [True, False])
def test_a_pause_of_years_is_somebodys_mistake(learnt: bool) -> None:
    time = Time()
    pace = time.pace()
    told: list[float] = []
    pace.tell = told.append
    if learnt:
        pace.learn(NOW + 1e9)
    else:
        pace.pause(1e9)
        assert told == [NOW + LONGEST_PAUSE_SECONDS]
    with pytest.raises(SourceThrottled) as error:
        pace.wait()
    assert error.value.retry_after == LONGEST_PAUSE_SECONDS


def test_each_request_keeps_the_distance_those_about_the_cookies_too(web: responses.RequestsMock) -> None:
    web.get(SEARCH, status=500)
    web.get(ACCOUNT, json={"total_count": "1"})
    naps = Naps()
    api = make_api(naps, jitter=0.0, interval=0.1, attempts=2)
    with pytest.raises(Exception, match="500"):
        api.search(1, 200, CREDENTIALS)
    assert len(web.calls) == 3
    assert naps == pytest.approx([0.1, 0.2])  # the clock of these tests stands still


@pytest.mark.parametrize("status", [429, 503])
def test_what_gopro_asks_for_is_told_and_holds_for_the_next_call_too(web: responses.RequestsMock, status: int) -> None:
    web.get(SEARCH, status=status, headers={"Retry-After": "7"})
    web.get(ACCOUNT, json={"total_count": "1"})
    naps = Naps()
    api = make_api(naps, jitter=0.0, attempts=1)
    told: list[float] = []
    api.pace.tell = told.append
    with pytest.raises(Exception, match=str(status)):
        api.search(1, 200, CREDENTIALS)
    assert (told, naps) == ([NOW + 7], [])
    api.account(CREDENTIALS)
    assert naps == [7.0]


def test_throttling_to_the_end_without_a_word_of_how_long_makes_a_pause_of_its_own(web: responses.RequestsMock) -> None:
    web.get(SEARCH, status=429)
    api = make_api(Naps(), attempts=2)
    told: list[float] = []
    api.pace.tell = told.append
    with pytest.raises(SourceThrottled):
        api.search(1, 200, CREDENTIALS)
    assert told == [NOW + 20]


def test_an_outage_without_a_word_makes_no_pause(web: responses.RequestsMock) -> None:
    web.get(ACCOUNT, status=503)
    api = make_api(Naps(), attempts=2)
    told: list[float] = []
    api.pace.tell = told.append
    with pytest.raises(Exception, match="503"):
        api.account(CREDENTIALS)
    assert told == []


def test_the_workflow_tries_for_longer_than_the_longest_pause() -> None:
    """Full jitter waits half of each interval on average: what counts is that mean, with a half as much again."""
    found = [
        retrier
        for retrier in re.findall(r"\{[^{}]*\}", (PROJECT / "cloud_sync" / "state_machine.asl.json").read_text())
        if '"SourceThrottled"' in retrier
    ]
    assert len(found) == 3
    for text in found:
        retrier = json.loads(text)
        waits = [
            min(retrier["MaxDelaySeconds"], retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt)
            for attempt in range(retrier["MaxAttempts"])
        ]
        assert sum(waits) / 2 > 1.5 * LONGEST_PAUSE_SECONDS
