"""Faults ordered from outside that end a connection: lost and cut answers, cut uploads, killed functions."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import HTTPClientError

from sandbox.s3 import S3Server
from sandbox.wire.callers import Callers
from sandbox.wire.orders import Cut, Ending, Kill, Orders
from tests.sandbox.s3_support import (
    BUCKET,
    Ordered,
    client_of,
    connected,
    request_bytes,
    serving,
)

BODY = bytes(range(256)) * 4096


def _received(connection: socket.socket) -> bytes:
    """Everything until the server's end; ``ConnectionResetError`` if it was torn down."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.verifies("faults.s3")
@pytest.mark.parametrize("ordered", [Orders(lost=True), Orders(carried_out=0, lost=True)])
def test_a_lost_answer_is_a_torn_connection(tmp_path: Path, ordered: Orders) -> None:
    with serving(tmp_path, plan=Ordered("PutObject", ordered)) as server, connected(server) as connection:
        connection.sendall(request_bytes(server, "PUT", f"/{BUCKET}/key", b"body"))
        with pytest.raises(ConnectionResetError):
            _received(connection)

    assert [stored.key for stored in server.objects(BUCKET)] == ["key"] * ordered.carried_out
    (entry,) = server.requests
    assert (entry.operation, entry.answered) == ("PutObject", False)


@pytest.mark.verifies("faults.s3")
def test_over_tls_a_lost_answer_is_a_torn_connection_too(tmp_path: Path) -> None:
    plan = Ordered("PutObject", Orders(lost=True))
    with serving(tmp_path, plan=plan, tls=True) as server, client_of(server) as client:
        with pytest.raises(HTTPClientError):
            client.put_object(Bucket=BUCKET, Key="key", Body=BODY)
        assert client.get_object(Bucket=BUCKET, Key="key")["Body"].read() == BODY


@pytest.mark.verifies("faults.s3")
@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
@pytest.mark.parametrize("after", [0, 1, 300_000])
def test_an_answer_is_cut_after_exactly_so_many_bytes(tmp_path: Path, ending: Ending, after: int) -> None:
    plan = Ordered("GetObject", Orders(cut=Cut(ending, after)))
    with serving(tmp_path, plan=plan) as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="key", Body=BODY)
        with connected(server) as connection:
            connection.sendall(request_bytes(server, "GET", f"/{BUCKET}/key"))
            received = b""
            torn = False
            try:
                for piece in iter(lambda: connection.recv(65536), b""):
                    received += piece
            except ConnectionResetError:
                torn = True

        head, _, body = received.partition(b"\r\n\r\n")
        assert body == BODY[:after]
        assert f"Content-Length: {len(BODY)}".encode() in head
        assert torn is (ending is Ending.RESET)


@pytest.mark.verifies("faults.s3")
def test_a_stalled_answer_does_not_hold_up_the_closing_of_the_server(tmp_path: Path) -> None:
    plan = Ordered("GetObject", Orders(cut=Cut(Ending.STALL, 5, seconds=3600)))
    with serving(tmp_path, plan=plan) as server, client_of(server) as client, connected(server) as connection:
        client.put_object(Bucket=BUCKET, Key="key", Body=b"0123456789")
        connection.sendall(request_bytes(server, "GET", f"/{BUCKET}/key"))
        received = b""
        while not received.endswith(b"\r\n\r\n01234"):
            received += connection.recv(65536)
        server.close()
        # A stall that went on would have kept this from coming back for an hour.
        with pytest.raises(ConnectionRefusedError), connected(server):
            pass


@pytest.mark.verifies("faults.s3")
@pytest.mark.parametrize("after", [0, 1, 700_000, len(BODY)])
def test_an_upload_is_cut_after_exactly_so_many_bytes_and_nothing_is_stored(tmp_path: Path, after: int) -> None:
    plan = Ordered("PutObject", Orders(upload_cut=after))
    with serving(tmp_path, plan=plan) as server:
        request = request_bytes(server, "PUT", f"/{BUCKET}/key", BODY)
        with connected(server) as connection, pytest.raises(ConnectionError):
            _sent_and_answered(connection, request[: len(request) - len(BODY) + after])
    assert list(server.objects(BUCKET)) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def _sent_and_answered(connection: socket.socket, request: bytes) -> bytes:
    """The answer; ``ConnectionError`` while sending or, where the reset comes after the last byte, while waiting."""
    connection.sendall(request)
    return _received(connection)


CHILD = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
connection.sendall(bytes.fromhex(sys.stdin.readline()))
answer = b""
while b"</ListBucketResult>" not in answer:
    answer += connection.recv(65536)
print("answered", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def child_of(tmp_path: Path) -> Iterator[Callable[[S3Server, dict[str, list[int]]], Any]]:
    """Start a process of its own group that makes one call, as a function would."""
    children: list[subprocess.Popen[str]] = []

    def start(server: S3Server, pids: dict[str, list[int]]) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, server.url.rpartition(":")[2]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        children.append(child)
        pids["uploader"] = [child.pid]
        assert child.stdin
        child.stdin.write(request_bytes(server, "GET", f"/{BUCKET}?list-type=2").hex() + "\n")
        child.stdin.flush()
        return child

    yield start
    for child in children:
        with child:
            child.kill()


@pytest.mark.verifies("faults.s3")
@pytest.mark.parametrize(
    ("kill", "answered"), [(Kill.REQUEST, ""), (Kill.BEFORE_ANSWER, ""), (Kill.AFTER_ANSWER, None)]
)
def test_the_calling_function_is_killed_at_its_moment(
    tmp_path: Path, child_of: Callable[[S3Server, dict[str, list[int]]], Any], kill: Kill, answered: str | None
) -> None:
    pids: dict[str, list[int]] = {}
    plan = Ordered("ListObjectsV2", Orders(kill=kill))
    with serving(tmp_path, plan=plan, callers=Callers(lambda: pids)) as server:
        child = child_of(server, pids)
        assert child.wait(20) == -9
        said = child.stdout.read()

    (entry,) = server.requests
    assert (entry.status, entry.answered) == {
        Kill.REQUEST: (0, False),
        Kill.BEFORE_ANSWER: (200, False),
        Kill.AFTER_ANSWER: (200, True),
    }[kill]
    assert answered is None or said == answered
    assert plan.calls[0].caller
    assert (plan.calls[0].caller.function, plan.calls[0].caller.pid) == ("uploader", child.pid)
