"""The simulator as a command: what it prints, how it stops, what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.gopro.command import pace
from sandbox.wire.calls import Call
from sandbox.wire.orders import UNDISTURBED, Orders
from tests.sandbox.gopro_client import ACCEPT, TIMEOUT

PROJECT = Path(__file__).parents[2]
PROGRAM = """
import sys
import time
from pathlib import Path
from sandbox.gopro.command import serve
sys.exit(serve(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
"""


@contextmanager
def start(
    scratch: Path, arguments: Sequence[str], program: Sequence[str] = ("-c", PROGRAM)
) -> Iterator[subprocess.Popen[str]]:
    """Run the command; whatever the test does, no process outlives it."""
    environment = os.environ | {"TMPDIR": str(scratch), "PYTHONWARNINGS": "error"}
    command = [sys.executable, *program, *arguments]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_announces_itself_in_one_line_serves_and_cleans_up_on_a_signal(
    scratch: Path, number: signal.Signals
) -> None:
    with start(scratch, ["0"]) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Accept": ACCEPT, "Cookie": told["credentials"]["cookies"]}
        answer = requests.get(told["url"] + "/media/user", headers=headers, timeout=TIMEOUT)
        assert answer.json()["total_count"] == 8
        assert list(scratch.iterdir())
        process.send_signal(number)
        rest, complaints = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, rest, complaints) == (0, "", "")
    assert set(told) == {"url", "credentials"}
    assert set(told["credentials"]) == {"cookies", "user-agent"}
    assert list(scratch.iterdir()) == []


def test_it_serves_a_folder_of_ones_own(scratch: Path, tmp_path: Path) -> None:
    library = tmp_path / "mine"
    library.mkdir()
    (library / "clip.mp4").write_bytes(b"mine")
    with start(scratch, ["0", str(library)]) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Accept": ACCEPT, "Cookie": told["credentials"]["cookies"]}
        rows = requests.get(told["url"] + "/media/search", headers=headers, timeout=TIMEOUT).json()
        process.terminate()
        assert process.wait(timeout=TIMEOUT) == 0
    assert [row["filename"] for row in rows["_embedded"]["media"]] == ["clip.mp4"]
    assert (library / "clip.mp4").read_bytes() == b"mine"


def test_an_empty_folder_is_a_one_line_error(scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with start(scratch, ["0", str(tmp_path / "empty")]) as process:
        output, complaints = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (1, "")
    assert complaints.splitlines() == [
        f"sandbox: {tmp_path / 'empty'} holds no files to serve: put some media into it, or name another folder"
    ]
    assert list(scratch.iterdir()) == []


def test_a_taken_port_is_a_one_line_error(scratch: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with start(scratch, [str(port)]) as process:
            output, complaints = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (1, "")
    assert complaints == f"sandbox: port {port} on 127.0.0.1 is in use: choose another one, or 0 for any free one\n"
    assert list(scratch.iterdir()) == []


def test_behind_a_tunnel_its_links_carry_the_tunnels_address(scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "clip.mp4").write_bytes(b"mine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--library", str(tmp_path / "mine"), "--port", str(port), "--public-url", "https://x.example/"]
    with start(scratch, options, ("-m", "sandbox", "gopro")) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Accept": ACCEPT, "Cookie": told["credentials"]["cookies"]}
        api = f"http://127.0.0.1:{port}/media"
        [row] = requests.get(f"{api}/search", headers=headers, timeout=TIMEOUT).json()["_embedded"]["media"]
        answer = requests.get(f"{api}/{row['id']}/download", headers=headers, timeout=TIMEOUT).json()
    assert told["url"] == "https://x.example"
    links = [each["url"] for each in answer["_embedded"]["variations"]]
    assert links
    assert all(link.startswith("https://x.example/") for link in links)


@pytest.mark.parametrize("url", ["http://x.example", "x.example", "https://x.example/path", "https://"])
def test_a_public_address_that_no_function_would_open_is_a_usage_error(scratch: Path, url: str) -> None:
    with start(scratch, ["--public-url", url], ("-m", "sandbox", "gopro")) as process:
        _, complaints = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert f"{url!r} is not an address like https://" in complaints


def test_only_files_leave_no_faster_than_they_are_told_to() -> None:
    plan = pace(250_000)
    assert plan(Call("gopro-cdn", "get", "/x")).rate == 250_000
    assert plan(Call("gopro-api", "search", "/media/search")) == UNDISTURBED
    assert pace(None)(Call("gopro-cdn", "get", "/x")) == UNDISTURBED


def test_what_a_plan_says_of_the_pace_goes_first() -> None:
    plan = pace(250_000, lambda call: Orders(rate=5.0) if call.operation == "get" else Orders(lost=True))
    assert plan(Call("gopro-cdn", "get", "/x")) == Orders(rate=5.0)
    assert plan(Call("gopro-cdn", "head", "/x")) == Orders(lost=True, rate=250_000)
    assert plan(Call("gopro-api", "search", "/x")) == Orders(lost=True)


@pytest.mark.verifies("gopro.described", "faults.ids")
def test_it_serves_what_a_file_describes_under_the_faults_of_another(scratch: Path, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(
        "[[media]]\ntype = 'Video'\npieces = [{ label = 'source', size = 9 }]\n[generate]\ncount = 3"
    )
    (tmp_path / "faults.toml").write_text("[[fault]]\nfault = 'F22'")
    options = [
        "--library",
        str(tmp_path / "one.toml"),
        "--faults",
        str(tmp_path / "faults.toml"),
        "--url-lifetime",
        "77",
    ]
    with start(scratch, options, ("-m", "sandbox", "gopro")) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Accept": ACCEPT, "Cookie": told["credentials"]["cookies"]}
        first, second = (requests.get(told["url"] + "/media/search", headers=headers, timeout=TIMEOUT) for _ in "12")
        rows = second.json()["_embedded"]["media"]
        now = time.time()
        answer = requests.get(f"{told['url']}/media/{rows[0]['id']}/download", headers=headers, timeout=TIMEOUT)
    expires = parse_qs(urlsplit(answer.json()["_embedded"]["variations"][0]["url"]).query)["Expires"][0]
    assert (first.status_code, second.status_code, len(rows)) == (429, 200, 4)
    assert now + 70 < int(expires) < now + 90


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["--library", "{}"], 1, "sandbox: wrong.toml: has no media; write each one as a [[media]] table, or let "),
        (["--faults", "{}"], 2, "sandbox: --faults wrong.toml: has no faults; write each one as a [[fault]] table"),
        (["--url-lifetime", "0"], 2, "sandbox: argument --url-lifetime: '0' is not a number of at least 1"),
    ],
)
def test_a_wrong_option_is_a_one_line_error(
    scratch: Path, tmp_path: Path, options: list[str], code: int, line: str
) -> None:
    (tmp_path / "wrong.toml").write_text("")
    filled = [option.format(tmp_path / "wrong.toml") for option in options]
    with start(scratch, filled, ("-m", "sandbox", "gopro")) as process:
        output, complaints = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output, len(complaints.splitlines())) == (code, "", 1)
    assert complaints.startswith(line)
