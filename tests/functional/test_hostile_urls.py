"""Names, redirects and answers that somebody else chose, against real sockets: what is refused, and how early."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from cloud_sync.settings import Settings
from cloud_sync_common.edges import addresses, http, sessions
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.gopro_api import GoProApi
from cloud_sync_common.edges.sessions import api_session
from cloud_sync_common.errors import (
    CredentialsExpired,
    SchemaChanged,
    SourceUnavailable,
    TruncatedBody,
    UnsafeUrl,
)
from cloud_sync_common.models import SecretUrl
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer.body import CHUNK, SourceBody
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.ports import SourceTransport
from cloud_sync_common.transfer.sockets import source as by_sockets
from cloud_sync_common.transfer.sockets.source import SocketTransport
from cloud_sync_common.transfer.source import SourceReader
from tests.support.adapters import ADAPTERS, adapter
from tests.support.clocks import Naps, no_hurry
from tests.support.internet import Internet, certificates, open_internet
from tests.support.media import piece, source
from tests.support.raw_server import Conversation, RawServer, drip, flood
from tests.support.scripted_http import Answer, End, ScriptedServer, origin, script

MIB = 1024 * 1024
CANARY = "c4n4ry"
CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)
URL = SecretUrl(f"https://media.gopro.com/1.mp4?Signature={CANARY}")
HERE, THERE = "9.9.9.1", "9.9.9.2"
COOKIES = Credentials(f"gp_access_token={CANARY}", "Mozilla/5.0 (X11)")


def _strict(url: str) -> SecretUrl:
    return check_url(url, ("gopro.com",), allow_loopback_http=False)


def _lenient(url: str) -> SecretUrl:
    return check_url(url, (), allow_loopback_http=True)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    return open_internet(monkeypatch)


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    return certificates(monkeypatch, tmp_path, "*.gopro.com", "elsewhere.net")


@pytest.fixture
def cdn(internet: Internet, tls: ssl.SSLContext) -> Iterator[ScriptedServer]:
    """The CDN, at ``HERE``, by https."""
    with ScriptedServer(origin(CONTENT), tls) as server:
        internet.servers[HERE] = server.port
        internet.resolves("media.gopro.com", [HERE])
        internet.resolves("api.gopro.com", [HERE])
        yield server


@pytest.fixture
def elsewhere(cdn: ScriptedServer, internet: Internet) -> Iterator[ScriptedServer]:
    """Another server, at ``THERE``, that nobody is meant to talk to; its certificate would be good."""
    with ScriptedServer(origin(CONTENT), cdn.tls) as server:
        internet.servers[THERE] = server.port
        internet.resolves("elsewhere.net", [THERE])
        internet.resolves("other.gopro.com", [THERE])
        yield server


@pytest.fixture(params=ADAPTERS)
def transport(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> Iterator[SourceTransport]:
    """By either adapter; ``tls`` has told the environment whom to trust before."""
    with adapter(request.param, connections=2) as made:
        yield made.transport


@pytest.fixture
def reader(transport: SourceTransport) -> SourceReader:
    return SourceReader(transport, _strict)


@pytest.fixture
def lenient(transport: SourceTransport) -> SourceReader:
    """Reads from this machine, too."""
    return SourceReader(transport, _lenient)


@pytest.fixture
def api() -> Iterator[GoProApi]:
    with api_session() as session:
        yield _api(session, "https://api.gopro.com")


def _api(session: requests.Session, url: str) -> GoProApi:
    return GoProApi(session, url, sleep=Naps(), clock=lambda: 0.0, jitter=lambda: 0.0, attempts=2)


def _read(
    reader: SourceReader, url: str = URL, first: int = 10, last: int = 19, deadline: Deadline | None = None
) -> bytes:
    with reader.open_range(SecretUrl(url), first, last, source(SIZE), deadline or no_hurry()) as body:
        return _drain(body)


def _drain(body: SourceBody) -> bytes:
    return b"".join(iter(body.read, b""))


# Addresses


def test_a_name_is_looked_up_once_and_its_connection_serves_many_ranges(
    reader: SourceReader, cdn: ScriptedServer, internet: Internet
) -> None:
    for first in range(0, 50, 10):
        assert _read(reader, first=first, last=first + 9) == CONTENT[first : first + 10]
    assert (len(cdn.requests), cdn.connections) == (5, 1)
    assert (internet.looked_up, internet.connected) == (["media.gopro.com"], [HERE])


INSIDE = [
    *("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "169.254.100.1", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255"),  # noqa: S104
    *("::1", "::", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"),
    *("2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_to_the_inside_is_refused_before_anything_is_sent(
    reader: SourceReader, api: GoProApi, internet: Internet, address: str
) -> None:
    internet.resolves("media.gopro.com", [address])
    internet.resolves("api.gopro.com", [address])
    with pytest.raises(UnsafeUrl, match=r"media\.gopro\.com leads to no public address") as refused:
        _read(reader)
    with pytest.raises(SourceUnavailable, match=r"api\.gopro\.com leads to no public address"):
        api.account(COOKIES)
    assert internet.connected == []
    assert CANARY not in str(refused.value)


def test_a_probe_does_not_connect_to_the_inside_either(reader: SourceReader, internet: Internet) -> None:
    internet.resolves("media.gopro.com", ["10.0.0.1"])
    with pytest.raises(UnsafeUrl):
        reader.probe(piece(head_url=URL), URL)
    assert internet.connected == []


def test_a_name_that_changes_after_it_was_checked_changes_nothing(
    reader: SourceReader, cdn: ScriptedServer, internet: Internet
) -> None:
    internet.resolves("media.gopro.com", [HERE], ["127.0.0.1"])
    cdn.script = lambda request: origin(CONTENT)(request).but(end=End.CLOSE)  # type: ignore[union-attr]
    assert _read(reader) == CONTENT[10:20]
    assert internet.looked_up == ["media.gopro.com"]
    with pytest.raises(UnsafeUrl):
        _read(reader)
    assert (internet.connected, len(cdn.requests)) == ([HERE], 1)


def test_of_several_addresses_only_public_ones_are_tried_one_after_the_other(
    reader: SourceReader, cdn: ScriptedServer, internet: Internet
) -> None:
    internet.silent.add("9.9.9.9")
    internet.resolves("media.gopro.com", ["10.0.0.1", "2600:9000::1", "9.9.9.9", "2600:9000::1", "127.0.0.1", HERE])
    assert _read(reader) == CONTENT[10:20]
    assert internet.connected == ["2600:9000::1 443", "9.9.9.9 443", HERE]


def test_a_name_with_very_many_addresses_is_not_tried_for_ever(reader: SourceReader, internet: Internet) -> None:
    internet.resolves("media.gopro.com", [f"9.9.8.{number}" for number in range(1, 200)])
    with pytest.raises(SourceUnavailable):
        _read(reader)
    assert len(internet.connected) == addresses.MOST_ADDRESSES


@pytest.mark.parametrize("name", ["media.gopro.com", "x" * 64 + ".gopro.com"])
def test_a_name_that_nobody_knows_is_an_unavailable_source(reader: SourceReader, internet: Internet, name: str) -> None:
    with pytest.raises((SourceUnavailable, UnsafeUrl)) as failed:
        _read(reader, f"https://{name}/1.mp4?Signature={CANARY}")
    assert CANARY not in str(failed.value)
    assert internet.connected == []


def test_a_public_name_does_not_open_this_machine_even_in_the_sandbox(
    transport: SourceTransport, internet: Internet
) -> None:
    internet.resolves("media.gopro.com", ["127.0.0.1"])
    with pytest.raises(UnsafeUrl):
        _read(SourceReader(transport, lambda url: check_url(url, ("gopro.com",), allow_loopback_http=True)))
    assert internet.connected == []


def test_localhost_that_leads_elsewhere_is_refused_in_the_sandbox_too(
    lenient: SourceReader, internet: Internet
) -> None:
    internet.resolves("localhost", ["10.0.0.1", HERE])
    with pytest.raises(UnsafeUrl):
        _read(lenient, "http://localhost:8000/1.mp4")
    assert internet.connected == []


def test_a_certificate_for_another_name_is_refused(
    reader: SourceReader, cdn: ScriptedServer, internet: Internet
) -> None:
    internet.resolves("deep.down.gopro.com", [HERE])
    with pytest.raises(SourceUnavailable, match=r"SSL\w*Error"):
        _read(reader, "https://deep.down.gopro.com/1.mp4")
    assert cdn.requests == []


# Proxies


@pytest.mark.parametrize("transport", ["requests"], indirect=True)
def test_behind_a_proxy_names_are_checked_here_and_addresses_there(
    reader: SourceReader, api: GoProApi, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(client: socket.socket, _: object) -> None:
        client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with RawServer(refuse) as proxy:
        internet.servers["127.0.0.1"] = proxy.port
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(SourceUnavailable):
            _read(reader)
        with pytest.raises(SourceUnavailable, match="proxy"):
            api.account(COOKIES)
        with pytest.raises(UnsafeUrl):
            _read(reader, "https://elsewhere.net/1.mp4")
        heard = proxy.heard
    assert internet.looked_up == []
    assert [line.partition(b" HTTP")[0] for line in heard] == [
        b"CONNECT media.gopro.com:443",
        *[b"CONNECT api.gopro.com:443"] * 2,
    ]
    assert CANARY.encode() not in b"".join(heard)


# Redirects


@pytest.mark.parametrize(
    "location",
    [
        f"https://elsewhere.net/1.mp4?{CANARY}",
        "//elsewhere.net/1.mp4",
        f"https://media.gopro.com@elsewhere.net/{CANARY}",
        "https://elsewhere.net\\.gopro.com/",
        "http://other.gopro.com/1.mp4",
        "https://other.gopro.com:8443/1.mp4",
        f"https://{THERE}/1.mp4",
        "https://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
        "http://169.254.169.254/latest/meta-data/",
        "file:///proc/self/environ",
        f"https://gopro.com/login?{CANARY}",
        "https://login.gopro.com/",
        "https://other.gopro.com/oauth2/authorize",
        "https://[::1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_off_the_list_or_to_a_login_is_refused_and_nobody_is_asked(
    reader: SourceReader, cdn: ScriptedServer, elsewhere: ScriptedServer, internet: Internet, location: str, method: str
) -> None:
    cdn.script = lambda request: Answer(302, {"Location": location})
    with pytest.raises(UnsafeUrl) as refused:
        _read(reader) if method == "GET" else reader.probe(piece(head_url=URL), URL)
    assert CANARY not in str(refused.value)
    assert (len(cdn.requests), elsewhere.requests) == (1, [])
    assert internet.connected == [HERE]


def test_a_redirect_on_the_list_is_followed_without_anything_of_ours(
    reader: SourceReader, cdn: ScriptedServer, elsewhere: ScriptedServer
) -> None:
    leave = {"Location": "https://other.gopro.com/1.mp4?Signature=y", "Set-Cookie": f"a={CANARY}; Domain=gopro.com"}
    cdn.script = lambda request: Answer(302, leave)
    assert _read(reader) == CONTENT[10:20]
    (asked,) = elsewhere.requests
    assert asked.path == "/1.mp4?Signature=y"
    assert set(asked.headers) == {"host", "accept", "accept-encoding", "user-agent", "range", "if-match"}


def test_a_redirect_to_a_listed_name_that_leads_to_the_inside_is_refused(
    reader: SourceReader, cdn: ScriptedServer, internet: Internet
) -> None:
    internet.resolves("inside.gopro.com", ["10.0.0.1"])
    cdn.script = lambda request: Answer(307, {"Location": "https://inside.gopro.com/1.mp4"})
    with pytest.raises(UnsafeUrl, match=r"inside\.gopro\.com leads to no public address"):
        _read(reader)
    assert internet.connected == [HERE]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://elsewhere.net/media/user", SchemaChanged),
        ("https://other.gopro.com/media/user", SchemaChanged),
        ("https://other.gopro.com/login", CredentialsExpired),
        ("/v2/media/user", SchemaChanged),
    ],
)
def test_the_cookies_follow_no_redirect_of_the_api(
    api: GoProApi, cdn: ScriptedServer, elsewhere: ScriptedServer, location: str, expected: type[Exception]
) -> None:
    cdn.script = lambda request: Answer(302, {"Location": location})
    with pytest.raises(expected):
        api.account(COOKIES)
    assert cdn.requests[0].headers["cookie"] == COOKIES.cookies
    assert {request.path for request in cdn.requests} == {"/media/user"}
    assert elsewhere.requests == []


def test_the_endless_page_of_a_redirect_is_not_read(
    reader: SourceReader, api: GoProApi, cdn: ScriptedServer, elsewhere: ScriptedServer
) -> None:
    endless = Answer(
        302, {"Location": "https://other.gopro.com/1", "Content-Length": "1000000000"}, b"x", end=End.STALL
    )
    cdn.script = lambda request: endless
    assert _read(reader) == CONTENT[10:20]
    with pytest.raises(SchemaChanged):
        api.account(COOKIES)


# Headers


def _status(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


HEADERS = [
    _status(*(f"X-{number}: y" for number in range(101))),
    _status("X-Long: " + "y" * 65_536),
    b"HTTP/1.1 200 " + b"y" * 65_537 + b"\r\n\r\n",
    b"HTTP/9 oops\r\n\r\n",
    b"\0" * 1000,
]


@pytest.mark.parametrize(
    "headers", HEADERS, ids=["101 headers", "a long header", "a long status", "no status", "zeros"]
)
def test_a_flood_of_headers_is_an_unavailable_source(lenient: SourceReader, headers: bytes) -> None:
    with RawServer(lambda client, _: client.sendall(headers)) as server, api_session() as session:
        for ask in (
            lambda: _read(lenient, f"{server.url}/1.mp4?{CANARY}"),
            lambda: _api(session, server.url).account(COOKIES),
        ):
            with pytest.raises(SourceUnavailable) as failed:
                ask()
            assert CANARY not in str(failed.value)


@pytest.mark.parametrize(
    "conversation",
    [drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y"), flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["drip", "flood of 100s"],
)
def test_headers_that_never_end_are_given_up(
    lenient: SourceReader, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sessions, by_sockets):
        monkeypatch.setattr(module, "HEADERS_SECONDS", 0.2)
    begun = time.monotonic()
    with RawServer(conversation) as server, pytest.raises(SourceUnavailable):
        _read(lenient, server.url)
    assert time.monotonic() - begun < 5


LENGTHS = ["9" * 5000, "9" * 19, "-1", "1e3"]


@pytest.mark.parametrize("length", LENGTHS, ids=["5000 digits", "19 digits", "negative", "no number"])
def test_a_length_that_no_file_has_is_no_length(transport: SourceTransport, lenient: SourceReader, length: str) -> None:
    answer = Answer(200, {"Content-Length": length, "Content-Type": "binary/octet-stream"}, CONTENT, end=End.CLOSE)
    with ScriptedServer(lambda request: answer) as server:
        if isinstance(transport, SocketTransport):
            # Our own reader of headers trusts nothing else in such an answer either.
            with pytest.raises(SourceUnavailable, match="MalformedAnswer"):
                lenient.probe(piece(), server.url)
        else:
            assert lenient.probe(piece(), server.url).size is None


@pytest.mark.parametrize("etag", ['"' + "x" * 300 + '"', '"\xe4"', '"a\x01b"'], ids=["long", "not ASCII", "control"])
def test_a_validator_that_is_not_fit_to_be_kept_is_none(lenient: SourceReader, etag: str) -> None:
    with ScriptedServer(origin(CONTENT, etag=etag)) as server:
        assert lenient.probe(piece(), server.url).validator is None


# Bodies


def test_a_body_longer_than_asked_ends_at_once(lenient: SourceReader) -> None:
    headers = [f"Content-Range: bytes 10-19/{SIZE}", 'ETag: "v1"', "Transfer-Encoding: chunked"]
    beginning = _status(*headers).replace(b"200 OK", b"206 Partial Content")
    with (
        RawServer(flood(beginning, b"10000\r\n" + bytes(65_536) + b"\r\n")) as server,
        lenient.open_range(SecretUrl(server.url), 10, 19, source(SIZE), no_hurry()) as body,
    ):
        with pytest.raises(TruncatedBody):
            body.read()
        assert body.received <= CHUNK


@pytest.mark.parametrize("size", [b"-5", b"zz", b"f" * 17, b"2;" + b"x" * 70_000])
def test_a_chunk_without_a_sensible_length_is_a_broken_connection(lenient: SourceReader, size: bytes) -> None:
    answer = _status("Transfer-Encoding: chunked") + size + b"\r\nyy"
    with (
        RawServer(lambda client, _: client.sendall(answer)) as server,
        lenient.open_whole(SecretUrl(server.url), source(None), no_hurry()) as body,
    ):
        with pytest.raises(SourceUnavailable, match="broke off"):
            body.read()
        assert isinstance(body.error, SourceUnavailable)


@pytest.mark.parametrize("drop", [b"y", b""], ids=["drip", "silence"])
@pytest.mark.parametrize("framing", [f"Content-Length: {SIZE}", "Connection: close"], ids=["known", "until the end"])
def test_a_body_that_drips_ends_at_the_deadline(lenient: SourceReader, framing: str, drop: bytes) -> None:
    with RawServer(drip(_status(framing), drop)) as server:
        begun = time.monotonic()
        deadline = Deadline(time.monotonic, begun + 0.2)
        planned = source(SIZE if "Length" in framing else None, validator=None)
        with lenient.open_whole(SecretUrl(server.url), planned, deadline) as body, pytest.raises(DeadlineReached):
            _drain(body)
        assert time.monotonic() - begun < 5


def test_a_body_that_drips_by_https_ends_at_the_deadline_too(
    reader: SourceReader, cdn: ScriptedServer, internet: Internet
) -> None:
    ranged = origin(CONTENT)
    cdn.script = lambda request: ranged(request).but(body=b"y", headers={"Content-Length": "10"}, end=End.STALL)  # type: ignore[union-attr]
    begun = time.monotonic()
    with pytest.raises(DeadlineReached):
        _read(reader, deadline=Deadline(time.monotonic, begun + 0.2))
    assert time.monotonic() - begun < 5


def test_an_answer_of_the_api_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.2)
    begun = time.monotonic()
    with (
        RawServer(drip(_status("Connection: close"), b" ")) as server,
        api_session() as session,
        pytest.raises(SourceUnavailable, match="timed out") as failed,
    ):
        _api(session, server.url).account(COOKIES)
    assert failed.value.status == 408
    assert time.monotonic() - begun < 5


def _account(body: bytes, encoding: str | None = "gzip") -> Callable[[object], Answer]:
    return lambda request: Answer(200, {"Content-Encoding": encoding}, body)


def test_an_answer_that_unpacks_without_end_is_not_unpacked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 4 * MIB)
    bomb = gzip.compress(bytes(200 * MIB), 9)
    with ScriptedServer(_account(bomb)) as server, api_session() as session:
        tracemalloc.start()
        try:
            with pytest.raises(SchemaChanged, match="more than 4 MiB"):
                _api(session, server.url.rpartition("/")[0]).account(COOKIES)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 16 * MIB


@pytest.mark.parametrize("element", ["{},", "[],"])
def test_the_largest_answer_fits_a_functions_memory_however_it_is_written(element: str) -> None:
    body = f"[{element * (MIB // len(element))}0]".encode()
    tracemalloc.start()
    try:
        http.Reply(200, {}, body).json()
        parsed = tracemalloc.get_traced_memory()[1] / len(body)
    finally:
        tracemalloc.stop()
    assert (parsed + 1) * http.MAX_BODY_BYTES < Settings().downloader_memory_mb * MIB


@pytest.mark.parametrize("encoding", ["", "Content-Encoding: gzip\r\n"], ids=["plain", "gzip that unpacks to nothing"])
def test_an_endless_answer_is_not_read_to_its_end(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", MIB)
    empty = gzip.compress(b"") * 3000
    beginning = b"HTTP/1.1 200 OK\r\n" + encoding.encode() + b"Connection: close\r\n\r\n"
    with (
        RawServer(flood(beginning, empty if encoding else b" " * 65_536)) as server,
        api_session() as session,
        pytest.raises(SchemaChanged, match="more than 1 MiB"),
    ):
        _api(session, server.url).account(COOKIES)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"{}")[:-4], "gzip"),
        (gzip.compress(b"{}") * 2, "gzip"),
        (b"{}", "gzip"),
        (gzip.compress(b"{}"), "br"),
        (b"{}", "gzip, gzip"),
    ],
    ids=["cut", "two members", "not gzip", "an encoding not asked for", "twice"],
)
def test_an_answer_that_cannot_be_unpacked_is_asked_for_again(body: bytes, encoding: str) -> None:
    with ScriptedServer(script(_account(body, encoding)(None), then=_account(b"{}", None))) as server:
        with api_session() as session:
            _api(session, server.url.rpartition("/")[0]).account(COOKIES)
        assert [request.headers["accept-encoding"] for request in server.requests] == ["gzip"] * 2
