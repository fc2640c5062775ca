"""What a measured command took, and nobody else's doing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ROOT, shares
from benchmarks.measuring import run
from benchmarks.shares import Share

_PYTHON = [sys.executable, "-I", "-S", "-c"]
_BURN = "import time\nwhile time.process_time() < 0.3: pass"
_HOLD = "held = bytearray({mib} << 20)"


def test_it_gives_back_output_and_exit_code() -> None:
    measured = run(["sh", "-c", "echo said; echo complained >&2; exit 3"])

    assert (measured.stdout, measured.stderr, measured.exit_code) == ("said\n", "complained\n", 3)


def test_a_signal_is_a_negative_exit_code() -> None:
    assert run(["sh", "-c", "kill -TERM $$"]).exit_code == -signal.SIGTERM


def test_a_command_that_is_not_there_says_so() -> None:
    measured = run(["/there/is/no/such/command"])

    assert measured.exit_code == 127
    assert "/there/is/no/such/command" in measured.stderr


def test_the_environment_is_the_one_given() -> None:
    assert run(["/usr/bin/env"], env={"ONLY": "this"}).stdout == "ONLY=this\n"


def test_the_environment_is_inherited_if_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKED", "yes")

    assert "MARKED=yes\n" in run(["/usr/bin/env"]).stdout


def test_standard_input_is_empty() -> None:
    assert run(["cat"]).stdout == ""


def test_the_peak_is_the_programs_and_not_that_of_the_big_process_that_started_it() -> None:
    held = bytearray(200 << 20)

    small = run([*_PYTHON, "import time; time.sleep(0.1)"])
    big = run([*_PYTHON, _HOLD.format(mib=100)])

    del held
    assert 3 < small.peak_rss_mb < 30
    assert 100 < big.peak_rss_mb < 130


def test_a_peak_that_was_over_between_two_looks_is_seen() -> None:
    measured = run([*_PYTHON, f"{_HOLD.format(mib=150)}; del held"])

    assert 150 < measured.peak_rss_mb < 180


def test_the_peaks_of_a_pipe_add_up() -> None:
    one = f"{sys.executable} -I -S -c 'import sys; {_HOLD.format(mib=60)}; sys.stdout.close(); sys.stdin.read()'"

    # The second is given its memory before the first may end.
    measured = run(["sh", "-c", f"{one} </dev/null | {one}; sleep 0.2 | {one} | {one}"])

    assert measured.peak_rss_mb > 115


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("$PYTHON -c '{burn}' | cat", id="pipe"),
        pytest.param("$PYTHON -c '{burn}' &", id="orphan"),
        pytest.param("setsid sh -c \"$PYTHON -c '{burn}'\" &", id="session of its own"),
    ],
)
def test_cpu_of_whatever_it_started_is_counted(script: str) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}

    measured = run(["sh", "-c", script.format(burn=_BURN)], env=environment)

    assert measured.cpu_s >= 0.3


def test_cpu_of_this_process_is_not_counted() -> None:
    assert sum(range(3_000_000))

    assert run(["true"]).cpu_s < 0.1


def test_after_the_timeout_the_whole_tree_is_dead() -> None:
    measured = run(["sh", "-c", "setsid sleep 60 & echo $!; sleep 60"], timeout=0.5)

    assert measured.exit_code == -signal.SIGKILL
    assert measured.stderr.endswith("killed after 0.5 s\n")
    assert measured.wall_s >= 0.5
    with pytest.raises(ProcessLookupError):
        os.kill(int(measured.stdout), 0)


def test_a_benchmark_that_is_killed_takes_the_measured_command_with_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    os.mkfifo(told)
    order = "import sys; from benchmarks.measuring import run; run(['sh', '-c', sys.argv[1]])"
    command = [sys.executable, "-c", order, f"echo $$ > {told}; exec sleep 60"]
    with subprocess.Popen(command, cwd=ROOT) as benchmark:
        try:
            pid = int(told.read_text())
            running = os.pidfd_open(pid)
        finally:
            benchmark.kill()

    ended = bool(select.select([running], [], [], 10)[0])
    os.close(running)
    assert ended


def test_a_share_slows_the_command_down() -> None:
    _skip_without_shares()

    measured = run([*_PYTHON, _BURN], share=Share(442))

    assert measured.exit_code == 0
    assert measured.wall_s > 2 * measured.cpu_s


def test_more_than_a_shares_memory_kills_the_command() -> None:
    _skip_without_shares()

    within = run([*_PYTHON, _HOLD.format(mib=80)], share=Share(128))
    beyond = run([*_PYTHON, _HOLD.format(mib=200)], share=Share(128))

    assert (within.exit_code, beyond.exit_code) == (0, -signal.SIGKILL)


def _skip_without_shares() -> None:
    if why := shares.shares_available():
        pytest.skip(why)
