"""Who calls: real processes, found by the kernel's own books, and killed."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.wire.callers import NOBODY, Callers
from sandbox.wire.calls import Caller
from tests.sandbox.wire_support import TIMEOUT, calling_process, connection

GENERATED = "Stack-VideoDownloader1234"


@contextmanager
def called(at: socket.socket | None = None) -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A server's end of a connection, and the process at its other end, whose request has arrived."""
    with at.dup() if at else socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(TIMEOUT)
        with calling_process(listening.getsockname()[1]) as process:
            accepted, _ = listening.accept()
            with accepted:
                accepted.settimeout(TIMEOUT)
                assert accepted.recv(1) == b"?"
                yield accepted, process


def named(generated: str) -> str:
    return {GENERATED: "video_downloader"}[generated]


@pytest.mark.verifies("faults.kill")
@pytest.mark.verifies("faults.callers")
def test_a_function_is_known_by_its_connection() -> None:
    with called() as (accepted, process):
        callers = Callers(lambda: {"other": [os.getpid()], GENERATED: [1, process.pid]}, lambda name: name.lower())
        assert callers.peer(accepted).caller == Caller(GENERATED.lower(), process.pid)


@pytest.mark.verifies("faults.callers")
def test_two_processes_of_one_function_are_told_apart() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        called(listening) as (one, first),
        called(listening) as (two, second),
    ):
        callers = Callers(lambda: {GENERATED: [first.pid, second.pid]}, named)
        found = [callers.peer(accepted).caller for accepted in (two, one)]
    assert found == [Caller("video_downloader", second.pid), Caller("video_downloader", first.pid)]


@pytest.mark.verifies("faults.callers")
def test_whoever_is_no_function_has_no_name() -> None:
    with called() as (accepted, _), connection() as (own, _client):
        callers = Callers(lambda: {GENERATED: [os.getppid()]}, named)
        assert callers.peer(accepted).caller is None
        assert callers.peer(own).caller is None
        assert NOBODY.peer(accepted).caller is None
        assert not NOBODY.peer(accepted).kill()


@pytest.mark.verifies("faults.callers")
def test_a_process_that_has_died_is_nobody() -> None:
    with called() as (accepted, process):
        process.kill()
        process.wait()
        peer = Callers(lambda: {GENERATED: [process.pid]}, named).peer(accepted)
        assert peer.caller is None
        assert not peer.kill()


def test_a_connection_that_its_client_has_reset_belongs_to_nobody() -> None:
    with connection() as (server, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert Callers(lambda: {GENERATED: [os.getpid()]}, named).peer(server).caller is None


def test_a_caller_is_looked_up_once_and_only_when_asked() -> None:
    asked: list[int] = []

    def pids() -> dict[str, list[int]]:
        asked.append(1)
        return {GENERATED: [process.pid]}

    with called() as (accepted, process):
        peer = Callers(pids, named).peer(accepted)
        assert asked == []
        assert peer.caller == peer.caller is not None
        assert asked == [1]


@pytest.mark.verifies("faults.kill")
def test_a_killed_function_takes_its_own_children_along() -> None:
    program = "import subprocess, sys; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        descriptor = os.pidfd_open(child)
        assert Callers(lambda: {GENERATED: [process.pid]}, named).kill(Caller("video_downloader", process.pid))
        assert process.wait(TIMEOUT) == -signal.SIGKILL
        # Only an ended process makes its descriptor readable; the read would fail for one that is still there.
        assert select.select([descriptor], [], [], TIMEOUT)[0] == [descriptor]
        os.close(descriptor)


@pytest.mark.verifies("faults.kill")
def test_a_process_that_is_no_function_any_more_is_not_killed() -> None:
    with called() as (accepted, process):
        known = {GENERATED: [process.pid]}
        peer = Callers(lambda: known, named).peer(accepted)
        assert peer.caller is not None
        known[GENERATED] = []
        assert not peer.kill()
        assert process.poll() is None


def test_killing_what_has_gone_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        process.wait()
    assert not Callers(lambda: {GENERATED: [process.pid]}, named).kill(Caller("video_downloader", process.pid))
