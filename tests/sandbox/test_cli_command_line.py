"""``python -m sandbox`` from outside: exit codes, one-line errors, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.assemblies import sound_assembly

PROJECT = Path(__file__).resolve().parents[2]
LIMIT = 120
"""Seconds after which a command that hangs fails its test."""


def environment(scratch: Path) -> dict[str, str]:
    """Ours, with temporary files where the test can see them and no proxy between us and this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "TMPDIR": str(scratch)}


def sandbox(scratch: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=PROJECT,
        env=environment(scratch),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The exit code and a single line on stderr, which is returned."""
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in done.stdout + done.stderr
    return line


@pytest.fixture
def credentials(tmp_path: Path) -> str:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"cookies": "gp_access_token=tell-nobody", "user-agent": "test"}))
    return str(path)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (["run", "--fly"], "--fly"),
        (["run", "surplus"], "surplus"),
        (["run", "--lib", "x"], "--lib"),
        (["run", "--runs", "0"], "at least 1"),
        (["run", "--runs", "many"], "at least 1"),
        (["run", "--input", "{"], "--input is not JSON"),
        (["run", "--input", "[1]"], "must be a JSON object"),
        (["run", "--setting", "workers"], "KEY=VALUE"),
        (["run", "--setting", "wrkers=3"], "workers"),
        (["run", "--setting", "workers=lots"], "workers"),
        (["run", "--gopro-url", "https://api.gopro.com"], "--credentials"),
        (["run", "--credentials", "x.json"], "--gopro-url"),
        (["run", "--gopro-url", "http://192.0.2.1", "--credentials", "x.json"], "https"),
        (["run", "--gopro-url", "https://api.gopro.com", "--credentials", "absent.json"], "absent.json"),
        (["run", "--library", ".", "--gopro-url", "https://api.gopro.com", "--credentials", "x"], "exclude"),
        (["gopro", "--port", "99999"], "not a port"),
        (["gopro", "--port", "http"], "not a port"),
    ],
)
def test_a_wrong_command_line_ends_2_with_one_line(scratch: Path, arguments: Sequence[str], says: str) -> None:
    done = sandbox(scratch, *arguments)
    assert says in assert_one_line(done, 2)
    assert done.stdout == ""


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["gopro", "--help"]])
def test_help_ends_0(scratch: Path, command: Sequence[str]) -> None:
    done = sandbox(scratch, *command)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout


def test_an_unreachable_gopro_url_ends_1_before_anything_is_started(scratch: Path, credentials: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = sandbox(scratch, "run", "--gopro-url", url, "--credentials", credentials)
    line = assert_one_line(done, 1)
    assert f"cannot reach {url}" in line
    assert "tell-nobody" not in done.stdout + done.stderr
    assert done.stdout == ""
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_a_library_without_files_ends_1_and_leaves_nothing(scratch: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    done = sandbox(scratch, "run", "--library", str(tmp_path / folder))
    assert folder in assert_one_line(done, 1)
    assert list(scratch.iterdir()) == []


def test_an_out_folder_that_is_not_ours_ends_2_untouched(scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_text("precious")
    done = sandbox(scratch, "run", "--out", str(tmp_path / "photos"))
    assert "mine.jpg" in assert_one_line(done, 2)
    assert [entry.name for entry in (tmp_path / "photos").iterdir()] == ["mine.jpg"]


def test_the_simulator_on_a_port_in_use_ends_1(scratch: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = sandbox(scratch, "gopro", "--port", port)
    assert port in assert_one_line(done, 1)
    assert list(scratch.iterdir()) == []


def test_the_simulator_prints_its_address_and_credentials_and_stops_on_a_signal(scratch: Path) -> None:
    with started(scratch, "gopro") as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        assert announced["url"].startswith("http://127.0.0.1:")
        assert set(announced["credentials"]) == {"cookies", "user-agent"}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (0, "")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_so_in_one_line_and_leaves_nothing(scratch: Path, signum: int, code: int) -> None:
    with started(scratch, "run") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "synth ...\n"
        process.send_signal(signum)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == code, errors
    assert errors == "sandbox: interrupted; everything was stopped and cleaned up\n"
    assert list(scratch.iterdir()) == []
    assert processes_with(scratch) == []


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_interrupted_while_it_cleans_up_still_ends(
    scratch: Path, tmp_path_factory: pytest.TempPathFactory, signum: int, code: int
) -> None:
    assembly = str(sound_assembly(tmp_path_factory))
    library = scratch.parent / "library"
    library.mkdir()
    (library / "GX010001.MP4").write_bytes(b"a video")
    with started(scratch, "run", "--assembly", assembly, "--library", str(library)) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Compared"):
            assert process.poll() is None
        process.send_signal(signum)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == code, errors
    assert errors == "sandbox: interrupted; everything was stopped and cleaned up\n"
    assert list(scratch.iterdir()) == []
    assert processes_with(scratch) == []


class started:  # noqa: N801 - reads as a sentence where it is used
    """A command at work; killed, with its pipes closed, when the test is over."""

    def __init__(self, scratch: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=PROJECT,
            env=environment(scratch),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.__exit__(None, None, None)


def processes_with(scratch: Path) -> list[str]:
    """Every process that inherited the test's scratch folder: whatever the sandbox started and did not end."""
    needle = f"TMPDIR={scratch}".encode()
    return [str(process) for process in Path("/proc").glob("[0-9]*") if needle in _environ(process).split(b"\0")]


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def test_an_error_that_nobody_expected_is_one_line_with_the_path_of_its_traceback(scratch: Path) -> None:
    program = "import sandbox.cli; sandbox.cli.install_last_resort(); 1 / 0"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=environment(scratch),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    line = assert_one_line(done, 1)
    (log,) = scratch.iterdir()
    assert line.endswith(str(log))
    assert "ZeroDivisionError" in log.read_text()
