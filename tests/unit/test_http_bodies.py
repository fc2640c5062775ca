"""The bodies of answers, cut into reads in every way: the same bytes or an error, and never a byte of what follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.transfer.sockets.bodies import Body, Receive, body_of
from cloud_sync_common.transfer.sockets.http_head import Head, MalformedAnswer

NEXT = b"HTTP/1.1 200 OK\r\n\r\n"
CUTS = st.lists(st.integers(1, 5000), max_size=20)
SIZES = st.lists(st.integers(1, 3000), min_size=1, max_size=5)
EXTENSIONS = st.sampled_from([b"", b" ", b"\t ", b";a=b", b" ;a", b';a="b;c"', b";"])
TRAILERS = st.lists(st.sampled_from([b"A: b", b"x-amz-checksum-crc64nvme:AAAAAAAAAAA=", b"Z:"]), max_size=4)


def _receiving(data: bytes, cuts: list[int], early: int) -> tuple[bytes, Receive]:
    """What came with the head, and a connection that brings the rest in pieces of these sizes, then ends."""
    left, sizes = memoryview(data)[early:], list(cuts)

    def receive(view: memoryview) -> int:
        nonlocal left
        assert len(view), "an empty read looks like the connection's end"
        size = min(len(view), len(left), sizes.pop(0) if sizes else len(view))
        view[:size] = left[:size]
        left = left[size:]
        return size

    return data[:early], receive


def _body(headers: dict[str, str], data: bytes, cuts: list[int] | None = None, early: int = 0) -> Body:
    beginning, receive = _receiving(data, cuts or [], early)
    return body_of(Head(200, headers), "GET", receive, beginning)


def _known(length: int) -> dict[str, str]:
    return {"content-length": str(length)}


CHUNKED = {"transfer-encoding": "chunked"}


def _drained(body: Body, sizes: list[int]) -> bytes:
    """Read in views of these sizes, the last one again and again, until one is not filled."""
    read, left = bytearray(), list(sizes)
    while True:
        view = bytearray(left.pop(0) if len(left) > 1 else left[0])
        filled = body.fill(memoryview(view))
        read += view[:filled]
        if filled < len(view):
            return bytes(read)


def _chunks(draw: Callable[[st.SearchStrategy[bytes]], bytes], content: bytes, sizes: list[int]) -> bytes:
    framed, left, step = bytearray(), content, 0
    while left:
        chunk, left = left[: sizes[step % len(sizes)]], left[sizes[step % len(sizes)] :]
        framed += b"%x%b\r\n%b\r\n" % (len(chunk), draw(EXTENSIONS), chunk)
        step += 1
    return bytes(framed) + b"00%b\r\n" % draw(EXTENSIONS)


# Whole


@given(st.binary(max_size=9000), CUTS, SIZES, st.integers(0, 9000))
def test_a_known_length_is_read_exactly(content: bytes, cuts: list[int], sizes: list[int], early: int) -> None:
    body = _body(_known(len(content)), content, cuts, early)
    assert _drained(body, sizes) == content
    assert body.is_whole


@given(st.data(), st.binary(max_size=9000), CUTS, SIZES, SIZES, TRAILERS, st.integers(0, 9000))
def test_chunks_are_read_to_their_end(
    data: st.DataObject,
    content: bytes,
    cuts: list[int],
    sizes: list[int],
    chunks: list[int],
    trailers: list[bytes],
    early: int,
) -> None:
    framed = _chunks(data.draw, content, chunks) + b"".join(line + b"\r\n" for line in trailers) + b"\r\n"
    body = _body(CHUNKED, framed, cuts, early)
    assert _drained(body, sizes) == content
    assert body.is_whole


@given(st.binary(max_size=9000), CUTS, SIZES, st.integers(0, 9000))
def test_a_body_that_ends_with_the_connection_leaves_none(
    content: bytes, cuts: list[int], sizes: list[int], early: int
) -> None:
    body = _body({}, content, cuts, early)
    assert _drained(body, sizes) == content
    assert not body.is_whole


def test_a_head_has_no_body() -> None:
    body = body_of(Head(200, _known(5)), "HEAD", lambda view: pytest.fail("nothing is to be read"), b"")
    assert body.fill(memoryview(bytearray(5))) == 0
    assert body.is_whole


# What follows, and what is missing


@pytest.mark.parametrize("headers", [_known(5), CHUNKED], ids=["known", "chunked"])
def test_a_body_is_whole_at_its_very_end_only(headers: dict[str, str]) -> None:
    body = _body(headers, b"hello" if "content-length" in headers else b"5\r\nhello\r\n0\r\n\r\n")
    assert not body.is_whole
    view = bytearray(4)
    assert body.fill(memoryview(view)) == 4
    assert not body.is_whole
    assert body.fill(memoryview(view)) == 1
    assert body.is_whole


def test_the_last_byte_of_chunks_is_not_yet_their_end() -> None:
    body = _body(CHUNKED, b"5\r\nhello\r\n0\r\n\r\n")
    assert body.fill(memoryview(bytearray(5))) == 5
    assert not body.is_whole


@pytest.mark.parametrize("early", [0, 3, 40])
@pytest.mark.parametrize(
    ("headers", "data"), [(_known(5), b"hello"), (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n")], ids=["known", "chunked"]
)
def test_what_follows_a_body_is_no_part_of_it_and_no_answer(headers: dict[str, str], data: bytes, early: int) -> None:
    body = _body(headers, data + NEXT, early=early)
    assert _drained(body, [64]) == b"hello"
    # What the connection still holds is the connection's to tell; what was taken from it already is not lost.
    assert body.is_whole == (headers is not CHUNKED and early <= 5)


def _read_for_ever(body: Body, read: bytearray) -> None:
    view = memoryview(bytearray(7))
    while True:
        filled = body.fill(view)
        read += view[:filled]
        assert filled == len(view), "a body that is cut has no end"


@given(st.data(), st.binary(min_size=1, max_size=2000), CUTS, SIZES, st.booleans())
def test_a_body_that_is_cut_anywhere_is_an_error_after_a_true_beginning(
    data: st.DataObject, content: bytes, cuts: list[int], sizes: list[int], chunked: bool
) -> None:
    framed = _chunks(data.draw, content, sizes) + b"A: b\r\n\r\n" if chunked else content
    cut = framed[: data.draw(st.integers(0, len(framed) - 1))]
    body = _body(CHUNKED if chunked else _known(len(content)), cut, cuts, data.draw(st.integers(0, len(cut))))
    read = bytearray()
    with pytest.raises(ConnectionResetError):
        _read_for_ever(body, read)
    assert content.startswith(read)
    assert not body.is_whole


# Chunks that are none


@pytest.mark.parametrize(
    "data",
    [
        *(b"zz\r\n", b"-5\r\n", b"+5\r\n", b"0x5\r\n", b"5 5\r\n", b"\r\n", b" 5\r\n", b"5_0\r\n", b"f" * 16 + b"\r\n"),
        *(b"5;\0\r\n", b"5\n5\r\n", b"5" + b" " * 9000 + b"\r\n", b"5;" + b"x" * 9000),
        *(b"3\r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello\r\n\r\n", b"5\r\nhello\n0\r\n\r\n"),
        b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"0\r\n" + b"x" * 9000,
    ],
)
def test_chunks_that_cannot_be_read_are_refused(data: bytes) -> None:
    body = _body(CHUNKED, data)
    with pytest.raises(MalformedAnswer):
        _drained(body, [64])
    assert not body.is_whole


@given(st.lists(st.sampled_from([b"5", b"0", b"\r\n", b"\n", b"hello", b";", b" ", b"A: b", b"ff"]), max_size=30), CUTS)
def test_any_bytes_are_chunks_or_an_error(words: list[bytes], cuts: list[int]) -> None:
    body = _body(CHUNKED, b"".join(words), cuts)
    try:
        _drained(body, [3])
    except (ConnectionResetError, MalformedAnswer):
        assert not body.is_whole


def test_chunks_without_end_are_read_in_little_memory() -> None:
    content = b"x" * 100_000
    body = _body(CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content), early=50_000)
    assert _drained(body, [70_000]) == content


def test_a_length_that_is_disputed_is_no_body() -> None:
    with pytest.raises(MalformedAnswer):
        _body({**CHUNKED, **_known(5)}, b"")
