"""The head of an answer, read strictly, and the head of a request, into which nobody slips anything."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.transfer.sockets.connection import Origin
from cloud_sync_common.transfer.sockets.http_head import MAX_FIELDS, Head, MalformedAnswer, parse_head
from cloud_sync_common.transfer.sockets.request_head import addressed, composed

TOKENS = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=20)
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=50).map(
    lambda text: text.strip(" \t")
)
PIECES = st.sampled_from([
    *(b"HTTP/1.1 200 OK", b"HTTP/1.0 206", b"HTTP/1.1 ", b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b",", b"5"),
    *(b"Content-Length", b"Transfer-Encoding", b"chunked", b"Connection", b"close", b"identity", b"-1", b"x"),
])  # fmt: skip


def _head(*lines: str, status: str = "HTTP/1.1 200 OK") -> Head:
    return parse_head("\r\n".join([status, *lines]).encode("latin-1"))


# Reading


@given(st.lists(st.tuples(TOKENS, VALUES), max_size=MAX_FIELDS), st.integers(100, 999))
def test_what_is_written_by_the_rules_is_read(fields: list[tuple[str, str]], status: int) -> None:
    head = _head(*(f"{name}: {value}" for name, value in fields), status=f"HTTP/1.1 {status} Whatever")
    expected: dict[str, list[str]] = {}
    for name, value in fields:
        expected.setdefault(name.lower(), []).append(value)
    assert head.status == status
    assert head.headers == {name: ", ".join(values) for name, values in expected.items()}


@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=30).map(b"".join)))
def test_any_bytes_are_a_head_or_malformed_and_so_is_its_framing(data: bytes) -> None:
    try:
        head = parse_head(data)
        length = head.body_length("GET")
    except MalformedAnswer:
        return
    assert 100 <= head.status <= 999
    assert length is None or length >= 0
    assert isinstance(head.keeps_alive, bool)
    assert not any(bad in text for pair in head.headers.items() for text in pair for bad in "\r\n\0")


@pytest.mark.parametrize(
    "status", ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 All is well: yes", "HTTP/1.0 200 OK"]
)
def test_status_lines_that_are_good(status: str) -> None:
    assert _head(status=status).status == 200


@pytest.mark.parametrize(
    "status",
    [
        *("", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099", "HTTP/1.1  200 OK", " HTTP/1.1 200 OK"),
        *("HTTP/2 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 OK", "HTTP/1.1 200OK", "HTTP/1.1 200 O\nK", "200 OK"),
        *("HTTP/1.1 \xb200", "HTTP/1.1 200 O\0K", "HTTP/1.1 200 O\rK"),
    ],
)
def test_status_lines_that_are_none(status: str) -> None:
    with pytest.raises(MalformedAnswer, match="status line"):
        _head(status=status)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "X",
            ": y",
            "X : y",
            "X\t: y",
            " X: y",
            "X y: z",
            "X(: y",
            "\xe4: y",
            "X: a\nY: b",
            "X: a\rY: b",
            "X: \0",
        ),
    ],
)
def test_a_line_that_two_readers_could_read_in_two_ways_is_refused(line: str) -> None:
    with pytest.raises(MalformedAnswer, match="cannot be read"):
        _head("A: b", line)


def test_a_folded_header_is_refused() -> None:
    with pytest.raises(MalformedAnswer):
        _head("X: a", " folded")


def test_blanks_around_a_value_are_no_part_of_it() -> None:
    assert _head("X:a", "Y: \t b c \t", "Z:").headers == {"x": "a", "y": "b c", "z": ""}


def test_there_is_an_end_to_the_number_of_headers() -> None:
    assert len(_head(*(f"X-{number}: y" for number in range(MAX_FIELDS))).headers) == MAX_FIELDS
    with pytest.raises(MalformedAnswer, match="more than 100"):
        _head(*(f"X-{number}: y" for number in range(MAX_FIELDS + 1)))


def test_blanks_without_end_are_refused_at_once() -> None:
    """A pattern that tries every way to divide the blanks would never come back from this."""
    with pytest.raises(MalformedAnswer):
        _head("X:" + " " * 60_000 + "\0")


# What follows from it


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], True),
        (["Connection: keep-alive"], True),
        (["Connection: close"], False),
        (["Connection: Close"], False),
        (["Connection: TE, close"], False),
        (["Connection: TE", "Connection: close"], False),
        (["Connection: closed"], True),
    ],
)
def test_a_connection_is_kept_unless_the_server_says_otherwise(lines: list[str], expected: bool) -> None:
    assert _head(*lines).keeps_alive is expected


def test_http_1_0_keeps_no_connection_and_knows_no_chunks() -> None:
    assert not _head("Connection: keep-alive", status="HTTP/1.0 200 OK").keeps_alive
    assert _head("Content-Length: 5", status="HTTP/1.0 200 OK").body_length("GET") == 5
    with pytest.raises(MalformedAnswer):
        _head("Transfer-Encoding: chunked", status="HTTP/1.0 200 OK").body_length("GET")


@pytest.mark.parametrize(("status", "interim"), [(100, True), (103, True), (199, True), (200, False), (304, False)])
def test_which_answers_are_followed_by_another(status: int, interim: bool) -> None:
    assert _head(status=f"HTTP/1.1 {status}").is_interim is interim


@pytest.mark.parametrize(
    ("lines", "length", "chunked"),
    [
        ([], None, False),
        (["Content-Length: 0"], 0, False),
        (["Content-Length: 000012"], 12, False),
        (["Content-Length: 12, 12"], 12, False),
        (["Content-Length: 12", "Content-Length: 12"], 12, False),
        (["Content-Length: " + "9" * 18], 10**18 - 1, False),
        (["Transfer-Encoding: chunked"], None, True),
        (["Transfer-Encoding: Chunked"], None, True),
    ],
)
def test_how_long_a_body_is(lines: list[str], length: int | None, chunked: bool) -> None:
    head = _head(*lines)
    assert (head.body_length("GET"), head.is_chunked) == (length, chunked)


BAD_LENGTHS = ["", "-1", "+1", "1e3", "0x10", "1_0", "12 bytes", "\xb2", "9" * 19, "12,"]
BAD_CODINGS = ["", "gzip", "gzip, chunked", "chunked, chunked", "identity", "xchunked"]


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 12, 13"],
        ["Content-Length: 12", "Content-Length: 13"],
        *([f"Content-Length: {length}"] for length in BAD_LENGTHS),
        *([f"Transfer-Encoding: {coding}"] for coding in BAD_CODINGS),
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
    ],
)
def test_a_body_whose_length_is_disputed_is_refused(lines: list[str]) -> None:
    with pytest.raises(MalformedAnswer):
        _head(*lines).body_length("GET")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("GET", 100)])
def test_some_answers_have_no_body_whatever_they_say(method: str, status: int) -> None:
    assert _head("Content-Length: 5", status=f"HTTP/1.1 {status}").body_length(method) == 0
    assert _head("Transfer-Encoding: chunked", status=f"HTTP/1.1 {status}").body_length(method) == 0


# Asking


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", (Origin("https", "a.example", 443), "/x", "a.example")),
        ("https://a.example", (Origin("https", "a.example", 443), "/", "a.example")),
        ("https://a.example?b=c&d=/", (Origin("https", "a.example", 443), "/?b=c&d=/", "a.example")),
        ("https://A.Example:443/x", (Origin("https", "a.example", 443), "/x", "a.example")),
        ("https://a.example:8443/x;y", (Origin("https", "a.example", 8443), "/x;y", "a.example:8443")),
        ("http://a.example:443/", (Origin("http", "a.example", 443), "/", "a.example:443")),
        ("http://a.example/", (Origin("http", "a.example", 80), "/", "a.example")),
        ("http://[::1]/x", (Origin("http", "::1", 80), "/x", "[::1]")),
        ("http://[::1]:8000/x", (Origin("http", "::1", 8000), "/x", "[::1]:8000")),
        ("https://me:word@a.example/x#part", (Origin("https", "a.example", 443), "/x", "a.example")),
        ("https://a.example/%7Ea%2Fb?c=%2B+d", (Origin("https", "a.example", 443), "/%7Ea%2Fb?c=%2B+d", "a.example")),
    ],
)
def test_where_a_url_leads(url: str, expected: tuple[Origin, str, str]) -> None:
    assert addressed(url) == expected


@pytest.mark.parametrize(
    "url", ["", "/x", "ftp://a.example/", "https:///x", "https://:443/", "https://a:b/", "http://[::1"]
)
def test_a_url_that_leads_nowhere_is_none(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        addressed(url)


def test_a_request_is_written_as_it_should_be() -> None:
    message = composed("GET", "/x?y", {"Host": "a.example", "Range": "bytes=0-1"})
    assert message == b"GET /x?y HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"


@pytest.mark.parametrize("bad", ["\r\nX: y", "\n", "\r"])
def test_a_line_break_goes_nowhere(bad: str) -> None:
    for target, fields in ((f"/{bad}", {}), ("/", {f"A{bad}": "b"}), ("/", {"A": f"b{bad}"})):
        with pytest.raises(ValueError, match="line break"):
            composed("GET", target, fields)


@given(TOKENS, st.text(st.sampled_from("ab: \r\n\t\xe4"), max_size=30), st.sampled_from(["target", "name", "value"]))
def test_nothing_given_adds_a_line_to_a_request(name: str, text: str, place: str) -> None:
    fields = {text if place == "name" else name: text if place == "value" else "v"}
    try:
        message = composed("GET", f"/{text}" if place == "target" else "/", fields)
    except ValueError:
        assert set(text) & set("\r\n")
        return
    assert message.count(b"\n") == message.count(b"\r") == message.count(b"\r\n") == 3
