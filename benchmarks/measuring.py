"""Runs a command and says what it took: time, CPU of the whole process tree, peak memory of the whole process tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import ROOT, kernel, shares
from benchmarks.launcher import Order, Report

_MIB = 1024 * 1024
# Without the site module and the environment, which are the command's business: the launcher stays at some 12 MiB.
_LAUNCHER = "import sys; sys.path.insert(0, sys.argv[1]); from benchmarks.launcher import main; main()"


class MeasuringFailed(Exception):
    """The launcher itself failed, so there is no measurement; what it printed is on standard error."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a command.

    ``wall_s``: from the start until the command itself ended. ``cpu_s``: user and system time of everything it
    started, grandchildren and pipes included. ``peak_rss_mb``: MiB (1,048,576 bytes), the most that was resident. For
    one process this is what the kernel says at its end, to the page. For several, and below the launcher's own 12 MiB
    or so, it is the highest sum of their peaks at one of the looks (50 ms apart, closer at the start), in which pages
    that two processes share count for each; 0.0 for what was gone before the first look. ``exit_code``: negative
    for a signal (-9 after the timeout, or when it went over a share's memory), 127 if it could not be started.
    """

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    exit_code: int
    stdout: str
    stderr: str


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    share: shares.Share | None = None,
    timeout: float = 900,
) -> Measured:
    """Run ``command`` to its end, and to that of everything it started, and measure it.

    ``env`` is the whole environment, this process's own if ``None``. With ``share`` the command has that part of a
    processor and that much memory from its first instruction on; ``shares.NoShares`` where that is not possible.
    After ``timeout`` seconds the whole tree is killed, and the last line of ``stderr`` says so.
    """
    kernel.demand_linux()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="measured-")))
        order: Order = {
            "command": list(command),
            "env": dict(os.environ if env is None else env),
            "cgroups": [str(path) for path in stack.enter_context(shares.held(share))] if share else [],
            "timeout": timeout,
            "stdout": str(folder / "stdout"),
            "stderr": str(folder / "stderr"),
        }
        report = _launched(order)
        killed = f"\nkilled after {timeout:g} s\n" if report.timed_out else ""
        return Measured(
            wall_s=report.wall_s,
            cpu_s=report.cpu_s,
            peak_rss_mb=report.peak_bytes / _MIB,
            exit_code=report.exit_code,
            stdout=_text(folder / "stdout"),
            stderr=_text(folder / "stderr") + killed,
        )


def _launched(order: Order) -> Report:
    launcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches it through this process, which then ends the whole tree
    )
    try:
        printed, _ = launcher.communicate(json.dumps(order))
    finally:
        if launcher.poll() is None:
            launcher.terminate()
            launcher.communicate()
    if launcher.returncode:
        raise MeasuringFailed(f"the launcher of the measured command ended with {launcher.returncode}")
    return Report(**json.loads(printed))


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
