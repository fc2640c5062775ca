"""The CDN side of a transfer against a server that misbehaves in every way that was thought of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_sync_common.errors import (
    SourceChanged,
    SourceGone,
    SourceThrottled,
    SourceUnavailable,
    TransferError,
    TruncatedBody,
    UnsafeUrl,
    UrlExpired,
    WrongContent,
)
from cloud_sync_common.models import SecretUrl, Source
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer import by_requests
from cloud_sync_common.transfer.body import CHUNK, SourceBody
from cloud_sync_common.transfer.checksums import Crc64Nvme
from cloud_sync_common.transfer.deadline import DeadlineReached
from cloud_sync_common.transfer.ports import SourceTransport
from cloud_sync_common.transfer.sockets import source as by_sockets
from cloud_sync_common.transfer.source import RangeIgnored, SourceReader
from tests.support.adapters import ADAPTERS, adapter
from tests.support.clocks import no_hurry, over
from tests.support.media import piece, source
from tests.support.scripted_http import Answer, End, Request, ScriptedServer, origin, script

CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)
GOOD = origin(CONTENT)
RANGE = Answer(206, {"ETag": '"v1"', "Content-Range": f"bytes 10-19/{SIZE}"}, CONTENT[10:20])
WHOLE = Answer(200, {"ETag": '"v1"'}, CONTENT)


def _check(url: str) -> SecretUrl:
    return check_url(url, ("gopro.com",), allow_loopback_http=True)


@pytest.fixture(params=ADAPTERS)
def transport(request: pytest.FixtureRequest) -> Iterator[SourceTransport]:
    with adapter(request.param, connections=2) as made:
        yield made.transport


@pytest.fixture
def reader(transport: SourceTransport) -> SourceReader:
    return SourceReader(transport, _check)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(GOOD) as served:
        yield served


def _read(body: SourceBody) -> bytes:
    read = bytearray()
    while data := body.read(64):
        read += data
    return bytes(read)


def _range(
    reader: SourceReader, server: ScriptedServer, first: int = 10, last: int = 19, planned: Source | None = None
) -> bytes:
    with reader.open_range(server.url, first, last, planned or source(SIZE), no_hurry()) as body:
        return _read(body)


def _whole(reader: SourceReader, server: ScriptedServer, planned: Source | None = None) -> bytes:
    with reader.open_whole(server.url, planned or source(SIZE), no_hurry()) as body:
        return _read(body)


# Ranges as they should be


def test_exactly_the_asked_bytes_arrive_with_their_checksum(reader: SourceReader, server: ScriptedServer) -> None:
    expected = Crc64Nvme()
    expected.update(CONTENT[10:20])
    with reader.open_range(server.url, 10, 19, source(SIZE), no_hurry()) as body:
        assert _read(body) == CONTENT[10:20]
        assert (body.received, body.crc64nvme, body.error) == (10, expected.base64, None)
    assert server.requests[0].headers["range"] == "bytes=10-19"
    assert server.requests[0].headers["if-match"] == '"v1"'


def test_a_connection_is_used_for_many_ranges(reader: SourceReader, server: ScriptedServer) -> None:
    for first in range(0, 50, 10):
        _range(reader, server, first, first + 9)
    assert (len(server.requests), server.connections) == (5, 1)


@pytest.mark.parametrize("validator", ["Sat, 31 Jan 2026 12:00:00 GMT", None])
def test_a_source_without_strong_etag_is_asked_without_if_match(
    reader: SourceReader, server: ScriptedServer, validator: str | None
) -> None:
    server.script = origin(CONTENT, etag=None)
    assert _range(reader, server, planned=source(SIZE, validator=validator)) == CONTENT[10:20]
    assert "if-match" not in server.requests[0].headers


@pytest.mark.parametrize("answer", [WHOLE, WHOLE.but(chunked=True)])
def test_the_whole_piece_may_come_with_200_when_the_whole_piece_was_asked(
    reader: SourceReader, server: ScriptedServer, answer: Answer
) -> None:
    server.script = lambda request: answer
    assert _range(reader, server, 0, SIZE - 1) == CONTENT


def test_a_total_that_the_server_does_not_tell_is_no_contradiction(
    reader: SourceReader, server: ScriptedServer
) -> None:
    server.script = lambda request: RANGE.but(headers={"Content-Range": "bytes 10-19/*"})
    assert _range(reader, server) == CONTENT[10:20]


def test_never_more_than_a_chunk_is_read_at_once(reader: SourceReader, server: ScriptedServer) -> None:
    content = bytes(3 * CHUNK)
    server.script = origin(content)
    with reader.open_whole(server.url, source(len(content)), no_hurry()) as body:
        assert len(body.read(10 * CHUNK)) <= CHUNK
        assert len(body.read()) <= CHUNK


# Ranges as they should not be


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(WHOLE, RangeIgnored, id="200 to a range"),
        pytest.param(RANGE.but(headers={"Content-Range": f"bytes 9-18/{SIZE}"}), TruncatedBody, id="another range"),
        pytest.param(RANGE.but(headers={"Content-Range": f"bytes 10-20/{SIZE}"}), TruncatedBody, id="a longer range"),
        pytest.param(RANGE.but(headers={"Content-Range": None}), TruncatedBody, id="no Content-Range"),
        pytest.param(RANGE.but(headers={"Content-Range": "lines 1-2/3"}), TruncatedBody, id="odd Content-Range"),
        pytest.param(RANGE.but(body=CONTENT[10:21]), TruncatedBody, id="Content-Length too long"),
        pytest.param(RANGE.but(body=CONTENT[10:19]), TruncatedBody, id="Content-Length too short"),
        pytest.param(RANGE.but(chunked=True, body=CONTENT[10:21]), TruncatedBody, id="long body"),
        pytest.param(RANGE.but(chunked=True, body=CONTENT[10:19]), TruncatedBody, id="short body"),
        pytest.param(
            RANGE.but(headers={"Content-Length": None}, body=CONTENT[10:15], end=End.CLOSE),
            TruncatedBody,
            id="body ends with the connection, too early",
        ),
        pytest.param(RANGE.but(headers={"ETag": '"v2"'}), SourceChanged, id="changed ETag"),
        pytest.param(RANGE.but(headers={"Content-Range": f"bytes 10-19/{SIZE + 1}"}), SourceChanged, id="other size"),
        pytest.param(
            RANGE.but(headers={"Content-Length": "10"}, body=CONTENT[10:15], end=End.CLOSE),
            SourceUnavailable,
            id="closed in the middle",
        ),
        pytest.param(
            RANGE.but(headers={"Content-Length": "10"}, body=CONTENT[10:15], end=End.RESET),
            SourceUnavailable,
            id="reset in the middle",
        ),
        pytest.param(None, SourceUnavailable, id="reset before any answer"),
        pytest.param(RANGE.but(headers={"Content-Type": "text/html; charset=utf-8"}), WrongContent, id="HTML"),
        pytest.param(RANGE.but(headers={"Content-Encoding": "gzip"}), WrongContent, id="gzip"),
        pytest.param(RANGE.but(headers={"Content-Type": "application/xhtml+xml"}), WrongContent, id="XHTML"),
        pytest.param(Answer(204), TransferError, id="204"),
    ],
)
def test_what_is_not_the_asked_range_is_refused(
    reader: SourceReader, server: ScriptedServer, answer: Answer | None, expected: type[Exception]
) -> None:
    server.script = lambda request: answer
    with pytest.raises(expected) as caught:
        _range(reader, server)
    assert type(caught.value) is expected
    assert "c4n4ry" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_whole_piece_is_refused_as_a_range_before_a_byte_of_it_is_read(
    reader: SourceReader, server: ScriptedServer
) -> None:
    server.script = lambda request: WHOLE
    with (
        pytest.raises(RangeIgnored),
        reader.open_range(server.url, 0, 9, source(SIZE), no_hurry()),
    ):
        pytest.fail("the body was handed out")


def test_200_for_the_whole_piece_with_another_size_or_validator_is_a_changed_source(
    reader: SourceReader, server: ScriptedServer
) -> None:
    server.script = script(WHOLE.but(body=CONTENT + b"x"), WHOLE.but(headers={"ETag": '"v2"'}), then=GOOD)
    for _ in range(2):
        with pytest.raises(SourceChanged):
            _range(reader, server, 0, SIZE - 1)


STATUSES: list[tuple[int, type[Exception]]] = [
    (401, UrlExpired),
    (403, UrlExpired),
    (410, UrlExpired),
    (404, SourceGone),
    (412, SourceChanged),
    (416, SourceChanged),
    (429, SourceThrottled),
    (408, SourceUnavailable),
    (425, SourceUnavailable),
    (500, SourceUnavailable),
    (502, SourceUnavailable),
    (503, SourceUnavailable),
    (504, SourceUnavailable),
    (400, TransferError),
    (302, TransferError),
    (418, TransferError),
]


@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_every_status_has_its_meaning_with_a_page_as_body_too(
    reader: SourceReader, server: ScriptedServer, status: int, expected: type[Exception]
) -> None:
    server.script = lambda request: Answer(status, {"Content-Type": "text/html"}, b"<html>c4n4ry</html>")
    for open_it in (_range, _whole):
        with pytest.raises(expected, match=str(status) if status != 429 else "slow down") as caught:
            open_it(reader, server)
        assert type(caught.value) is expected
        assert "c4n4ry" not in str(caught.value)


def test_the_wait_that_a_throttling_source_asks_for_is_known(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: Answer(429, {"Retry-After": "7"})
    with pytest.raises(SourceThrottled) as caught:
        _range(reader, server)
    assert caught.value.retry_after == 7


def test_a_stalled_source_is_given_up(
    reader: SourceReader, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_requests, "TIMEOUT", (5.0, 0.2))
    monkeypatch.setattr(by_sockets, "SILENCE_SECONDS", 0.2)
    server.script = lambda request: RANGE.but(headers={"Content-Length": "10"}, body=CONTENT[10:15], end=End.STALL)
    with pytest.raises(SourceUnavailable, match=r"Time[oO]ut") as caught:
        _range(reader, server)
    assert caught.value.timed_out


def test_nobody_listening_is_an_unavailable_source(reader: SourceReader) -> None:
    with ScriptedServer(GOOD) as gone:
        url = gone.url
    with (
        pytest.raises(SourceUnavailable, match="does not answer") as caught,
        reader.open_range(url, 0, 9, source(SIZE), no_hurry()),
    ):
        pass
    assert "127.0.0.1" not in str(caught.value)


def test_the_deadline_ends_a_body(reader: SourceReader, server: ScriptedServer) -> None:
    with reader.open_range(server.url, 10, 19, source(SIZE), over()) as body:
        with pytest.raises(DeadlineReached):
            body.read()
        assert isinstance(body.error, DeadlineReached)


def test_a_body_remembers_what_broke_it(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: RANGE.but(chunked=True, body=CONTENT[10:15])
    with reader.open_range(server.url, 10, 19, source(SIZE), no_hurry()) as body:
        with pytest.raises(TruncatedBody):
            _read(body)
        assert isinstance(body.error, TruncatedBody)


# Redirects, cookies, credentials


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_with_the_same_questions(
    reader: SourceReader, server: ScriptedServer, status: int
) -> None:
    server.script = script(Answer(status, {"Location": "/elsewhere?Signature=x"}), then=GOOD)
    assert _range(reader, server) == CONTENT[10:20]
    assert [request.path for request in server.requests] == ["/file.mp4?Signature=c4n4ry", "/elsewhere?Signature=x"]
    first, second = (request.headers for request in server.requests)
    assert (second["range"], second["if-match"]) == (first["range"], first["if-match"]) == ("bytes=10-19", '"v1"')


def test_a_head_is_redirected_as_a_head(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = script(Answer(302, {"Location": "/elsewhere"}), then=GOOD)
    assert reader.probe(piece(head_url=server.url), server.url).size == SIZE
    assert [request.method for request in server.requests] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("redirects", [3, 4])
def test_three_redirects_are_followed_and_a_fourth_is_not(
    reader: SourceReader, server: ScriptedServer, redirects: int
) -> None:
    server.script = script(*[Answer(302, {"Location": "/next"})] * redirects, then=GOOD)
    if redirects == 3:
        assert _whole(reader, server) == CONTENT
    else:
        with pytest.raises(UnsafeUrl, match="more than 3 times"):
            _whole(reader, server)
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [300, 302, 304, 305])
def test_what_redirects_to_nowhere_is_a_failed_transfer(
    reader: SourceReader, server: ScriptedServer, status: int
) -> None:
    server.script = lambda request: Answer(status)
    with pytest.raises(TransferError, match=str(status)):
        _whole(reader, server)


@pytest.mark.parametrize(
    "location", ["http://[", "http://\x80\x80", "https:///x", "https://evil..example/", "http://a:b/"]
)
def test_a_redirect_to_nonsense_is_refused(reader: SourceReader, server: ScriptedServer, location: str) -> None:
    server.script = lambda request: Answer(302, {"Location": location})
    with pytest.raises(UnsafeUrl):
        _whole(reader, server)
    assert len(server.requests) == 1


def test_neither_cookie_nor_authorization_is_ever_sent(
    reader: SourceReader, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password c4n4ry\ndefault login me password c4n4ry\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _range(reader, server)
    _whole(reader, server)
    reader.probe(piece(head_url=server.url), server.url)
    for request in server.requests:
        assert not {"cookie", "authorization", "proxy-authorization"} & set(request.headers)
        assert request.headers["accept-encoding"] == "identity"


def test_a_cookie_that_the_cdn_sets_is_not_sent_back(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: RANGE.but(headers={"Set-Cookie": "track=c4n4ry; Path=/"})
    _range(reader, server)
    _range(reader, server)
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_a_url_that_is_not_allowed_is_never_opened(transport: SourceTransport, server: ScriptedServer) -> None:
    strict = SourceReader(transport, lambda url: check_url(url, ("gopro.com",), allow_loopback_http=False))
    with pytest.raises(UnsafeUrl):
        _range(strict, server)
    with pytest.raises(UnsafeUrl):
        strict.probe(piece(head_url=server.url), server.url)
    assert server.requests == []


# Whole bodies


@pytest.mark.parametrize("answer", [WHOLE, WHOLE.but(chunked=True), WHOLE.but(headers={"ETag": None})])
def test_a_whole_piece_arrives(reader: SourceReader, server: ScriptedServer, answer: Answer) -> None:
    server.script = lambda request: answer
    assert _whole(reader, server) == CONTENT
    assert "range" not in server.requests[0].headers


@pytest.mark.parametrize(
    "answer",
    [WHOLE.but(chunked=True), WHOLE.but(headers={"Content-Length": None}, end=End.CLOSE)],
    ids=["chunked", "until the connection ends"],
)
def test_a_stream_of_unknown_length_is_read_to_its_end(
    reader: SourceReader, server: ScriptedServer, answer: Answer
) -> None:
    server.script = lambda request: answer
    assert _whole(reader, server, source(None)) == CONTENT


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (WHOLE.but(body=CONTENT + b"x"), SourceChanged),
        (WHOLE.but(chunked=True, body=CONTENT + b"x"), TruncatedBody),
        (WHOLE.but(chunked=True, body=CONTENT[:-1]), TruncatedBody),
        (WHOLE.but(headers={"ETag": '"v2"'}), SourceChanged),
        (WHOLE.but(headers={"Content-Length": str(SIZE)}, body=CONTENT[:5], end=End.CLOSE), SourceUnavailable),
        (WHOLE.but(headers={"Content-Type": "text/html"}), WrongContent),
        (WHOLE.but(status=206), TransferError),
    ],
)
def test_another_whole_piece_than_planned_is_refused(
    reader: SourceReader, server: ScriptedServer, answer: Answer, expected: type[Exception]
) -> None:
    server.script = lambda request: answer
    with pytest.raises(expected) as caught:
        _whole(reader, server)
    assert type(caught.value) is expected


# Documents in the place of media

DOCUMENTS = ["application/json", "application/xml", "application/problem+json", "text/plain", "Text/XML; charset=utf-8"]


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_is_refused_where_media_are_expected_and_taken_where_they_are_not(
    reader: SourceReader, server: ScriptedServer, kind: str
) -> None:
    server.script = origin(CONTENT, kind=kind)
    for read in (_range, _whole):
        assert read(reader, server, planned=source(SIZE, is_media=False))
        with pytest.raises(WrongContent, match="in place of media"):
            read(reader, server, planned=source(SIZE, is_media=True))


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_body_that_is_said_to_be_unencoded_is_read(
    reader: SourceReader, server: ScriptedServer, encoding: str
) -> None:
    server.script = script(RANGE.but(headers={"Content-Encoding": encoding}), then=GOOD)
    assert _range(reader, server) == CONTENT[10:20]


@pytest.mark.parametrize("kind", ["text/" + "x" * 60_000, "text/\x1b[31mx", "text/html\x01", "text/a b"])
def test_a_content_type_that_nobody_would_read_is_not_shown(
    reader: SourceReader, server: ScriptedServer, kind: str
) -> None:
    server.script = origin(CONTENT, kind=kind)
    with pytest.raises(WrongContent, match=r"sent a document \(of an odd type\) in place of media$"):
        _range(reader, server, planned=source(SIZE, is_media=True))


@pytest.mark.parametrize("with_head", [True, False])
@pytest.mark.parametrize(("filename", "refused"), [("a.mp4", True), ("a.JPG", True), ("a.wav", True), ("a.gpx", False)])
def test_a_probe_judges_a_document_by_the_name_of_the_piece(
    reader: SourceReader, server: ScriptedServer, filename: str, refused: bool, with_head: bool
) -> None:
    server.script = origin(CONTENT, kind="application/xml")
    asked = piece(filename=filename, head_url=server.url if with_head else None)
    if refused:
        with pytest.raises(WrongContent):
            reader.probe(asked, server.url)
    else:
        assert reader.probe(asked, server.url) == Source(SIZE, '"v1"', ranges=True, is_media=False)


BEGINNINGS = [
    b"\xef\xbb\xbf<html>",
    b"<svg",
    b'[{"a"',
    b"{}",
    b"<Error><Code>x",
    b"  \r\n<?xml version",
    b"<!DOCTYPE html>",
    b"<HTML><body>",
    b'{ "error": 1}',
    b'{"a"',
]


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_body_that_begins_like_an_error_document_is_refused_whatever_it_is_called(
    reader: SourceReader, server: ScriptedServer, beginning: bytes
) -> None:
    content = beginning.ljust(SIZE)
    server.script = origin(content)
    assert _whole(reader, server, source(SIZE, is_media=False)) == content
    assert _range(reader, server, 0, 99, source(SIZE, is_media=False)) == content[:100]
    with pytest.raises(WrongContent, match="error document"):
        _whole(reader, server, source(SIZE, is_media=True))
    with pytest.raises(WrongContent, match="error document"):
        _range(reader, server, 0, 99, source(SIZE, is_media=True))


def test_what_looks_like_a_document_in_the_middle_of_media_is_media(
    reader: SourceReader, server: ScriptedServer
) -> None:
    server.script = origin(b"\0" * 100 + b"<?xml version='1.0'?>".ljust(SIZE - 100))
    assert _range(reader, server, 100, 199, source(SIZE, is_media=True)).startswith(b"<?xml")
    assert len(_whole(reader, server, source(SIZE, is_media=True))) == SIZE


def test_a_refused_body_is_kept_for_whoever_streams_it(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = origin(b"<Error>".ljust(SIZE))
    with reader.open_whole(server.url, source(SIZE, is_media=True), no_hurry()) as body:
        with pytest.raises(WrongContent):
            body.read(64)
        assert isinstance(body.error, WrongContent)


# Probing


def test_head_tells_size_validator_and_ranges(reader: SourceReader, server: ScriptedServer) -> None:
    assert reader.probe(piece(head_url=server.url), server.url) == Source(SIZE, '"v1"', ranges=True, is_media=True)
    assert [request.method for request in server.requests] == ["HEAD"]


def test_the_connection_of_a_head_serves_the_bytes_too(reader: SourceReader, server: ScriptedServer) -> None:
    reader.probe(piece(head_url=server.url), server.url)
    assert _range(reader, server) == CONTENT[10:20]
    assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501, 302])
def test_a_refused_head_leads_to_the_first_byte(reader: SourceReader, server: ScriptedServer, status: int) -> None:
    server.script = script(Answer(status), then=GOOD)
    assert reader.probe(piece(head_url=server.url), server.url).size == SIZE
    assert [(request.method, request.range) for request in server.requests] == [("HEAD", None), ("GET", (0, 0))]


def test_a_head_without_a_length_leads_to_the_first_byte(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = script(Answer(200, {"Content-Length": None}), then=GOOD)
    assert reader.probe(piece(head_url=server.url), server.url).size == SIZE


def test_a_piece_without_head_url_is_probed_by_its_first_byte(reader: SourceReader, server: ScriptedServer) -> None:
    assert reader.probe(piece(), server.url) == Source(SIZE, '"v1"', ranges=True, is_media=True)
    assert [request.method for request in server.requests] == ["GET"]


def test_a_server_that_says_it_has_no_ranges_is_believed(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: WHOLE.but(headers={"Accept-Ranges": "none"})
    assert reader.probe(piece(head_url=server.url), server.url) == Source(SIZE, '"v1"', ranges=False, is_media=True)


def _quiet(request: Request) -> Answer:
    """A well-behaved server that never says Accept-Ranges."""
    answered = GOOD(request)
    assert answered is not None
    return answered.but(headers={"Accept-Ranges": None})


@pytest.mark.parametrize(("served", "ranges"), [(_quiet, True), (lambda request: WHOLE, False)])
def test_a_server_that_says_nothing_of_ranges_is_asked_for_one_byte(
    reader: SourceReader, server: ScriptedServer, served: Callable[[Request], Answer], ranges: bool
) -> None:
    server.script = served
    found = reader.probe(piece(head_url=server.url), server.url)
    assert found == Source(SIZE, '"v1"', ranges=ranges, is_media=True)
    assert [(request.method, request.range) for request in server.requests] == [("HEAD", None), ("GET", (0, 0))]


def test_an_empty_piece_is_known_as_such_by_the_document_that_s3_sends_with_416(
    reader: SourceReader, server: ScriptedServer
) -> None:
    refusal = Answer(416, {"Content-Type": "application/xml"}, b"<Error><Code>InvalidRange</Code></Error>")
    server.script = lambda request: refusal
    assert reader.probe(piece(), server.url).size == 0


def test_a_server_that_ignores_ranges_has_none(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: WHOLE
    assert reader.probe(piece(), server.url) == Source(SIZE, '"v1"', ranges=False, is_media=True)


def test_a_stream_that_does_not_say_its_length_has_no_size(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: WHOLE.but(chunked=True, end=End.CLOSE)
    assert reader.probe(piece(), server.url) == Source(None, '"v1"', ranges=False, is_media=True)


def test_a_range_server_that_does_not_tell_the_total_has_no_size(reader: SourceReader, server: ScriptedServer) -> None:
    server.script = lambda request: RANGE.but(headers={"Content-Range": "bytes 0-0/*"}, body=b"x")
    assert reader.probe(piece(), server.url).size is None


@pytest.mark.parametrize("with_head", [True, False])
def test_a_piece_of_zero_bytes_has_the_size_zero(reader: SourceReader, server: ScriptedServer, with_head: bool) -> None:
    server.script = origin(b"")
    assert reader.probe(piece(head_url=server.url if with_head else None), server.url).size == 0


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": 'W/"v1"', "Last-Modified": "Sat, 31 Jan 2026 12:00:00 GMT"}, "Sat, 31 Jan 2026 12:00:00 GMT"),
        ({"ETag": 'W/"v1"'}, 'W/"v1"'),
        ({"ETag": "unquoted"}, None),
        ({"ETag": None}, None),
    ],
)
def test_the_best_validator_is_kept_a_strong_etag_a_date_or_a_weak_etag(
    reader: SourceReader, server: ScriptedServer, headers: dict[str, str | None], validator: str | None
) -> None:
    server.script = lambda request: GOOD_HEAD.but(headers=headers)
    assert reader.probe(piece(head_url=server.url), server.url).validator == validator


@pytest.mark.parametrize(("planned", "etag"), [('"v1"', None), ('"v1"', 'W/"v1"'), ('W/"v1"', 'W/"v2"')])
def test_a_range_that_may_be_of_another_version_is_refused(
    reader: SourceReader, server: ScriptedServer, planned: str, etag: str | None
) -> None:
    server.script = lambda request: RANGE.but(headers={"ETag": etag})
    with pytest.raises(SourceChanged):
        _range(reader, server, planned=source(SIZE, validator=planned))


GOOD_HEAD = Answer(200, {"Content-Length": str(SIZE)})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(200, {"Content-Type": "text/html"}, b"<html>"), WrongContent),
        (Answer(200, {"Content-Encoding": "gzip"}, b"x"), WrongContent),
        (Answer(206, {}, b"x"), TruncatedBody),
        (Answer(403), UrlExpired),
        (Answer(404), SourceGone),
        (Answer(429), SourceThrottled),
        (Answer(500), SourceUnavailable),
        (Answer(302, {"Location": "/login"}), UnsafeUrl),
        (Answer(302), TransferError),
        (None, SourceUnavailable),
    ],
)
def test_a_probe_that_brings_no_file_is_refused(
    reader: SourceReader, server: ScriptedServer, answer: Answer | None, expected: type[Exception]
) -> None:
    server.script = lambda request: answer
    with pytest.raises(expected) as caught:
        reader.probe(piece(), server.url)
    assert type(caught.value) is expected


@pytest.mark.parametrize("length", ["-5", "1e3", "12 bytes", "\u00b2"])
def test_a_length_that_is_no_number_is_unknown(reader: SourceReader, server: ScriptedServer, length: str) -> None:
    def answer(request: Request) -> Answer:
        return Answer(200, {"Content-Length": length}) if request.method == "HEAD" else GOOD_UNKNOWN

    server.script = answer
    assert reader.probe(piece(head_url=server.url), server.url).size is None


GOOD_UNKNOWN = WHOLE.but(chunked=True, end=End.CLOSE)
