"""Connections to a source and to S3: how they are made, when they are kept, and what is never sent over them."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from cloud_sync_common.edges.addresses import ForbiddenAddress, permitted_addresses
from cloud_sync_common.errors import InvalidInput, SourceUnavailable, TruncatedBody
from cloud_sync_common.models import SecretUrl
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer.adapters import chosen_adapter, sockets_adapter, tls_context
from cloud_sync_common.transfer.ports import SourceAnswer
from cloud_sync_common.transfer.sockets import connections as connections_module
from cloud_sync_common.transfer.sockets.connection import Connection, Origin, TcpConnector, any_address
from cloud_sync_common.transfer.sockets.connections import Connections
from cloud_sync_common.transfer.sockets.sender import SocketSender
from cloud_sync_common.transfer.sockets.source import SocketTransport
from cloud_sync_common.transfer.source import SourceReader
from tests.support.adapters import ADAPTERS, adapter
from tests.support.clocks import ManualClock, no_hurry
from tests.support.internet import certificates
from tests.support.media import source
from tests.support.raw_server import RawServer, read_request, replies, tunnel
from tests.support.scripted_http import ScriptedServer, origin
from tests.support.strict_s3 import KEY, Store

CANARY = "c4n4ry"
CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
PROXIES = ("HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """An authority that both sides of an adapter made from now on trust."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    return made


def _tls(authority: trustme.CA, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, not_after=not_after).configure_cert(context)
    return context


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, authority: trustme.CA) -> ssl.SSLContext | None:
    return None if request.param == "http" else _tls(authority, "127.0.0.1", "::1", "localhost")


@pytest.fixture
def transport(tls: ssl.SSLContext | None) -> Iterator[SocketTransport]:
    made = sockets_adapter(2)
    assert isinstance(made.transport, SocketTransport)
    yield made.transport
    made.close()


def _get(transport: SocketTransport, server: RawServer, size: int = 5) -> bytes:
    """Ask for a file and read so much of it."""
    answer = transport.request("GET", SecretUrl(f"{server.url}/x?Signature={CANARY}"), {})
    return _taken(answer, size)


def _taken(answer: SourceAnswer, size: int) -> bytes:
    try:
        return answer.read(size)
    finally:
        answer.close()


# Keeping connections


@pytest.mark.parametrize(
    ("answer", "connections"),
    [
        pytest.param(HELLO, 1, id="as it should be"),
        pytest.param(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HELLO, 1, id="interim answers"),
        pytest.param(HELLO.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), 3, id="close is said"),
        pytest.param(HELLO.replace(b"1.1", b"1.0"), 3, id="HTTP 1.0"),
        pytest.param(HELLO + b"HTTP/1.1 206 x\r\n\r\n", 3, id="more than the answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", 3, id="until the end"),
        pytest.param(HELLO.replace(b": 5", b": 6") + b"!", 3, id="not read to the end"),
    ],
)
def test_a_connection_is_kept_only_at_the_next_answer(
    transport: SocketTransport, tls: ssl.SSLContext | None, answer: bytes, connections: int
) -> None:
    # The server itself would go on, but where the end of the connection is the body's.
    answers = [answer] * (3 if b"Content-Length" in answer else 1)
    with RawServer(replies(*answers), tls=tls, listens=False) as server:
        assert [_get(transport, server) for _ in range(3)] == [b"hello"] * 3
        assert server.connections == connections


def test_what_follows_an_answer_is_never_taken_for_the_next_one(
    transport: SocketTransport, tls: ssl.SSLContext | None
) -> None:
    """Not even what TLS has decrypted already and the kernel knows no more of: one record with two answers in it."""

    def smuggle(client: socket.socket, _: threading.Event) -> None:
        read_request(client)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n" + b"x" * 7_000)
        client.sendall(b"x" * 1_000 + HELLO.replace(b"hello", b"wrong"))
        read_request(client)
        client.sendall(HELLO)

    with RawServer(smuggle, tls=tls, listens=False) as server:
        assert _get(transport, server, 8_000) == b"x" * 8_000
        assert _get(transport, server, 8_000) == b"x" * 8_000
        assert server.connections == 2


@pytest.mark.parametrize("hang_up", ["while idle", "at the next request"])
def test_a_connection_that_was_closed_is_replaced_without_a_word(
    transport: SocketTransport, tls: ssl.SSLContext | None, hang_up: str
) -> None:
    gone = threading.Semaphore(0)

    def once(client: socket.socket, _: threading.Event) -> None:
        read_request(client)
        client.sendall(HELLO)
        if hang_up == "at the next request":
            gone.release()
            client.recv(1)
        client.close()
        gone.release()

    with RawServer(once, tls=tls, listens=False) as server:
        for _ in range(3):
            assert _get(transport, server) == b"hello"
            gone.acquire()
        assert server.connections == 3


def test_a_new_connection_that_is_closed_is_no_answer(transport: SocketTransport, tls: ssl.SSLContext | None) -> None:
    def refuse(client: socket.socket, _: threading.Event) -> None:
        read_request(client)

    with RawServer(refuse, tls=tls, listens=False) as server:
        with pytest.raises(SourceUnavailable) as failed:
            _get(transport, server)
        assert server.connections == 1
    assert CANARY not in f"{failed.value!s}{failed.value.__cause__!r}"


def test_two_requests_at_a_time_have_two_connections(transport: SocketTransport, tls: ssl.SSLContext | None) -> None:
    with RawServer(replies(HELLO, HELLO), tls=tls, listens=False) as server:
        url = SecretUrl(server.url)
        asked = [transport.request("GET", url, {}) for _ in range(2)]
        assert [_taken(answer, 5) for answer in asked] == [b"hello"] * 2
        asked = [transport.request("GET", url, {}) for _ in range(2)]
        assert [_taken(answer, 5) for answer in asked] == [b"hello"] * 2
        assert server.connections == 2


class _Made:
    """In the place of a connector: one end of a socket pair, and the other kept open."""

    def __init__(self) -> None:
        self.ends: list[socket.socket] = []
        self.connections: list[Connection] = []

    def __call__(self, origin: Origin) -> Connection:
        del origin
        ours, theirs = socket.socketpair()
        self.ends.append(theirs)
        self.connections.append(Connection(ours, lambda: 0.0))
        return self.connections[-1]


@pytest.fixture
def made() -> Iterator[_Made]:
    connector = _Made()
    yield connector
    for connection in connector.connections:
        connection.close()
    for end in connector.ends:
        end.close()


HERE = Origin("http", "a.example", 80)


def test_the_connection_used_last_is_lent_first_and_to_its_origin_only(made: _Made) -> None:
    pool = Connections(made, ManualClock(), 2)
    first, second = pool.take(HERE), pool.take(HERE)
    pool.give_back(HERE, first)
    pool.give_back(HERE, second)
    assert pool.take(Origin("http", "b.example", 80)) not in (first, second)
    assert pool.take(Origin("https", "a.example", 80)) not in (first, second)
    assert [pool.take(HERE), pool.take(HERE)] == [second, first]


@pytest.mark.parametrize(("seconds", "is_kept"), [(0.0, True), (-0.01, True), (0.01, False)])
def test_a_connection_that_was_idle_for_long_is_not_used_again(made: _Made, seconds: float, is_kept: bool) -> None:
    clock = ManualClock()
    pool = Connections(made, clock, 2)
    first = pool.take(HERE)
    pool.give_back(HERE, first)
    clock.advance(connections_module.IDLE_SECONDS + seconds)
    assert (pool.take(HERE) is first) is is_kept
    assert (made.ends[0].recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"") if not is_kept else True


@pytest.mark.parametrize("sent", [b"x", None], ids=["a word", "goodbye"])
def test_a_connection_on_which_something_came_in_is_not_used_again(made: _Made, sent: bytes | None) -> None:
    pool = Connections(made, ManualClock(), 2)
    first = pool.take(HERE)
    pool.give_back(HERE, first)
    made.ends[0].close() if sent is None else made.ends[0].sendall(sent)
    assert pool.take(HERE) is not first


def test_no_more_are_kept_than_may_be_and_none_after_the_end(made: _Made) -> None:
    pool = Connections(made, ManualClock(), 2)
    taken = [pool.take(HERE) for _ in range(3)]
    for connection in taken:
        pool.give_back(HERE, connection)
    assert made.ends[2].recv(1, socket.MSG_DONTWAIT) == b""
    pool.close()
    assert [end.recv(1, socket.MSG_DONTWAIT) for end in made.ends] == [b""] * 3


# Making connections


def test_small_messages_do_not_wait_on_either_side(store: Store) -> None:
    seen: list[int] = []
    clock = ManualClock()
    bundle = str(store.server.ca_bundle)

    def watching(addresses: Callable[[str, int], list[str]]) -> Connections:
        connect = TcpConnector(addresses, lambda: tls_context(bundle), clock, ForbiddenAddress)

        def connector(origin: Origin) -> Connection:
            connection = connect(origin)
            seen.append(connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            return connection

        return Connections(connector, clock, 1)

    from_source, to_archive = watching(permitted_addresses), watching(any_address)
    SocketSender(to_archive).attach(store.archive.body_client)
    reader = SourceReader(
        SocketTransport(from_source), lambda url: check_url(url, ("gopro.com",), allow_loopback_http=True)
    )
    with ScriptedServer(origin(CONTENT)) as server:
        with reader.open_range(server.url, 0, SIZE - 1, source(SIZE), no_hurry()) as body:
            store.archive.upload_part(KEY, store.upload(), 1, body, SIZE)
        from_source.close()
        to_archive.close()
    assert len(seen) == 2
    assert all(seen)


BAD = [
    pytest.param(lambda good, _: _tls(good, "elsewhere.example"), id="another name"),
    pytest.param(lambda _, bad: _tls(bad, "127.0.0.1"), id="another authority"),
    pytest.param(lambda good, _: _tls(good, "127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)), id="expired"),
]


@pytest.mark.parametrize("certified", BAD)
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_source_that_cannot_prove_who_it_is_is_sent_nothing(
    name: str, certified: Callable[[trustme.CA, trustme.CA], ssl.SSLContext], authority: trustme.CA
) -> None:
    server = RawServer(replies(HELLO), tls=certified(authority, trustme.CA()))
    with server, adapter(name) as made, pytest.raises(SourceUnavailable, match="SSL") as failed:
        made.transport.request("GET", SecretUrl(f"{server.url}/x?Signature={CANARY}"), {})
    assert (server.connections, server.heard) == (1, [])
    assert CANARY not in f"{failed.value!s}{failed.value.__cause__!r}"


@pytest.mark.parametrize("certified", BAD)
def test_an_archive_that_cannot_prove_who_it_is_is_sent_nothing(
    certified: Callable[[trustme.CA, trustme.CA], ssl.SSLContext], authority: trustme.CA
) -> None:
    with RawServer(replies(HELLO), tls=certified(authority, trustme.CA())) as server:
        connect = TcpConnector(any_address, lambda: tls_context(_bundle()), ManualClock(), ForbiddenAddress)
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(Origin("https", "127.0.0.1", server.port))
    assert (server.connections, server.heard) == (1, [])


def _bundle() -> str:
    """The authority that an archive is checked by."""
    return os.environ["AWS_CA_BUNDLE"]


def test_ipv6(transport: SocketTransport, tls: ssl.SSLContext | None) -> None:
    try:
        server = RawServer(replies(HELLO), tls=tls, host="::1", listens=False)
    except OSError:
        pytest.skip("this machine has no ::1")
    with server:
        assert _get(transport, server) == b"hello"


def test_authorities_and_names_are_checked_and_no_old_tls_is_spoken() -> None:
    context = tls_context(None)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


# Cut bodies, by https


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("ending", ["close", "goodbye"])
def test_a_body_that_ends_with_its_connection_too_early_is_no_part(
    name: str, ending: str, authority: trustme.CA, store: Store
) -> None:
    """With and without TLS's own goodbye: neither proves that all of it came."""

    def cut(client: socket.socket, _: threading.Event) -> None:
        read_request(client)
        client.sendall(b'HTTP/1.1 200 OK\r\nETag: "v1"\r\n\r\n' + CONTENT[:-1])
        if ending == "goodbye":
            assert isinstance(client, ssl.SSLSocket)
            client.unwrap()

    upload = store.upload()
    tls = _tls(authority, "127.0.0.1")
    with RawServer(cut, tls=tls, listens=False) as server, adapter(name, store) as made:
        reader = SourceReader(made.transport, lambda url: check_url(url, (), allow_loopback_http=True))
        with (
            pytest.raises((TruncatedBody, SourceUnavailable)),
            reader.open_range(SecretUrl(server.url), 0, SIZE - 1, source(SIZE), no_hurry()) as body,
        ):
            store.archive.upload_part(KEY, upload, 1, body, SIZE)
    assert store.archive.parts(KEY, upload) == {}


# Proxies


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_behind_a_proxy_the_adapter_is_the_one_that_knows_proxies(variable: str, name: str) -> None:
    assert chosen_adapter(name, {variable: "http://proxy.example:3128"}) == "requests"
    assert chosen_adapter(name, {variable: ""}) == name
    assert chosen_adapter(name, {}) == name


def test_an_adapter_of_another_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown adapter 'curl'"):
        chosen_adapter("curl", {})


def test_the_bytes_come_through_a_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Store) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    tls = certificates(monkeypatch, tmp_path, "media.gopro.com")
    upload = store.upload()
    with ScriptedServer(origin(CONTENT), tls) as cdn:
        leads_to = {"media.gopro.com:443": cdn.port}
        with RawServer(tunnel(leads_to), listens=False) as proxy, adapter("requests", store) as made:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            reader = SourceReader(made.transport, lambda url: check_url(url, ("gopro.com",), allow_loopback_http=False))
            url = SecretUrl(f"https://media.gopro.com/1.mp4?Signature={CANARY}")
            for number, first in enumerate(range(0, SIZE, SIZE // 4), 1):
                last = first + SIZE // 4 - 1
                with reader.open_range(url, first, last, source(SIZE), no_hurry()) as body:
                    store.archive.upload_part(KEY, upload, number, body, SIZE // 4)
            made.close()
        assert proxy.connections == 1
        assert [request.path for request in cdn.requests] == [f"/1.mp4?Signature={CANARY}"] * 4
    assert len(store.archive.parts(KEY, upload)) == 4
