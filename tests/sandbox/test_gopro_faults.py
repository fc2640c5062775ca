"""The simulator under orders: what its clients get, byte by byte, and how their connections end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import pytest
import requests

from sandbox.gopro import GoProServer, Library, Response
from sandbox.wire.callers import Callers
from sandbox.wire.calls import Call, Caller
from sandbox.wire.orders import UNDISTURBED, Cut, Ending, Kill, Orders, Refusal
from tests.sandbox.gopro_client import ACCEPT, Client, medium, piece
from tests.sandbox.wire_support import TIMEOUT, calling_process, receive

CONTENT = bytes(range(256)) * 12_000


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library((medium("video", [piece(tmp_path, "source", content=CONTENT)]),))


class OnlyAt:
    """A plan for one operation; remembers what it was asked."""

    def __init__(self, operation: str, orders: Orders) -> None:
        self._operation = operation
        self._orders = orders
        self.asked: list[Call] = []

    def __call__(self, call: Call) -> Orders:
        self.asked.append(call)
        return self._orders if call.operation == self._operation else UNDISTURBED


@contextmanager
def asking(library: Library, orders: Orders) -> Iterator[tuple[GoProServer, http.client.HTTPConnection, str]]:
    """A server under these orders at the CDN, a connection to it, and the target of the video."""
    with GoProServer(library, plan=OnlyAt("get", orders)) as server:
        url = urlsplit(Client(server).entry("video")["url"])
        with closing(http.client.HTTPConnection(url.netloc, timeout=TIMEOUT)) as connection:
            yield server, connection, f"{url.path}?{url.query}"


def fetched(library: Library, orders: Orders) -> tuple[http.client.HTTPResponse, bytes, BaseException | None, int]:
    """Fetch the video under orders: the answer, what was read of it, how reading failed, what the journal counted."""
    content, failure = bytearray(), None
    with asking(library, orders) as (server, connection, target):
        connection.request("GET", target)
        answer = connection.getresponse()
        with answer:
            try:
                while block := answer.read1(65536):
                    content += block
            except ConnectionResetError as error:
                failure = error
    return answer, bytes(content), failure, server.requests[-1].bytes_sent


@pytest.mark.verifies("faults.gopro")
def test_the_plan_is_asked_by_service_operation_and_path(library: Library) -> None:
    plan = OnlyAt("none", UNDISTURBED)
    with GoProServer(library, plan=plan) as server:
        client = Client(server)
        entry = client.entry("video")
        client.fetch(entry["head"], "HEAD")
        client.fetch(entry["url"])
        for path in ("/media/search", "/media/user", "/media/deleted", "/media/video", "/media/x/zip/source"):
            client.get(path, page=1)
    path = urlsplit(entry["url"]).path
    assert [(call.service, call.operation, call.resource) for call in plan.asked] == [
        ("gopro-api", "download", "/media/video/download"),
        ("gopro-cdn", "head", path),
        ("gopro-cdn", "get", path),
        ("gopro-api", "search", "/media/search"),
        ("gopro-api", "user", "/media/user"),
        ("gopro-api", "deleted", "/media/deleted"),
        ("gopro-api", "medium", "/media/video"),
        ("gopro-api", "zip", "/media/x/zip/source"),
    ]
    assert {call.caller for call in plan.asked} == {None}


@pytest.mark.verifies("faults.reset")
@pytest.mark.parametrize("after", [0, 1, 1_500_000, len(CONTENT)])
def test_a_reset_reaches_the_client_after_so_many_bytes(library: Library, after: int) -> None:
    answer, content, failure, counted = fetched(library, Orders(cut=Cut(Ending.RESET, after)))
    assert (answer.status, content, counted) == (200, CONTENT[:after], after)
    assert isinstance(failure, ConnectionResetError) or after == len(CONTENT)


@pytest.mark.verifies("faults.truncation")
@pytest.mark.parametrize("after", [0, 1_500_000])
def test_a_truncated_body_ends_without_an_error_of_the_connection(library: Library, after: int) -> None:
    answer, content, failure, counted = fetched(library, Orders(cut=Cut(Ending.CLOSE, after)))
    assert (content, failure, counted) == (CONTENT[:after], None, after)
    assert answer.headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.verifies("faults.lost-answer")
def test_of_a_lost_answer_not_even_the_head_arrives(library: Library) -> None:
    with asking(library, Orders(lost=True)) as (server, connection, target):
        connection.request("GET", target)
        with pytest.raises(ConnectionResetError):
            connection.getresponse()
        assert [one.path for one in server.requests] == ["/media/video/download"]


@pytest.mark.verifies("faults.wrong-headers")
def test_wrong_headers_are_sent_in_place_of_the_right_ones(library: Library) -> None:
    answer, content, _, _ = fetched(library, Orders(headers={"etag": '"other"', "Last-Modified": None, "X-New": "1"}))
    assert (answer.headers["ETag"], answer.headers["Last-Modified"], answer.headers["X-New"]) == ('"other"', None, "1")
    assert content == CONTENT


@pytest.mark.verifies("faults.wrong-headers")
@pytest.mark.parametrize("length", [None, str(len(CONTENT) + 5)])
def test_a_body_that_is_not_as_long_as_the_head_says_ends_with_the_connection(
    library: Library, length: str | None
) -> None:
    answer, content, failure, _ = fetched(library, Orders(headers={"Content-Length": length}))
    assert (answer.headers["Content-Length"], content, failure) == (length, CONTENT, None)


@pytest.mark.verifies("faults.stall")
def test_closing_the_server_ends_every_pause(library: Library) -> None:
    with asking(library, Orders(delay=600.0)) as (server, connection, target):
        connection.request("GET", target)
        begun = time.monotonic()
        server.__exit__(None, None, None)
        assert time.monotonic() - begun < 5
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()


@pytest.mark.verifies("faults.truncation")
def test_nothing_more_is_served_on_a_connection_that_was_ended(library: Library) -> None:
    plan = OnlyAt("get", Orders(cut=Cut(Ending.CLOSE, 10)))
    with GoProServer(library, plan=plan) as server:
        url = urlsplit(Client(server).entry("video")["url"])
        request = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=TIMEOUT) as client:
            client.sendall(request * 2)
            assert receive(client).content.endswith(b"\r\n\r\n" + CONTENT[:10])
    assert [call.operation for call in plan.asked] == ["download", "get"]


@pytest.mark.verifies("faults.duplicate")
def test_a_duplicated_request_is_carried_out_twice_and_answered_once(library: Library) -> None:
    seen: list[str] = []

    def watch(request: object) -> Response:
        seen.append("carried out")
        return Response(200, {}, str(len(seen)).encode())

    with GoProServer(library, behaviour=watch, plan=OnlyAt("user", Orders(carried_out=2))) as server:
        assert Client(server).get("/media/user").content == b"2"
    assert len(seen) == 2


@pytest.mark.verifies("faults.status")
@pytest.mark.parametrize(("carried_out", "work"), [(0, []), (1, ["done"])])
def test_a_refusal_comes_before_or_after_the_work(library: Library, carried_out: int, work: list[str]) -> None:
    done: list[str] = []
    refusal = Refusal(429, headers={"Retry-After": "3"})
    plan = OnlyAt("user", Orders(carried_out=carried_out, refusal=refusal))
    with GoProServer(library, behaviour=lambda _: done.append("done"), plan=plan) as server:
        answer = Client(server).get("/media/user")
    assert (answer.status_code, answer.headers["Retry-After"], done) == (429, "3", work)


@pytest.mark.verifies("faults.status")
@pytest.mark.parametrize(
    ("operation", "refusal", "kind", "words"),
    [
        ("user", Refusal(503), "json", '"service_unavailable"'),
        ("user", Refusal(401, "invalid_request"), "json", '"invalid_request"'),
        ("user", Refusal(200, body=b"<html>sign in</html>", headers={"Content-Type": "text/html"}), "html", "sign in"),
        ("get", Refusal(403), "xml", "<Code>AccessDenied</Code>"),
        ("get", Refusal(503), "xml", "<Code>SlowDown</Code>"),
        ("get", Refusal(502), "xml", "<Code>BadGateway</Code>"),
        ("get", Refusal(509, "BandwidthLimitExceeded"), "xml", "<Code>BandwidthLimitExceeded</Code>"),
        ("get", Refusal(404, body=b"gone"), "xml", "gone"),
    ],
)
def test_refusals_are_worded_as_each_host_words_them(
    library: Library, operation: str, refusal: Refusal, kind: str, words: str
) -> None:
    plan = OnlyAt(operation, Orders(carried_out=0, refusal=refusal))
    with GoProServer(library, plan=plan) as server:
        client = Client(server)
        answer = client.get("/media/user") if operation == "user" else client.fetch(client.entry("video")["url"])
    assert (answer.status_code, words in answer.text) == (refusal.status, True)
    assert kind in answer.headers["Content-Type"]
    if kind == "json":
        assert set(json.loads(answer.text)) == {"error", "error_description"}


def test_a_connection_outlives_a_refusal(library: Library) -> None:
    plan = OnlyAt("user", Orders(carried_out=0, refusal=Refusal(503)))
    with GoProServer(library, plan=plan) as server, requests.Session() as session:
        headers = {"Accept": ACCEPT, "Cookie": server.credentials["cookies"]}
        statuses = [
            session.get(server.url + path, headers=headers, timeout=TIMEOUT).status_code
            for path in ("/media/user", "/media/video")
        ]
    assert statuses == [503, 200]


def test_a_cookie_at_the_cdn_is_noted_even_if_it_is_refused(library: Library) -> None:
    with GoProServer(library, plan=OnlyAt("get", Orders(carried_out=0, refusal=Refusal(503)))) as server:
        client = Client(server)
        client.fetch(client.entry("video")["url"], headers={"Cookie": "a=b"})
        assert len(server.violations) == 1


@contextmanager
def calling(library: Library, orders: Orders) -> Iterator[tuple[subprocess.Popen[bytes], OnlyAt, Callable[[], int]]]:
    """A process that asks for the video under orders; with it, the plan and what counts the calls carried out."""
    pids: list[int] = []
    callers = Callers(lambda: {"video_downloader": pids})
    plan = OnlyAt("get", orders)
    with GoProServer(library, plan=plan, callers=callers) as server:
        url = urlsplit(Client(server).entry("video")["url"])
        with calling_process(url.port or 0, held=True) as process:
            pids.append(process.pid)
            assert process.stdin is not None
            process.stdin.write(_request(url))
            process.stdin.close()
            yield process, plan, lambda: len(server.requests) - 1


def _request(url: SplitResult) -> bytes:
    return f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-99\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.verifies("faults.callers")
def test_the_plan_is_told_which_function_calls(library: Library) -> None:
    with calling(library, UNDISTURBED) as (process, plan, _):
        assert process.stdout is not None
        assert process.stdout.read().endswith(CONTENT[:100])
        assert plan.asked[-1].caller == Caller("video_downloader", process.pid)


@pytest.mark.verifies("faults.kill")
@pytest.mark.parametrize(("moment", "answers"), [(Kill.REQUEST, 0), (Kill.BEFORE_ANSWER, 0), (Kill.AFTER_ANSWER, 1)])
def test_the_calling_process_is_killed(library: Library, moment: Kill, answers: int) -> None:
    with calling(library, Orders(kill=moment)) as (process, _, answered):
        assert process.wait(TIMEOUT) == -signal.SIGKILL
        assert answered() == answers
        assert process.pid != os.getpid()


@pytest.mark.verifies("faults.gopro")
def test_files_are_sent_by_the_kernel_unless_orders_need_their_bytes(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = os.pread

    def noted(descriptor: int, length: int, offset: int) -> bytes:
        reads.append(length)
        return read(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", noted)
    assert fetched(library, Orders(delay=0.001))[1] == CONTENT
    assert reads == []
    assert fetched(library, Orders(cut=Cut(Ending.RESET, 10)))[1] == CONTENT[:10]
    assert reads
