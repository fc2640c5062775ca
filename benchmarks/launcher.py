"""Starts one command, measures the whole process tree it grows into, and reports: a process of its own.

It is small on purpose. A child begins with the peak memory of the process it was forked from, so a command that is
started by a big benchmark would look big; and only a parent that does nothing else can say that every CPU second of its
children is the command's. ``measuring`` gives the order as JSON on standard input and reads the report as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from typing import TypedDict

from benchmarks import kernel, process_tree

_SAMPLES_S = (0.002, 0.004, 0.008, 0.016, 0.032, 0.05)
_NOT_STARTED = 127
_WAKING = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


class Order(TypedDict):
    """What to run: ``cgroups`` are the folders of the control groups to join first, ``timeout`` is in seconds."""

    command: list[str]
    env: dict[str, str]
    cgroups: list[str]
    timeout: float
    stdout: str
    stderr: str


@dataclass(slots=True)
class Report:
    """What it took. ``exit_code`` is negative for a signal, as everywhere in Python."""

    exit_code: int = -signal.SIGKILL
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    timed_out: bool = False
    interrupted: bool = False


def main() -> None:
    """Read the order, run it to its end, print the report. Ends the whole tree if told to end, or if orphaned."""
    kernel.die_with_parent(signal.SIGTERM)
    kernel.adopt_orphans()
    order: Order = json.load(sys.stdin)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(order)
    report = _attend(child, started, order["timeout"])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report.cpu_s = used.ru_utime + used.ru_stime
    print(json.dumps(asdict(report)))  # noqa: T201 - its standard output is the report


def _become(order: Order) -> None:
    """Turn the forked child into the command."""
    try:
        for cgroup in order["cgroups"]:
            with open(f"{cgroup}/cgroup.procs", "w", encoding="ascii") as members:  # noqa: PTH123 - no import of pathlib
                members.write("0")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in ((1, order["stdout"]), (2, order["stderr"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAKING)
        os.execvpe(order["command"][0], order["command"], order["env"])  # noqa: S606 - the caller's own command
    except OSError as error:
        os.write(2, f"not started: {order['command'][0]}: {error}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _attend(child: int, started: float, timeout: float) -> Report:
    """Wait for every process of the tree; look at its memory meanwhile."""
    report = Report()
    floor = process_tree.peak_bytes(os.getpid())
    pauses = itertools.chain(_SAMPLES_S, itertools.repeat(_SAMPLES_S[-1]))
    while _reap(child, started, floor, report):
        report.peak_bytes = max(report.peak_bytes, _peak_of_tree())
        if time.monotonic() - started > timeout:
            report.timed_out = True
        if report.timed_out or report.interrupted:
            _kill_tree()
        woken = signal.sigtimedwait(_WAKING, next(pauses))
        if woken and woken.si_signo != signal.SIGCHLD:
            report.interrupted = True
    return report


def _reap(child: int, started: float, floor: int, report: Report) -> bool:
    """Take note of the processes that have ended; ``False`` once there is none left."""
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        # Below the floor it may be what the fork of this process left in the books, so only samples count there.
        if usage.ru_maxrss * 1024 > floor:
            report.peak_bytes = max(report.peak_bytes, usage.ru_maxrss * 1024)
        if pid == child:
            report.exit_code = os.waitstatus_to_exitcode(status)
            report.wall_s = time.monotonic() - started


def _peak_of_tree() -> int:
    """The sum of the peaks of all who live now: pages that two of them share count for each."""
    me = os.getpid()
    mine = process_tree.command_line(me)
    others = (pid for pid in process_tree.members(me) if pid != me)
    # The command line is still this one's between the fork and the exec.
    return sum(process_tree.peak_bytes(pid) for pid in others if process_tree.command_line(pid) != mine)


def _kill_tree() -> None:
    me = os.getpid()
    for pid in process_tree.members(me):
        if pid != me:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
