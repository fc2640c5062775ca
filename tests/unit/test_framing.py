"""How a body is wrapped for S3, taken apart again by somebody else's rules."""

from __future__ import annotations

from io import BytesIO

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, BaseChecksum
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.transfer.checksums import Crc64Nvme
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.sockets import sender
from cloud_sync_common.transfer.sockets.framing import (
    CHUNK,
    CRLF,
    END_LENGTH,
    MAX_FRONT,
    TRAILER,
    chunk_front,
    end,
    framed_length,
)
from tests.support.clocks import no_hurry

SMALL = 16


class _Held:
    """A body in memory, which knows nothing after its end."""

    def __init__(self, data: bytes) -> None:
        self._data = BytesIO(data)
        self._crc = Crc64Nvme()
        self.deadline: Deadline = no_hurry()

    @property
    def crc64nvme(self) -> str:
        return self._crc.base64

    def fill(self, view: memoryview) -> int:
        filled = self._data.readinto(view)
        self._crc.update(view[:filled])
        return filled

    def end(self) -> None:
        assert not self._data.read(1)


class _Wire:
    """In the place of a connection."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def send(self, data: bytes | memoryview) -> None:
        self.sent += data


def _sent(data: bytes) -> bytes:
    buffer = bytearray(MAX_FRONT + CHUNK + len(CRLF) + END_LENGTH)
    outgoing = sender._Outgoing(_Held(data), len(data), buffer)  # type: ignore[arg-type]
    outgoing.load()
    assert not outgoing.is_sent
    wire = _Wire()
    outgoing.send(wire)  # type: ignore[arg-type]
    assert outgoing.is_sent
    return bytes(wire.sent)


def _unwrapped(data: bytes) -> tuple[list[bytes], bytes]:
    """The chunks and the trailer, read by the letter of S3's description."""
    chunks: list[bytes] = []
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        if not size:
            trailer, _, rest = data.partition(b"\r\n\r\n")
            assert rest == b""
            return chunks, trailer
        chunk, data = data[:size], data[size:]
        assert (len(chunk), data[:2]) == (size, b"\r\n")
        chunks.append(chunk)
        data = data[2:]


def _checksum(data: bytes) -> str:
    crc = Crc64Nvme()
    crc.update(data)
    return crc.base64


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "CHUNK", SMALL)


@pytest.mark.usefixtures("_small_chunks")
def test_every_size_arrives_whole_in_the_length_that_was_announced() -> None:
    for size in range(5 * SMALL):
        content = bytes(range(256))[:size]
        wrapped = _sent(content)
        assert len(wrapped) == framed_length(size, SMALL)
        chunks, trailer = _unwrapped(wrapped)
        assert b"".join(chunks) == content
        assert all(len(chunk) == SMALL for chunk in chunks[:-1])
        assert trailer == f"{TRAILER}:{_checksum(content)}".encode()


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_it_is_what_botocore_would_send(size: int) -> None:
    """Another's writer, told to make chunks of the same size."""
    content = bytes(size)
    crc = Crc64Nvme()

    class Checksum(BaseChecksum):
        def update(self, chunk: bytes | bytearray) -> None:
            crc.update(chunk)

        def b64digest(self) -> str:
            return crc.base64

    wrapper = AwsChunkedWrapper(BytesIO(content), checksum_cls=Checksum, checksum_name=TRAILER, chunk_size=CHUNK)
    assert wrapper.read() == _sent(content)


def test_a_framed_chunk_fills_whole_tls_records() -> None:
    assert len(chunk_front(CHUNK)) + CHUNK + len(CRLF) == 16 * 16_384


@given(st.integers(0, 5 * 1024**4), st.integers(1, 2**30))
def test_any_length_is_the_sum_of_its_parts(size: int, chunk: int) -> None:
    whole, rest = divmod(size, chunk)
    fronts = whole * len(chunk_front(chunk)) + (len(chunk_front(rest)) if rest else 0)
    crlfs = 2 * (whole + bool(rest))
    assert framed_length(size, chunk) == size + fronts + crlfs + len(end(_checksum(b"")))


def test_a_front_fits_the_room_that_is_left_for_it() -> None:
    assert len(chunk_front(2**64 - 1)) <= MAX_FRONT
