"""What a start costs: measured in the function's own process, and of every function."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws.functions import launch
from sandbox.aws.functions.api import TooManyRequests
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from tests.sandbox.aws_support import PYTHON, spec, write_handler

BROKEN = "raise RuntimeError('no import')"
"""A handler's module that cannot be imported."""


@pytest.fixture(name="host")
def _host(tmp_path: Path) -> Iterator[FunctionHost]:
    running = FunctionHost(PYTHON, tmp_path / "logs", inherited({}), concurrency=1)
    running.register(spec(write_handler(tmp_path / "code"), memory_mb=64))
    yield running
    running.close()


def test_the_import_of_the_handlers_module_is_timed_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", original)
    monkeypatch.setattr(launch, "perf_counter", iter([7.0, 7.25]).__next__)
    told, report = os.pipe()
    with os.fdopen(told, "rb") as reading:
        launch._time_import("colorsys", report)
        assert not os.get_inheritable(report)
        importlib.import_module("json")
        assert importlib.import_module("colorsys").__name__ == "colorsys"
        assert reading.read() == b"250.000"
    assert importlib.import_module is original


@pytest.mark.verifies("functions.starts")
def test_a_start_has_numbers_and_the_import_is_a_part_of_it(host: FunctionHost) -> None:
    for _ in range(3):
        host.invoke("worker", b"{}")
    stats = host.stats()["worker"]
    assert 0 < stats.import_ms_median < stats.init_ms_median < stats.cold_ms_median
    assert 0 < stats.warm_ms_least <= stats.warm_ms_median


@pytest.mark.verifies("functions.starts")
def test_what_nobody_has_invoked_is_started_once_and_counts_as_no_invocation(
    host: FunctionHost, tmp_path: Path
) -> None:
    host.invoke("worker", b"{}")
    before = host.stats()["worker"]
    host.register(spec(tmp_path / "code", "idle"))
    host.measure_starts()
    idle = host.stats()["idle"]
    assert 0 < idle.import_ms_median < idle.init_ms_median
    assert (idle.cold, idle.warm, idle.cold_ms_median, idle.peak_mb, idle.errors) == (0, 0, 0.0, 0.0, 0)
    assert (host.stats()["worker"], len(host.invocations())) == (before, 1)
    assert host.pids("idle") == []
    host.measure_starts()
    assert host.stats()["idle"] == idle
    assert host.invoke("worker", b"{}").function_error is None


def test_what_cannot_be_started_has_no_numbers_and_leaves_nothing(tmp_path: Path, host: FunctionHost) -> None:
    host.register(spec(write_handler(tmp_path / "broken", BROKEN), "broken"))
    host.measure_starts()
    broken, worker = host.stats()["broken"], host.stats()["worker"]
    assert (broken.init_ms_median, broken.import_ms_median, broken.errors) == (0.0, 0.0, 0)
    assert worker.init_ms_median > 0
    assert host.pids() == []


def test_an_ended_host_measures_nothing_more(host: FunctionHost) -> None:
    host.close()
    host.measure_starts()
    assert host.stats()["worker"].init_ms_median == 0.0
    with pytest.raises(TooManyRequests):
        host.invoke("worker", b"{}")


def test_a_process_that_has_ended_keeps_no_descriptor_here(host: FunctionHost, tmp_path: Path) -> None:
    host.measure_starts()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are counted
    host.register(spec(tmp_path / "code", "idle"))
    host.measure_starts()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
