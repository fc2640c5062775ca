"""The S3 side by our own sockets against servers that answer early, late, oddly or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import trustme
from botocore.config import Config

from cloud_sync_common.edges.archive import Archive, KeyTaken, UploadedPart, UploadGone
from cloud_sync_common.errors import (
    ArchiveDenied,
    ArchiveThrottled,
    ArchiveUnavailable,
    SourceUnavailable,
    TransferError,
    TruncatedBody,
)
from cloud_sync_common.models import UploadId
from cloud_sync_common.transfer.adapters import sockets_adapter
from cloud_sync_common.transfer.body import SourceBody
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.sockets import sender
from tests.support.aws import REGION
from tests.support.clocks import no_hurry
from tests.support.raw_server import Conversation, RawServer, read_request, replies
from tests.support.strict_s3 import KEY, MIB

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOAD = UploadId("c4n4ry-upload")
SMALL = 300_000
LARGE = 64 * MIB
"""More than the buffers of two sockets hold."""

STORED = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n'


class Zeros:
    """A source's answer: ``size`` zeros, held nowhere; then ``failure``, if there is one, else the end."""

    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self, size: int, failure: Exception | None = None) -> None:
        self._left = size
        self._failure = failure

    def read(self, amount: int) -> bytes:
        data = bytearray(amount)
        return bytes(data[: self.fill(memoryview(data))])

    def fill(self, view: memoryview) -> int:
        if self._failure is not None and len(view) > self._left:
            raise self._failure
        filled = min(len(view), self._left)
        view[:filled] = bytes(filled)
        self._left -= filled
        return filled

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        yield

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext | None:
    """A server's TLS that the adapter trusts, or none."""
    if request.param == "http":
        return None
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1").configure_cert(context)
    return context


Serve = Callable[..., tuple[Archive, RawServer]]


@pytest.fixture
def serve(tls: ssl.SSLContext | None) -> Iterator[Serve]:
    """Starts a server that holds a conversation, and an archive whose bodies go there by sockets."""
    with ExitStack() as stack:

        def start(conversation: Conversation, host: str = "127.0.0.1") -> tuple[Archive, RawServer]:
            server = stack.enter_context(RawServer(conversation, tls=tls, host=host, listens=False))
            client = _client(server.url)
            adapter = sockets_adapter(2)
            adapter.attach(client)
            stack.callback(client.close)
            stack.callback(adapter.close)
            return Archive(client, "archive", client), server

        yield start


def _client(url: str) -> S3Client:
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    client: S3Client = boto3.client("s3", endpoint_url=url, region_name=REGION, config=config)
    return client


def _send(archive: Archive, size: int = SMALL, body: SourceBody | None = None) -> UploadedPart:
    return archive.upload_part(KEY, UPLOAD, 1, body or SourceBody(Zeros(size), size, no_hurry()), size)


def _refusal(status: int, code: str, more: str = "") -> bytes:
    page = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    return f"HTTP/1.1 {status} Refused\r\nContent-Length: {len(page)}\r\n{more}\r\n{page}".encode()


# Keeping connections


def test_one_connection_carries_many_parts(serve: Serve) -> None:
    archive, server = serve(replies(*[STORED] * 5))
    for _ in range(5):
        assert _send(archive).etag == '"e"'
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(STORED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), id="close is said"),
        pytest.param(STORED.replace(b"1.1", b"1.0", 1), id="HTTP 1.0"),
        pytest.param(STORED + b"HTTP/1.1 500 x\r\n", id="more than the answer"),
        pytest.param(
            b'HTTP/1.1 200 OK\r\nETag: "e"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx', id="more, chunked"
        ),
    ],
)
def test_a_connection_that_is_not_at_the_next_answer_carries_no_other(serve: Serve, answer: bytes) -> None:
    archive, server = serve(replies(answer, _refusal(403, "AccessDenied")))
    for _ in range(3):
        assert _send(archive).etag == '"e"'
    assert server.connections == 3


def test_a_connection_that_was_closed_meanwhile_is_replaced_without_a_failed_part(serve: Serve) -> None:
    gone = threading.Semaphore(0)

    def once(client: socket.socket, _: threading.Event) -> None:
        read_request(client)
        client.sendall(STORED)
        client.shutdown(socket.SHUT_RDWR)
        gone.release()

    archive, server = serve(once)
    for _ in range(3):
        assert _send(archive).etag == '"e"'
        gone.acquire()
    assert server.connections == 3


def test_ipv6(serve: Serve) -> None:
    try:
        archive, server = serve(replies(STORED), "::1")
    except OSError:
        pytest.skip("this machine has no ::1")
    assert _send(archive).etag == '"e"'
    assert server.connections == 1


# Answers


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + STORED, id="100"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + STORED, id="103"),
        pytest.param(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', id="chunked"),
        pytest.param(b'HTTP/1.0 200 OK\r\nETag: "e"\r\n\r\n', id="until the end"),
        pytest.param(b'HTTP/1.1 200 OK\r\nEtAg: "e"\r\nContent-Length: 7\r\n\r\n<a></a>', id="with a body"),
    ],
)
def test_an_answer_may_come_in_many_ways(serve: Serve, answer: bytes) -> None:
    archive, _ = serve(replies(answer))
    assert _send(archive).etag == '"e"'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"220 smtp.example ready\r\n\r\n", id="another protocol"),
        pytest.param(b"\0" * 100_000, id="zeros"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", id="cut"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5", id="cut headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nabcde", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", id="another coding"),
        pytest.param(
            b"HTTP/1.1 403 x\r\n\r\n<Error><Code>AccessDenied</Code>" + b" " * sender.MAX_REPLY + b"</Error>",
            id="too long",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunks that are none"),
    ],
)
def test_what_is_no_answer_is_an_unavailable_archive(serve: Serve, answer: bytes) -> None:
    archive, _ = serve(replies(answer))
    with pytest.raises(ArchiveUnavailable) as failed:
        _send(archive)
    seen: BaseException | None = failed.value
    while seen is not None:
        assert "c4n4ry" not in f"{seen!s}{seen!r}"
        seen = seen.__cause__


EARLY: list[tuple[int, str, type[Exception]]] = [
    (403, "AccessDenied", ArchiveDenied),
    (404, "NoSuchUpload", UploadGone),
    (412, "PreconditionFailed", KeyTaken),
    (400, "ExpiredToken", ArchiveUnavailable),
    (503, "SlowDown", ArchiveThrottled),
]


@pytest.mark.parametrize("end", ["hangs up", "stays and reads nothing", "reads to the end"])
@pytest.mark.parametrize(("status", "code", "expected"), EARLY)
def test_a_refusal_before_the_end_of_the_body_is_what_the_caller_sees(
    serve: Serve, status: int, code: str, expected: type[Exception], end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SILENCE_SECONDS", 0.3)

    def refuse(client: socket.socket, closing: threading.Event) -> None:
        heard = client.recv(1000)
        client.sendall(_refusal(status, code))
        if end == "stays and reads nothing":
            closing.wait()
        while end == "reads to the end" and heard:
            heard = client.recv(65_536)

    archive, _ = serve(refuse)
    with pytest.raises(expected):
        _send(archive, LARGE)


def test_success_before_the_end_of_the_body_is_none(serve: Serve) -> None:
    def claim(client: socket.socket, _: threading.Event) -> None:
        client.recv(1000)
        client.sendall(STORED)

    archive, _ = serve(claim)
    with pytest.raises(ArchiveUnavailable):
        _send(archive, LARGE)


# Time


def _deaf(client: socket.socket, closing: threading.Event) -> None:
    closing.wait()


def _mute(client: socket.socket, closing: threading.Event) -> None:
    read_request(client)
    closing.wait()


def _dripping(client: socket.socket, closing: threading.Event) -> None:
    read_request(client)
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not closing.wait(0.01):
        client.sendall(b"y")


@pytest.mark.parametrize(
    ("conversation", "size"), [(_deaf, LARGE), (_mute, SMALL), (_dripping, SMALL)], ids=["deaf", "mute", "dripping"]
)
def test_an_archive_that_stalls_is_given_up(
    serve: Serve, conversation: Conversation, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SILENCE_SECONDS", "HEADERS_SECONDS", "EARLY_SECONDS"):
        monkeypatch.setattr(sender, name, 0.2)
    archive, _ = serve(conversation)
    with pytest.raises(ArchiveUnavailable):
        _send(archive, size)


def test_the_deadline_ends_what_an_archive_does_not_take(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "EARLY_SECONDS", 0.1)
    archive, _ = serve(_deaf)
    begun = time.monotonic()
    with pytest.raises(DeadlineReached):
        _send(archive, LARGE, SourceBody(Zeros(LARGE), LARGE, Deadline(time.monotonic, begun + 0.3)))
    assert time.monotonic() - begun < 5


# What the source does


@pytest.mark.parametrize("there", [SMALL - 1, SMALL + 1, 0])
def test_a_body_of_another_length_is_never_sent_to_its_end(serve: Serve, there: int) -> None:
    heard: list[bytes] = []

    def listen(client: socket.socket, _: threading.Event) -> None:
        while data := client.recv(65_536):
            heard.append(data)

    archive, _ = serve(listen)
    body = SourceBody(Zeros(there), SMALL, no_hurry())
    with pytest.raises(TruncatedBody):
        _send(archive, SMALL, body)
    assert isinstance(body.error, TruncatedBody)
    assert b"\r\n0\r\n" not in b"".join(heard)


def test_a_body_longer_than_the_part_is_refused_even_if_its_length_was_planned(serve: Serve) -> None:
    archive, server = serve(replies(STORED))
    with pytest.raises(TransferError):
        _send(archive, SMALL, SourceBody(Zeros(2 * SMALL), 2 * SMALL, no_hurry()))
    assert all(b"\r\n0\r\n" not in heard for heard in server.heard)


@pytest.mark.parametrize("there", [0, SMALL // 2])
def test_a_source_that_breaks_off_is_what_the_caller_sees(serve: Serve, there: int) -> None:
    broken = SourceUnavailable("the source broke off")
    archive, server = serve(replies(STORED))
    with pytest.raises(SourceUnavailable) as failed:
        _send(archive, SMALL, SourceBody(Zeros(there, broken), SMALL, no_hurry()))
    assert failed.value is broken
    assert server.connections == (0 if there < SMALL else 1)


def test_nothing_listening_is_an_unavailable_archive(tls: ssl.SSLContext | None) -> None:
    with RawServer(_mute, tls=tls) as gone:
        url = gone.url
    client, adapter = _client(url), sockets_adapter(1)
    adapter.attach(client)
    try:
        with pytest.raises(ArchiveUnavailable, match="EndpointConnectionError"):
            _send(Archive(client, "archive", client))
    finally:
        client.close()
        adapter.close()
