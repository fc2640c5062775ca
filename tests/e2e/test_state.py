"""``--state``: a run that was interrupted in the middle of an upload is continued by the next command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.gopro import GoProServer, directory_library
from sandbox.gopro.messages import Request, Response
from sandbox.s3 import S3Server
from tests.support.assemblies import edit_template, send_in_parts_above

PROJECT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
LIMIT = 300
"""Seconds after which a run that hangs fails the tests."""

SIZE = 80 * MIB
"""Five parts of 16 MiB."""

THRESHOLD = 8 * MIB
"""Smaller than the file, which therefore goes in parts."""

BEFORE_THE_END = 3
"""Parts that the source gives out before the run is ended."""


class Gate:
    """Lets the first ranges of a file through and holds the others back until it is opened, for those after them."""

    def __init__(self) -> None:
        self._passed = 0
        self._lock = threading.Lock()
        self._opened = threading.Event()

    def __call__(self, request: Request) -> Response | None:
        if request.method != "GET" or not request.headers.get("Range") or self._may_pass():
            return None
        self._opened.wait(LIMIT)
        return Response(503)  # whoever asked has been killed meanwhile

    def _may_pass(self) -> bool:
        with self._lock:
            self._passed += 1
            return self._passed <= BEFORE_THE_END or self._opened.is_set()

    def open(self) -> None:
        self._opened.set()


class Command:
    """``python -m sandbox run --gopro-url ... --state ...`` against a server of the test, as a person would type it."""

    def __init__(self, folder: Path, server: GoProServer, stack: Sequence[str]) -> None:
        self.state = folder / "state"
        self._scratch = folder / "scratch"
        self._scratch.mkdir()
        self._credentials = folder / "credentials.json"
        self._credentials.write_text(json.dumps(server.credentials), encoding="utf-8")
        self._common = [
            "--gopro-url",
            server.url,
            "--state",
            str(self.state),
            *stack,
        ]

    def start(self, *arguments: str, first: bool = False) -> subprocess.Popen[str]:
        """Start a run; only the first one is given the cookies."""
        cookies = ["--credentials", str(self._credentials)] if first else []
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox", "run", *self._common, *cookies, *arguments],
            cwd=PROJECT,
            env={**kept, "TMPDIR": str(self._scratch)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, *arguments: str) -> dict[str, Any]:
        """Run to the end and return the last line's JSON; what the killed one left in the way of files has gone."""
        with self.start("--json", *arguments) as process:
            output, errors = process.communicate(timeout=LIMIT)
        assert (process.returncode, errors) == (0, "")
        assert list(self._scratch.iterdir()) == []
        last = json.loads(output.splitlines()[-1])
        assert isinstance(last, dict)
        return last

    def parts(self) -> list[dict[str, Any]]:
        """The parts of open uploads that the S3 server has acknowledged."""
        records = self.state.glob("s3/buckets/*/uploads/*/part-*.json")
        return [json.loads(record.read_text(encoding="ascii")) for record in records]


@contextmanager
def a_large_file(folder: Path, gate: Gate) -> Iterator[tuple[bytes, GoProServer]]:
    content = os.urandom(SIZE)
    library = folder / "library"
    library.mkdir()
    (library / "GX010001.MP4").write_bytes(content)
    with GoProServer(directory_library(library), behaviour=gate) as server:
        yield content, server


def until_parts_are_stored(command: Command, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + LIMIT
    while len(command.parts()) < BEFORE_THE_END:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no parts were stored"
        time.sleep(0.05)


@pytest.fixture(name="assembly", scope="module")
def _assembly(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = Path(shutil.copytree(sound, tmp_path_factory.mktemp("parts") / "assembly"))
    edit_template(copy, send_in_parts_above(THRESHOLD))
    return copy


@pytest.mark.verifies("state.continued")
@pytest.mark.verifies("state.compared")
@pytest.mark.verifies("state.files")
def test_a_run_that_was_killed_in_the_middle_of_an_upload_is_continued_and_the_next_one_copies_nothing(
    tmp_path: Path, assembly: Path
) -> None:
    with continued(tmp_path, signal.SIGKILL, ["--assembly", str(assembly)]) as command:
        again = command.finish()
        assert (again["bytes"], again["counts"]["already_synced"]) == (0, 1)
        assert (again["compared"]["equal"], again["compared"]["objects_earlier"]) == (True, 2)
        assert [run["run"].rpartition("Z-")[2] for run in again["runs"]] == ["run-3"]


@pytest.mark.verifies("state.continued")
def test_a_run_that_was_interrupted_in_the_middle_of_an_upload_is_continued(tmp_path: Path) -> None:
    with continued(tmp_path, signal.SIGINT, ["--setting", f"multipart_threshold={THRESHOLD}"]):
        pass


@contextmanager
def continued(folder: Path, end: signal.Signals, stack: Sequence[str]) -> Iterator[Command]:
    """Start a run of this stack, end it in the middle of an upload, and look at what the next one makes of it."""
    gate = Gate()
    with a_large_file(folder, gate) as (content, server):
        command = Command(folder, server, stack)
        with command.start(first=True) as process:
            until_parts_are_stored(command, process)
            os.killpg(process.pid, end)
            process.communicate(timeout=LIMIT)
        assert process.returncode == (-signal.SIGKILL if end == signal.SIGKILL else 130)
        stored = sum(part["size"] for part in command.parts())
        gate.open()
        before = len(server.requests)

        result = command.finish()

        assert (result["status"], result["counts"]["completed"]) == ("SUCCEEDED", 1)
        assert result["compared"]["equal"] is True
        sent = [each for each in server.requests[before:] if each.method == "GET" and each.range]
        assert sum(each.bytes_sent for each in sent) == SIZE - stored
        assert archived(command.state) == [content]
        (file,) = (command.state / "bucket").rglob("*.MP4")
        assert (file.name, file.read_bytes() == content) == ("GX010001.MP4", True)
        yield command


def archived(state: Path) -> list[bytes]:
    """The files in the archive bucket, without records; nothing may be half-way into any bucket."""
    with S3Server(state / "s3", region="us-east-1", credentials=None, tls=False) as s3:
        names = [bucket.name for bucket in s3.buckets()]
        assert [upload for name in names for upload in s3.open_uploads(name)] == []
        objects = [found for name in names for found in s3.objects(name) if found.key.startswith("gopro-videos/")]
        return [found.path.read_bytes() for found in objects if not found.key.endswith("/medium.json")]
