"""Functions as processes: limits, errors, environment, reuse, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.functions.api import TooManyRequests, UnknownFunction
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from tests.sandbox.aws_support import PYTHON, spec, write_handler


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FunctionHost]:
    running = FunctionHost(PYTHON, tmp_path / "logs", inherited({}), concurrency=4)
    running.register(spec(write_handler(tmp_path / "code"), timeout=1, memory_mb=64, COLOUR="blue"))
    yield running
    running.close()


def call(host: FunctionHost, **event: Any) -> Any:
    """Invoke ``worker`` and return its answer; a failure is an assertion."""
    result = host.invoke("worker", json.dumps(event).encode())
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def failure(host: FunctionHost, **event: Any) -> dict[str, Any]:
    """Invoke ``worker`` and return its error document."""
    result = host.invoke("worker", json.dumps(event).encode())
    assert result.function_error == "Unhandled"
    found: dict[str, Any] = json.loads(result.payload)
    return found


def gone(pid: int) -> bool:
    """Tell whether a process has ended; a zombie that waits for its new parent counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.verifies("functions.runtime")
@pytest.mark.verifies("functions.warm-pool")
def test_an_event_comes_back_and_the_process_is_reused(host: FunctionHost) -> None:
    assert call(host, n=1, text="é") == {"n": 1, "text": "é"}
    assert call(host, action="context")["pid"] == call(host, action="context")["pid"]
    stats = host.stats()["worker"]
    assert (stats.cold, stats.warm, stats.errors) == (1, 2, 0)
    assert stats.cold_ms_median > 0
    assert 5 < stats.peak_mb < 64


def test_a_function_is_found_by_its_arn_and_an_unknown_one_is_not(host: FunctionHost) -> None:
    assert host.invoke("arn:aws:lambda:us-east-1:123456789012:function:worker", b"{}").function_error is None
    with pytest.raises(UnknownFunction):
        host.invoke("nobody", b"{}")


@pytest.mark.verifies("functions.runtime")
def test_the_context_has_the_limits(host: FunctionHost) -> None:
    context = call(host, action="context")
    assert context["name"] == "worker"
    assert int(context["memory"]) == 64
    assert 0 < context["left"] <= 1000


@pytest.mark.verifies("functions.errors")
def test_an_exception_is_reported_with_its_class_and_the_process_lives_on(host: FunctionHost) -> None:
    before = call(host, action="context")["pid"]
    error = failure(host, action="raise", message="why")
    assert (error["errorType"], error["errorMessage"]) == ("CustomError", "why")
    assert call(host, action="context")["pid"] == before
    assert host.stats()["worker"].errors == 1


@pytest.mark.verifies("functions.timeout")
def test_a_function_that_takes_too_long_is_killed(host: FunctionHost) -> None:
    pid = call(host, action="context")["pid"]
    error = failure(host, action="sleep", seconds=30)
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert gone(pid)
    assert call(host, action="context")["pid"] != pid


@pytest.mark.verifies("functions.memory-limit")
def test_a_function_that_takes_too_much_memory_is_killed(host: FunctionHost) -> None:
    error = failure(host, action="eat", mb=200)
    assert error["errorType"] == "Runtime.OutOfMemory"
    assert error["errorMessage"].endswith("Runtime exited with error: signal: killed")


@pytest.mark.verifies("functions.errors")
@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"action": "exit", "code": 3}, "Runtime exited with error: exit status 3"),
        ({"action": "exit", "code": 0}, "Runtime exited without providing a reason"),
        ({"action": "killed"}, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_function_that_exits_is_an_exit_error(host: FunctionHost, event: dict[str, Any], message: str) -> None:
    error = failure(host, **event)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(message)


@pytest.mark.verifies("functions.payload-limits")
def test_an_answer_of_six_megabytes_is_refused_and_the_process_lives_on(host: FunctionHost) -> None:
    assert failure(host, action="large", size=6_291_556)["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(call(host, action="large", size=6_291_000)) == 6_291_000


@pytest.mark.verifies("functions.errors")
@pytest.mark.parametrize(
    ("source", "kind"),
    [("import no_such_module\n", "Runtime.ImportModuleError"), ("handler = (\n", "Runtime.UserCodeSyntaxError")],
)
def test_a_module_that_does_not_load_is_named(tmp_path: Path, host: FunctionHost, source: str, kind: str) -> None:
    host.register(spec(write_handler(tmp_path / "broken", source)))
    assert failure(host)["errorType"] == kind


@pytest.mark.verifies("functions.warm-pool")
def test_parallel_invocations_run_in_processes_of_their_own(tmp_path: Path, host: FunctionHost) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    host.register(spec(tmp_path / "code", timeout=15))
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(call, host, action="meet", dir=str(meeting), together=3) for _ in range(3)]
        assert [future.result() for future in futures] == [3, 3, 3]
    assert host.stats()["worker"].cold == 3


@pytest.mark.verifies("functions.warm-pool")
def test_more_invocations_than_the_account_allows_are_refused(tmp_path: Path) -> None:
    small = FunctionHost(PYTHON, tmp_path / "logs", inherited({}), concurrency=1)
    small.register(spec(write_handler(tmp_path / "code")))
    try:
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(call, small, action="sleep", seconds=1)
            while not small.pids():
                time.sleep(0.01)
            with pytest.raises(TooManyRequests, match="1 concurrent"):
                small.invoke("worker", b"{}")
            busy.result()
        assert call(small, n=1) == {"n": 1}
    finally:
        small.close()


@pytest.mark.verifies("functions.warm-pool")
def test_an_idle_process_that_died_is_replaced(host: FunctionHost) -> None:
    pid = call(host, action="context")["pid"]
    os.kill(pid, signal.SIGKILL)
    while not gone(pid):
        time.sleep(0.01)
    assert call(host, action="context")["pid"] != pid


def test_the_log_has_the_platforms_lines_and_the_functions_own(tmp_path: Path, host: FunctionHost) -> None:
    call(host, n=1)
    failure(host, action="exit", code=3)
    lines = (tmp_path / "logs" / "worker.log").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert "echo of ['n']" in lines
    reports = [line for line in lines if line.startswith("REPORT")]
    assert ["Init Duration" in line for line in reports] == [True, False]
    assert any("Runtime.ExitError: Runtime exited with error: exit status 3" in line for line in lines)


def test_closing_kills_processes_at_work_and_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    host = FunctionHost(PYTHON, tmp_path / "logs", inherited({}))
    host.register(spec(write_handler(tmp_path / "code"), timeout=60))
    call(host, n=1)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(host.invoke, "worker", b'{"action": "sleep", "seconds": 50}')
        pids = host.pids()
        time.sleep(0.1)
        host.close()
        assert json.loads(busy.result(5).payload)["errorType"] == "Runtime.ExitError"
    assert all(gone(pid) for pid in pids)
    assert set(threading.enumerate()) <= before
    with pytest.raises(TooManyRequests):
        host.invoke("worker", b"{}")


@pytest.mark.verifies("pipeline.nothing-left")
def test_a_killed_sandbox_takes_its_functions_with_it(tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    program = f"""
from tests.sandbox.aws_support import *
root = Path({str(tmp_path)!r})
host = FunctionHost(PYTHON, root / "logs", inherited({{}}))
host.register(spec(write_handler(root / "code"), timeout=60))
host.invoke("worker", json.dumps({{"action": "meet", "dir": str(root / "meeting"), "together": 2}}).encode())
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root) as parent:
        while not (at_work := list(meeting.iterdir())):
            assert parent.poll() is None
            time.sleep(0.01)
        pid = int(at_work[0].name)
        assert not gone(pid)
        parent.kill()
    ends = time.monotonic() + 3  # the handler itself would go on for 10 seconds
    while not gone(pid) and time.monotonic() < ends:
        time.sleep(0.01)
    assert gone(pid)
