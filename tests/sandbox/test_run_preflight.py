"""What is found out before anything is started, and how the synthesis and signals end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from sandbox.run.errors import Interrupted, SandboxError, UsageError, one_line
from sandbox.run.interrupts import interruptible
from sandbox.run.preflight import check_platform, check_reachable, check_settings, runtime_folder
from sandbox.run.synthesis import Synthesis


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_only_linux_will_do_and_the_others_learn_what_to_use() -> None:
    check_platform("Linux")
    for system, instead in (("Windows", "WSL 2"), ("Darwin", "virtual machine"), ("FreeBSD", "a Linux machine")):
        with pytest.raises(SandboxError, match=f"on Linux only, not on {system}.*{instead}"):
            check_platform(system)


def test_a_server_that_listens_is_reachable() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        check_reachable(f"http://127.0.0.1:{server.getsockname()[1]}")


def test_a_proxy_is_asked_in_place_of_the_server_and_never_shown_with_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        port = proxy.getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://user:tell-nobody@127.0.0.1:{port}")
        check_reachable("https://host.invalid")
    with pytest.raises(SandboxError, match=r"cannot reach https://host\.invalid through the proxy 127") as refusal:
        check_reachable("https://host.invalid")
    assert "tell-nobody" not in str(refusal.value)


def test_settings_are_refused_in_the_apps_own_words() -> None:
    check_settings({"workers": "2"})
    with pytest.raises(UsageError, match="unknown setting 'wrkers'"):
        check_settings({"wrkers": "2"})


def test_missing_packages_of_the_functions_are_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(SandboxError, match="make run"):
        runtime_folder()
    (tmp_path / "lambda-runtime" / "awslambdaric").mkdir(parents=True)
    assert runtime_folder() == tmp_path / "lambda-runtime"


def app(tmp_path: Path, program: str) -> Path:
    """A project whose CDK app is this program."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text(program)
    return project


def test_the_app_gets_the_settings_as_context_and_writes_where_it_is_told(tmp_path: Path) -> None:
    program = "import os, pathlib; pathlib.Path(os.environ['CDK_OUTDIR']).write_text(os.environ['CDK_CONTEXT_JSON'])"
    with Synthesis(app(tmp_path, program), tmp_path, {"workers": "2"}) as synthesis:
        context = synthesis.wait().read_text()
    assert '"workers": "2"' in context


def test_an_app_that_fails_is_told_with_its_last_line(tmp_path: Path) -> None:
    program = "import sys; print('noise'); sys.exit('error: workers must be 1 to 16')"
    with (
        Synthesis(app(tmp_path, program), tmp_path, {}) as synthesis,
        pytest.raises(SandboxError, match="the CDK app failed: workers must be 1 to 16"),
    ):
        synthesis.wait()


def test_an_app_at_work_is_ended_with_its_children(tmp_path: Path) -> None:
    program = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "pathlib.Path('child').rename('started')\n"
        "child.wait()\n"
    )
    project = app(tmp_path, program)
    with Synthesis(project, tmp_path, {}):
        while not (project / "started").exists():
            os.sched_yield()
    child = Path("/proc") / (project / "started").read_text()
    assert not child.exists() or "zombie" in (child / "status").read_text()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_interrupts_and_later_ones_do_not_disturb_the_cleaning_up(signum: int, code: int) -> None:
    before = signal.getsignal(signum)
    cleaned = []

    def work() -> None:
        with interruptible():
            try:
                signal.raise_signal(signum)
            finally:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGTERM)
                cleaned.append(True)

    with pytest.raises(Interrupted) as interruption:
        work()
    assert interruption.value.exit_code == code
    assert cleaned == [True]
    assert signal.getsignal(signum) is before


def test_a_signal_that_somebody_swallowed_is_raised_in_the_end() -> None:
    with pytest.raises(Interrupted), interruptible(), contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_errors_of_several_lines_become_one() -> None:
    assert one_line("first\n  second\tthird ") == "first second third"
    assert one_line(ValueError()) == "ValueError"
