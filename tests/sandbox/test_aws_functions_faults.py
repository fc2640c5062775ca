"""Failures forced on an invocation from outside look as Lambda's own; the numbers of a function tell them apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.functions.api import InvokeResult, TooManyRequests
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from sandbox.wire.function_faults import FunctionFault, FunctionFaultKind
from tests.sandbox.aws_support import PYTHON, spec, write_handler

SOURCE = """
import os, time
def handler(event, context):
    with open(event["mark"], "a") as file:
        file.write("x")
    time.sleep(event["seconds"])
    return os.getpid()
"""
Planned = Callable[..., FunctionHost]
TIMEOUT, MEMORY, EXIT, THROTTLE = FunctionFaultKind


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    """Return what makes a host whose first invocations meet these faults, and the later ones none."""
    code = write_handler(tmp_path / "code", SOURCE)

    def make(*faults: FunctionFault | None) -> FunctionHost:
        waiting = list(faults)

        def plan(function: str) -> FunctionFault | None:
            assert function == "worker"
            return waiting.pop(0) if waiting else None

        host = FunctionHost(PYTHON, tmp_path / "logs", inherited({}), function_plan=plan)
        host.register(spec(code, timeout=3))
        return host

    return make


def invoke(host: FunctionHost, mark: Path, seconds: float = 0.0) -> InvokeResult:
    return host.invoke("worker", json.dumps({"mark": str(mark), "seconds": seconds}).encode())


@pytest.mark.verifies("faults.functions")
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        (TIMEOUT, "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
        (MEMORY, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
        (EXIT, "Runtime.ExitError", "Runtime exited with error: exit status 1"),
    ],
)
@pytest.mark.parametrize("after", [0.0, 0.3])
def test_a_forced_end_reads_as_lambdas_own(
    tmp_path: Path, planned: Planned, kind: FunctionFaultKind, error: str, message: str, after: float
) -> None:
    mark = tmp_path / "mark"
    with closing(planned(FunctionFault(kind, after))) as host:
        result = invoke(host, mark, seconds=30)
        document = json.loads(result.payload)
        assert (result.function_error, document["errorType"]) == ("Unhandled", error)
        assert document["errorMessage"] == f"RequestId: {result.request_id} Error: {message}"
        assert mark.exists() == (after > 0)
        assert host.pids() == []
        assert invoke(host, mark).function_error is None


@pytest.mark.verifies("faults.functions")
def test_a_forced_throttle_runs_nothing(tmp_path: Path, planned: Planned) -> None:
    with closing(planned(FunctionFault(THROTTLE))) as host:
        with pytest.raises(TooManyRequests, match="Rate Exceeded"):
            invoke(host, tmp_path / "mark")
        assert host.pids_by_function() == {"worker": []}
        assert invoke(host, tmp_path / "mark").function_error is None
        stats = host.stats()["worker"]
        assert (stats.throttles, stats.errors, stats.cold, stats.warm) == (1, 0, 1, 0)


def test_an_answer_that_comes_first_stands(tmp_path: Path, planned: Planned) -> None:
    with closing(planned(None, FunctionFault(EXIT, 20.0))) as host:
        pid = json.loads(invoke(host, tmp_path / "mark").payload)
        assert json.loads(invoke(host, tmp_path / "mark").payload) == pid


def test_the_numbers_tell_timeouts_kills_and_other_errors_apart(tmp_path: Path, planned: Planned) -> None:
    mark = tmp_path / "mark"
    faults: list[Any] = [None, None, FunctionFault(TIMEOUT), FunctionFault(MEMORY), FunctionFault(EXIT)]
    with closing(planned(*faults)) as host:
        for _ in faults:
            invoke(host, mark)
        host.invoke("worker", b"{}")
        stats = host.stats()["worker"]
        invoked = host.invocations()
    assert (stats.errors, stats.timeouts, stats.kills, stats.throttles) == (4, 1, 1, 0)
    assert (stats.cold, stats.warm) == (4, 2)
    assert stats.cold_ms_max >= stats.cold_ms_median > stats.init_ms_median > stats.warm_ms_median >= 0
    errors = ["", "", "Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError", "KeyError"]
    assert [each.error_type for each in invoked] == errors
    assert [each.cold for each in invoked] == [True, False, False, True, True, True]
    assert len({each.request_id for each in invoked}) == len(invoked)


def test_the_process_ids_of_all_functions_are_of_one_moment(tmp_path: Path, planned: Planned) -> None:
    with closing(planned()) as host:
        host.register(spec(tmp_path / "code", "other"))
        pid = json.loads(invoke(host, tmp_path / "mark").payload)
        assert host.pids_by_function() == {"worker": [pid], "other": []}
        assert host.pids("worker") == host.pids() == [pid]
        assert host.pids("other") == []
