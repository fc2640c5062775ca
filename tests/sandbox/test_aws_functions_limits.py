"""What Lambda puts on a function from outside: memory, initialisation, payloads; each limit is met once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.functions.api import InvokeResult, RequestTooLarge
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.functions.limits import LIMITS
from sandbox.aws.functions.memory import FRESH_SECONDS, Sessions, proportional_mb, resident_mb
from tests.sandbox.aws_support import PYTHON, spec, write_handler

FAMILY = """
import os, subprocess, sys, time

CHILD = "import time; kept = bytearray({mb} << 20); open({ready!r}, 'w').close(); time.sleep(60)"

def handler(event, context):
    if event["action"] == "start":
        code = CHILD.format(mb=event["mb"], ready=event["ready"])
        child = subprocess.Popen([sys.executable, "-S", "-c", code])
        with open(event["pid"], "w") as file:
            file.write(str(child.pid))
        while not os.path.exists(event["ready"]):
            time.sleep(0.01)
        time.sleep(event["seconds"])
        return child.pid
    if event["action"] == "exit with a child":
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        with open(event["pid"], "w") as file:
            file.write(str(child.pid))
        os._exit(3)
    kept = bytearray(b"x") * (event["mb"] << 20)
    children = [os.fork() for _ in range(event["children"])] if event["children"] else []
    if 0 in children:
        time.sleep(event["seconds"])
        os._exit(0)
    time.sleep(event["seconds"])
    for child in children:
        os.waitpid(child, 0)
    return len(kept)
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FunctionHost]:
    running = FunctionHost(PYTHON, tmp_path / "logs", inherited({}))
    yield running
    running.close()


def invoke(host: FunctionHost, **event: Any) -> InvokeResult:
    return host.invoke("worker", json.dumps(event).encode())


def gone(pid: int) -> bool:
    """Tell whether a process ends within seconds; a zombie that waits for its new parent counts as ended."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


@pytest.mark.verifies("functions.memory-limit")
def test_the_memory_of_children_counts_and_they_die_with_the_function(tmp_path: Path, host: FunctionHost) -> None:
    host.register(spec(write_handler(tmp_path / "code", FAMILY), memory_mb=96))
    note = tmp_path / "pid"
    event = {"mb": 150, "ready": str(tmp_path / "ready"), "pid": str(note), "seconds": 10}
    result = invoke(host, action="start", **event)
    assert result.error_type == "Runtime.OutOfMemory"
    assert gone(int(note.read_text(encoding="ascii")))


@pytest.mark.verifies("functions.memory-limit")
def test_what_forked_children_share_counts_once(tmp_path: Path, host: FunctionHost) -> None:
    host.register(spec(write_handler(tmp_path / "code", FAMILY), memory_mb=128))
    result = invoke(host, action="fork", mb=60, children=3, seconds=3 * FRESH_SECONDS)
    assert json.loads(result.payload) == 60 << 20
    assert 60 < host.stats()["worker"].peak_mb < 128


def test_children_of_a_function_that_exits_are_ended(tmp_path: Path, host: FunctionHost) -> None:
    host.register(spec(write_handler(tmp_path / "code", FAMILY)))
    note = tmp_path / "pid"
    assert invoke(host, action="exit with a child", pid=str(note)).error_type == "Runtime.ExitError"
    assert gone(int(note.read_text(encoding="ascii")))


def test_one_look_at_the_processes_serves_for_a_while() -> None:
    moments = [0.0]
    sessions = Sessions(lambda: moments[0])
    sessions._members = {7: [7, 8]}
    sessions._looked_at = 0.0
    assert sessions.others(7) == [8]
    moments[0] = FRESH_SECONDS + 0.1
    assert sessions.others(2**30) == []
    assert sessions._members != {7: [7, 8]}


def test_a_process_that_has_gone_uses_no_memory() -> None:
    assert (resident_mb(2**30), proportional_mb(2**30)) == (0.0, 0.0)


def starts(marks: Path) -> Callable[[str], str]:
    """Return what writes a module that leaves a mark at each start and then does ``work`` before its handler."""
    marks.mkdir()

    def source(work: str) -> str:
        return (
            f"import os, time\nmarks = {str(marks)!r}\nopen(os.path.join(marks, str(os.getpid())), 'w').close()\n"
            f"first = len(os.listdir(marks)) == 1\n{work}\ndef handler(event, context):\n    return 'done'\n"
        )

    return source


@pytest.mark.verifies("functions.init-limit")
@pytest.mark.parametrize(
    ("work", "kind", "report"),
    [
        ("time.sleep(60)", "Sandbox.Timedout", "Status: timeout"),
        ("kept = bytearray(200 << 20); time.sleep(60)", "Runtime.OutOfMemory", "Error Type: Runtime.OutOfMemory"),
        ("os._exit(4)", "Runtime.ExitError", "Status: error\tError Type: Runtime.ExitError"),
        ("import no_such_module", "Runtime.ImportModuleError", "Error Type: Runtime.ImportModuleError"),
    ],
)  # fmt: skip
def test_an_initialisation_that_fails_twice_is_the_invocations_error(
    tmp_path: Path, host: FunctionHost, work: str, kind: str, report: str
) -> None:
    marks = tmp_path / "marks"
    code = write_handler(tmp_path / "code", starts(marks)(work))
    host.register(replace(spec(code, timeout=1, memory_mb=100), init_limit=0.8))
    assert invoke(host).error_type == kind
    assert len(list(marks.iterdir())) == 2
    log = (tmp_path / "logs" / "worker.log").read_text(encoding="utf-8")
    assert f"Phase: init\tStatus: {'timeout' if 'timeout' in report else 'error'}" in log
    assert report in log
    assert host.pids() == []


@pytest.mark.verifies("functions.init-limit")
def test_a_second_initialisation_is_part_of_the_functions_own_time(tmp_path: Path, host: FunctionHost) -> None:
    marks = tmp_path / "marks"
    code = write_handler(tmp_path / "code", starts(marks)("time.sleep(60 if first else 0)"))
    host.register(replace(spec(code, timeout=5), init_limit=0.5))
    result = invoke(host)
    assert (result.function_error, json.loads(result.payload)) == (None, "done")
    [invoked] = host.invocations()
    assert invoked.cold
    assert (invoked.init_ms or 0) > 500


@pytest.mark.verifies("functions.init-limit")
def test_an_initialisation_has_ten_seconds_unless_told_otherwise(tmp_path: Path) -> None:
    assert spec(tmp_path).init_limit == 10


@pytest.mark.verifies("functions.payload-limits")
def test_an_event_of_six_megabytes_is_accepted_and_one_byte_more_is_not(tmp_path: Path, host: FunctionHost) -> None:
    code = write_handler(tmp_path / "code", "def handler(event, context):\n    return len(event)\n")
    host.register(spec(code))
    largest = json.dumps("x" * 6_291_454).encode()
    assert json.loads(host.invoke("worker", largest).payload) == 6_291_454
    with pytest.raises(RequestTooLarge, match="smaller than 6291456 bytes for the InvokeFunction"):
        host.invoke("worker", largest + b" ")
    assert host.stats()["worker"].warm == 0


def test_what_is_not_emulated_is_said_once_each() -> None:
    names = [what for what, _ in LIMITS]
    assert len(set(names)) == len(names)
    assert all(what and why and "\n" not in what + why for what, why in LIMITS)
