"""A pause that GoPro asks one function for is kept by all functions of its run, through the run's row."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_sync_common.edges.gopro_api import GoProApi
from cloud_sync_common.edges.table import Change
from cloud_sync_common.errors import RunStopped, SourceThrottled
from cloud_sync_common.services.stop_flag import honouring_the_stop_flag, sharing_the_pace
from sandbox.gopro.messages import Request, Response
from tests.support.aws import Account
from tests.support.pipeline import World, make_file, make_medium, source, world

RUN = "run-1"
MEDIUM = "a" * 24


def in_run(this: World, api: GoProApi, action: Callable[[], Any]) -> Any:
    """What a function does around its work."""
    with honouring_the_stop_flag(this.ledger, RUN) as run, sharing_the_pace(api.pace, this.ledger, RUN, run):
        return action()


def throttled(seconds: int, path: str = "/download") -> Callable[[Request], Response | None]:
    return lambda request: Response(429, {"Retry-After": str(seconds)}) if request.path.endswith(path) else None


def library(folder: Path) -> Any:
    return make_medium(MEDIUM, source(make_file(folder / "GX010001.MP4", 1_000)))


def test_a_pause_reaches_a_function_that_begins_later(tmp_path: Path) -> None:
    with world(tmp_path, library(tmp_path)) as account:
        account.ledger.begin(RUN, {})
        account.gopro_behaviour = throttled(300)
        first = account.provider().api
        with pytest.raises(SourceThrottled):
            in_run(account, first, lambda: first.download(MEDIUM, account.credentials()))
        noted = (account.ledger.run(RUN) or {})["pause_until"]
        assert 290 <= noted - time.time() <= 301
        asked: list[str] = []
        account.gopro_behaviour = lambda request: asked.append(request.path)
        second = account.provider().api
        with pytest.raises(SourceThrottled) as error:
            in_run(account, second, lambda: second.account(account.credentials()))
        assert 280 <= (error.value.retry_after or 0) <= 301
        assert asked == []


def test_a_short_pause_is_slept_through_before_the_first_call(tmp_path: Path) -> None:
    with world(tmp_path, library(tmp_path)) as account:
        account.ledger.pause(RUN, int(time.time()) + 30)
        api = account.provider().api
        account.clock.slept.clear()
        assert in_run(account, api, lambda: api.account(account.credentials())).total_items == 1
        assert 25 <= account.clock.slept[0] <= 31


def test_a_pause_that_is_over_costs_nothing(tmp_path: Path) -> None:
    with world(tmp_path, library(tmp_path)) as account:
        account.ledger.pause(RUN, int(time.time()) - 1)
        api = account.provider().api
        account.clock.slept.clear()
        in_run(account, api, lambda: api.account(account.credentials()))
        assert account.clock.slept == []


def test_an_untroubled_function_makes_no_call_of_the_table_beyond_the_one_it_makes_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(tmp_path, library(tmp_path)) as account:
        calls: list[str] = []
        account.table._client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
        api = account.provider().api
        in_run(account, api, lambda: api.account(account.credentials()))
        assert calls == ["GetItem"]


def test_nothing_is_told_once_the_block_is_left(tmp_path: Path) -> None:
    with world(tmp_path, library(tmp_path)) as account:
        account.gopro_behaviour = throttled(5, "/media/user")
        api = account.provider().api
        in_run(account, api, lambda: None)
        with pytest.raises(SourceThrottled):
            api.account(account.credentials())
        assert account.ledger.run(RUN) is None


def test_the_latest_pause_of_a_run_stays_and_touches_nothing_else(aws: Account) -> None:
    aws.ledger.begin(RUN, {})
    for until in (1_700_000_300, 1_700_000_100):
        aws.ledger.pause(RUN, until)
    row = aws.ledger.run(RUN) or {}
    assert (row["pause_until"], row["status"]) == (1_700_000_300, "RUNNING")
    aws.ledger.pause(RUN, 1_700_000_301)
    assert (aws.ledger.run(RUN) or {})["pause_until"] == 1_700_000_301


def test_a_stopped_run_is_refused_before_any_pause(aws: Account) -> None:
    aws.ledger.raise_stop_flag(RUN, "CredentialsExpired", "401")
    with pytest.raises(RunStopped), honouring_the_stop_flag(aws.ledger, RUN):
        raise AssertionError("the block was entered")


def test_every_function_of_a_run_keeps_the_pause_that_one_was_asked_for(tmp_path: Path) -> None:
    with world(tmp_path, library(tmp_path)) as account:
        account.ledger.begin(RUN, {})
        account.gopro_behaviour = throttled(300)
        with pytest.raises(SourceThrottled):
            account.download(MEDIUM)
        asked: list[str] = []
        account.gopro_behaviour = lambda request: asked.append(request.path)
        with pytest.raises(SourceThrottled):
            account.download(MEDIUM)
        assert asked == []
        account.table.update(Change(f"RUN#{RUN}", "RUN", sets={"pause_until": 0}))
        assert account.download(MEDIUM)["outcome"] == "COMPLETED"
