"""The stage's processes: none is left, whatever becomes of the benchmark."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ROOT, process_tree
from benchmarks.kernel import NotLinux
from benchmarks.stage import Stage, StageFailed
from benchmarks.stage.processes import ServerProcess

_BENCHMARK = """
import sys, pathlib
from benchmarks.stage import Stage
with Stage(pathlib.Path(sys.argv[1]), prefer_nginx=sys.argv[2] == "nginx") as stage:
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("source", ["nginx", "python"])
def test_a_killed_benchmark_leaves_no_server_behind(tmp_path: Path, source: str) -> None:
    command = [sys.executable, "-c", _BENCHMARK, str(tmp_path), source]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as benchmark:
        assert benchmark.stdout
        assert benchmark.stdout.readline() == b"up\n"
        servers = [os.pidfd_open(pid) for pid in process_tree.members(benchmark.pid) if pid != benchmark.pid]
        benchmark.kill()

    left = [server for server in servers if not select.select([server], [], [], 10)[0]]
    for server in servers:
        os.close(server)
    assert len(servers) >= 2
    assert not left


def test_stages_stand_side_by_side_and_leave_nothing(tmp_path: Path) -> None:
    with Stage(tmp_path) as one, Stage(tmp_path, bytes_per_second=1_000_000, prefer_nginx=False) as other:
        assert one.source(5).crc64nvme == other.source(5).crc64nvme
        assert one.endpoint_url != other.endpoint_url

    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_start_is_an_error() -> None:
    with pytest.raises(StageFailed, match="sink has ended"):
        ServerProcess("benchmarks.stage.sink", ["--certificate", "/there/is/none"], {})


def test_elsewhere_than_on_linux_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(NotLinux, match="needs Linux"):
        Stage(tmp_path)
