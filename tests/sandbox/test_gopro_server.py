"""The simulator as a server: connections, behaviours, the journal, and a clean end."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.gopro import (
    Behaviour,
    GoProServer,
    Library,
    PortInUse,
    Request,
    Response,
    SimulatorError,
)
from tests.sandbox.gopro_client import Client, medium, piece

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library((medium("video", [piece(tmp_path, "source", content=CONTENT)]),))


def at_cdn(change: Behaviour) -> Behaviour:
    return lambda request: change(request) if "/source/default/" in request.path else None


def fetch_with(library: Library, change: Behaviour) -> tuple[GoProServer, requests.Response]:
    with GoProServer(library, behaviour=at_cdn(change)) as server:
        client = Client(server)
        return server, client.fetch(client.entry("video")["url"])


def test_a_connection_serves_many_requests(library: Library) -> None:
    with GoProServer(library) as server:
        entry = Client(server).entry("video")
        url, head = urlsplit(entry["url"]), urlsplit(entry["head"])
        connection = http.client.HTTPConnection(url.netloc, timeout=20)
        connection.request("HEAD", f"{head.path}?{head.query}")
        with connection.getresponse() as answer:
            assert (answer.status, answer.read()) == (200, b"")
        sockets = {connection.sock}
        for first in range(5):
            connection.request("GET", f"{url.path}?{url.query}", headers={"Range": f"bytes={first}-{first}"})
            with connection.getresponse() as answer:
                assert answer.read() == CONTENT[first : first + 1]
            sockets.add(connection.sock)
        connection.close()
    assert len(sockets) == 1


def test_several_clients_are_served_at_once(library: Library) -> None:
    with GoProServer(library) as server:
        url = Client(server).entry("video")["url"]
        bodies: list[bytes] = []
        threads = [threading.Thread(target=lambda: bodies.append(Client(server).fetch(url).content)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert bodies == [CONTENT] * 4


def test_the_journal_tells_what_was_answered_without_queries(library: Library) -> None:
    with GoProServer(library) as server:
        client = Client(server)
        entry = client.entry("video")
        client.fetch(entry["head"], "HEAD")
        client.fetch(entry["url"], headers={"Range": "bytes=0-99"})
        client.fetch(entry["url"] + "0", headers={"Range": "bytes=0-99"})
        seen = [(one.method, one.path, one.range, one.status, one.bytes_sent) for one in server.requests]
    path = urlsplit(entry["url"]).path
    assert seen[1:3] == [("HEAD", path, None, 200, 0), ("GET", path, "bytes=0-99", 206, 100)]
    assert seen[0][:4] == ("GET", "/media/video/download", None, 200)
    assert seen[3][3] == 403
    assert not any("Signature" in one.path for one in server.requests)


def test_a_behaviour_may_answer_in_the_servers_place(library: Library) -> None:
    _, answer = fetch_with(library, lambda request: Response(503, {"Retry-After": "7"}, b"later"))
    assert (answer.status_code, answer.headers["Retry-After"], answer.content) == (503, "7", b"later")


def test_a_behaviour_may_change_the_usual_answer(library: Library) -> None:
    def not_ready(request: Request) -> Response | None:
        if not request.path.endswith("/download"):
            return None
        answer = request.proceed()
        assert isinstance(answer.body, bytes)
        answer.body = json.dumps(json.loads(answer.body) | {"filename": "changed"}).encode()
        return answer

    with GoProServer(library, behaviour=not_ready) as server:
        assert Client(server).json("/media/video/download")["filename"] == "changed"


def test_a_behaviour_may_cut_the_body(library: Library) -> None:
    def cut(request: Request) -> Response:
        answer = request.proceed()
        answer.cut_after = 1_500_000
        return answer

    with GoProServer(library, behaviour=at_cdn(cut)) as server:
        url = urlsplit(Client(server).entry("video")["url"])
        connection = http.client.HTTPConnection(url.netloc, timeout=20)
        connection.request("GET", f"{url.path}?{url.query}")
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
        connection.close()
        assert server.requests[-1].bytes_sent == 1_500_000
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert caught.value.partial == CONTENT[:1_500_000]


def test_a_behaviour_may_stream_blocks_of_its_own_making(library: Library) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"one "
        yield b"two"

    server, answer = fetch_with(library, lambda request: Response(200, {}, blocks()))
    assert (answer.content, answer.headers["Connection"]) == (b"one two", "close")
    assert server.requests[-1].bytes_sent == 7


def test_a_behaviour_may_lie_about_the_length(library: Library) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch_with(library, lambda request: Response(200, {"Content-Length": "10"}, iter([b"short"])))


def test_a_status_unknown_to_python_can_be_sent(library: Library) -> None:
    _, answer = fetch_with(library, lambda request: Response(509))
    assert answer.status_code == 509


def test_a_file_that_shrinks_while_it_is_served_ends_the_connection(library: Library, tmp_path: Path) -> None:
    def shrink(request: Request) -> Response:
        answer = request.proceed()
        (tmp_path / "source-1.mp4").write_bytes(b"tiny")
        return answer

    with GoProServer(library, behaviour=at_cdn(shrink)) as server:
        client = Client(server)
        url = client.entry("video")["url"]
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            client.fetch(url)
    assert server.requests[-1].bytes_sent == len(b"tiny")


def test_an_endless_body_ends_where_it_is_cut(library: Library) -> None:
    endless = Response(200, {}, itertools.repeat(bytes(1000)), cut_after=2500)
    _, answer = fetch_with(library, lambda request: endless)
    assert answer.content == bytes(2500)


def test_another_library_can_take_over_while_the_server_runs(library: Library) -> None:
    with GoProServer(library) as server:
        server.replace_library(Library((*library.media, medium("late"))))
        rows = Client(server).json("/media/search")["_embedded"]["media"]
    assert {row["id"] for row in rows} == {"video", "late"}


def test_a_taken_port_is_named_in_one_line(library: Library) -> None:
    with GoProServer(library) as server:
        port = urlsplit(server.url).port
        assert port is not None
        with (
            pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use") as caught,
            GoProServer(library, port=port),
        ):
            pass
    assert "\n" not in str(caught.value)


def test_a_port_or_address_that_cannot_be_is_refused(library: Library) -> None:
    with pytest.raises(SimulatorError, match="port 70000 does not exist"), GoProServer(library, port=70_000):
        pass
    with (
        pytest.raises(SimulatorError, match=r"cannot listen on 203\.0\.113\.7"),
        GoProServer(library, host="203.0.113.7"),
    ):
        pass


def test_a_server_started_again_is_the_same_account_on_the_same_port(library: Library) -> None:
    server = GoProServer(library)
    with server:
        url, token = server.url, server.access_token
    with server:
        assert (server.url, server.access_token) == (url, token)
        assert Client(server).get("/media/user").status_code == 200


def test_stopping_drops_idle_and_busy_connections_and_leaves_no_thread(library: Library) -> None:
    before = set(threading.enumerate())
    with GoProServer(library) as server:
        url = urlsplit(Client(server).entry("video")["url"])
        idle = socket.create_connection((url.hostname, url.port), timeout=20)
        busy = socket.create_connection((url.hostname, url.port), timeout=20)
        busy.sendall(f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert busy.recv(12) == b"HTTP/1.1 200"
    with idle, busy:
        assert idle.recv(1) == b""
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_a_bug_in_a_behaviour_is_shown_and_ends_only_its_own_connection(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(request: Request) -> Response:
        raise ZeroDivisionError(request.method)

    with GoProServer(library, behaviour=at_cdn(broken)) as server:
        client = Client(server)
        with pytest.raises(requests.exceptions.ConnectionError):
            client.fetch(client.entry("video")["url"])
        assert client.get("/media/user").status_code == 200
    assert "ZeroDivisionError" in capsys.readouterr().err
