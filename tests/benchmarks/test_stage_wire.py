"""HTTP's framing as the sink reads it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.stage.wire import NOTHING, Chunked, Cut, Garbled, Octets, Sized, Wire, closes, read_head


@contextmanager
def _sent(data: bytes) -> Iterator[Wire]:
    """A wire on which ``data`` has come in, and after which the client has closed."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        yield Wire(ours)


def _all(octets: Octets, limit: int = 1 << 20) -> bytes:
    taken = b""
    while piece := octets.some(limit):
        taken += piece
    return taken


def _chunks(data: bytes, sizes: list[int], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    framed = b""
    for size in sizes:
        piece, data = data[:size], data[size:]
        if piece:
            framed += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    if data:
        framed += b"%X%s\r\n%s\r\n" % (len(data), extension, data)
    return framed + b"0%s\r\n%s\r\n" % (extension, trailer)


_sizes = st.lists(st.integers(1, 3000), max_size=8)


@given(data=st.binary(max_size=4000), outer=_sizes, inner=_sizes, limit=st.sampled_from([1, 7, 4096]))
def test_aws_chunked_inside_of_chunked_gives_the_bytes_however_they_are_cut(
    data: bytes, outer: list[int], inner: list[int], limit: int
) -> None:
    framed = _chunks(data, inner, b";chunk-signature=0123", b"x-amz-checksum-crc64nvme:abc=\r\n")
    with _sent(_chunks(framed, outer) + b"next\r\n") as wire:
        sent = Chunked(wire)
        body = Chunked(sent)

        assert _all(body, limit) == data
        assert body.trailers == {"x-amz-checksum-crc64nvme": "abc="}
        assert _all(sent) == b""
        assert wire.line() == b"next\r\n"


@given(data=st.binary(max_size=3000), inner=_sizes, rest=st.binary(max_size=40))
def test_aws_chunked_of_a_known_length_leaves_what_follows(data: bytes, inner: list[int], rest: bytes) -> None:
    framed = _chunks(data, inner)
    with _sent(framed + rest) as wire:
        sent = Sized(wire, len(framed))

        assert _all(Chunked(sent)) == data
        assert sent.some(1) == NOTHING
        assert _all(wire) == rest


@given(length=st.integers(1, 1 << 17), missing=st.integers(1, 1 << 17))
def test_a_body_that_breaks_off_is_cut(length: int, missing: int) -> None:
    with _sent(bytes(max(0, length - missing))) as wire, pytest.raises(Cut):
        _all(Sized(wire, length))


def test_every_cut_of_a_chunked_body_is_an_error() -> None:
    framed = _chunks(b"0123456789" * 20, [30, 70], b";x=y", b"name: value\r\n")
    for end in range(len(framed)):
        with _sent(framed[:end]) as wire, pytest.raises(Cut):
            _all(Chunked(wire))


def test_much_at_once_fills_the_buffer_and_takes_nothing_beyond() -> None:
    data = bytes(range(256)) * 400
    with _sent(data + b"next\n") as wire:
        body = Sized(wire, len(data))

        assert body.some(1 << 20) == data
        assert wire.line() == b"next\n"


@pytest.mark.parametrize(
    "framed",
    [b"xyz\r\n", b"-1\r\n", b"\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"0\r\nno colon\r\n\r\n"],
    ids=["no number", "negative", "empty", "too long a chunk", "no trailer"],
)
def test_a_garbled_chunk_is_refused(framed: bytes) -> None:
    with _sent(framed) as wire, pytest.raises(Garbled):
        _all(Chunked(wire))


def test_aws_chunked_that_goes_on_beyond_its_length_is_refused() -> None:
    with _sent(b"3\r\nabc\r\n0\r\n\r\n") as wire, pytest.raises(Garbled):
        _all(Chunked(Sized(wire, 8)))


def test_heads_are_read_one_after_the_other() -> None:
    with _sent(
        b"PUT /b/k?x=1 HTTP/1.1\r\nHost: h\r\nX-Y:  z \r\n\r\nGET / HTTP/1.1\r\nConnection: Close\r\n\r\n"
    ) as wire:
        first, second, end = read_head(wire), read_head(wire), read_head(wire)

    assert first
    assert second
    assert (first.method, first.target, first.headers) == ("PUT", "/b/k?x=1", {"host": "h", "x-y": "z"})
    assert not closes(first.headers)
    assert closes(second.headers)
    assert end is None


@pytest.mark.parametrize("head", [b"hello\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"G" * 20_000 + b"\r\n"])
def test_what_is_not_http_is_refused(head: bytes) -> None:
    with _sent(head) as wire, pytest.raises(Garbled):
        read_head(wire)


def test_a_head_that_breaks_off_is_cut() -> None:
    with _sent(b"GET / HTTP/1.1\r\nHost: h\r\n") as wire, pytest.raises(Cut):
        read_head(wire)
