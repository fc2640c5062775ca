"""A request's payload as it was meant: framing removed, its length and its trailer checked.

Two forms reach us: plain (Content-Length) and ``aws-chunked`` with a trailer, the latter under Content-Length or under
HTTP's own chunked coding (botocore sends it so when it cannot seek).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.source import CAPACITY, ChunkedSource, LengthSource, Source, chunk_size, line

STREAMING = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_MIN_CHUNK = 8192


def _nothing() -> None:
    """No one waits for a word before sending."""


class Body:
    """One payload of ``length`` bytes; iterate once. ``trailers`` are complete after the iteration.

    ``begin`` is called before the first byte is asked for: the place for "100 Continue".
    """

    def __init__(self, source: Source, length: int) -> None:
        self._source = source
        self.length = length
        self.trailers: dict[str, str] = {}
        self.consumed = length == 0
        self.begin: Callable[[], None] = _nothing

    def __iter__(self) -> Iterator[memoryview]:
        """The payload in pieces of at most one buffer; each is good until the next."""
        self.begin()
        while piece := self._source.take(CAPACITY):
            yield piece
        self.consumed = True

    def read(self, limit: int) -> bytes:
        """A small payload as a whole (the XML of a Complete); MaxMessageLengthExceeded beyond ``limit``."""
        if self.length > limit:
            raise S3Error("MaxMessageLengthExceeded")
        return b"".join(bytes(piece) for piece in self)


class AwsChunkedBody(Body):
    """A payload in aws-chunked coding with unsigned chunks and one trailer section."""

    def __init__(self, source: Source, length: int, announced: frozenset[str]) -> None:
        super().__init__(source, length)
        self._announced = announced
        self.consumed = False

    def __iter__(self) -> Iterator[memoryview]:
        """Raises IncompleteBody if the payload is not as long as ``x-amz-decoded-content-length`` says."""
        self.begin()
        received = 0
        small_before = False
        while size := chunk_size(line(self._source)):
            received += size
            if small_before:
                raise S3Error("InvalidChunkSizeError")
            if received > self.length:
                raise _wrong_length()
            small_before = size < _MIN_CHUNK
            yield from self._chunk(size)
        self._read_trailers()
        if received != self.length:
            raise _wrong_length()
        if self._source.take(1):
            raise S3Error("MalformedTrailerError")
        self.consumed = True

    def _chunk(self, size: int) -> Iterator[memoryview]:
        while size:
            piece = self._source.take(min(size, CAPACITY))
            if not piece:
                raise S3Error("IncompleteBody")
            size -= len(piece)
            yield piece
        if line(self._source):
            raise S3Error("BadRequest", "A chunk of the body is longer than its size.")

    def _read_trailers(self) -> None:
        while text := line(self._source):
            name, colon, value = text.decode("latin-1").partition(":")
            if not colon:
                raise S3Error("MalformedTrailerError")
            self.trailers[name.strip().lower()] = value.strip()
        if self.trailers.keys() != self._announced:
            raise S3Error("MalformedTrailerError")


class RecordedBody(Body):
    """A payload that can be iterated again: what came the first time is kept in a file (a duplicated request).

    A payload that broke off is asked for again from where it broke, and breaks again.
    """

    def __init__(self, body: Body, record: Path) -> None:
        self._body = body
        self._record = record
        self._recorded = False
        self.length = body.length
        self.trailers = body.trailers

    @property
    def consumed(self) -> bool:  # type: ignore[override]  # follows the payload that it stands for
        """Whether the payload has been read to its end."""
        return self._body.consumed

    def __iter__(self) -> Iterator[memoryview]:
        """As the payload itself the first time, from the record afterwards."""
        if self._recorded:
            yield from _blocks(self._record)
            return
        with self._record.open("wb") as file:
            for piece in self._body:
                file.write(piece)
                yield piece
        self._recorded = True


def _blocks(path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(CAPACITY))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            yield buffer[:size]


def _wrong_length() -> S3Error:
    return S3Error("IncompleteBody", "The payload is not as long as x-amz-decoded-content-length says.")


def open_body(source: Source, method: str, headers: Mapping[str, str]) -> Body:
    """The payload that these headers announce.

    Raises MissingContentLength for a PUT without a length, NotImplemented for codings that this server has not.
    """
    chunked = _is_chunked(headers)
    streaming = headers.get("x-amz-content-sha256") == STREAMING
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-") and not streaming:
        raise not_implemented("x-amz-content-sha256 " + headers["x-amz-content-sha256"])
    if chunked and not streaming:
        raise S3Error("NotImplemented", "A header you provided implies functionality that is not implemented")
    if not chunked and "content-length" not in headers:
        if method == "PUT":
            raise S3Error("MissingContentLength")
        return Body(LengthSource(source, 0), 0)
    framed: Source = ChunkedSource(source) if chunked else LengthSource(source, _length(headers, "content-length"))
    if not streaming:
        return Body(framed, _length(headers, "content-length"))
    if "x-amz-decoded-content-length" not in headers:
        raise S3Error("MissingContentLength")
    announced = frozenset(name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip())
    return AwsChunkedBody(framed, _length(headers, "x-amz-decoded-content-length"), announced)


def _is_chunked(headers: Mapping[str, str]) -> bool:
    coding = headers.get("transfer-encoding", "").lower()
    if coding not in ("", "chunked"):
        raise not_implemented(f"Transfer-Encoding: {coding}")
    if coding and "content-length" in headers:
        raise S3Error("BadRequest", "Content-Length and Transfer-Encoding exclude each other.")
    return bool(coding)


def _length(headers: Mapping[str, str], name: str) -> int:
    text = headers[name]
    if not (text.isascii() and text.isdigit()):
        raise S3Error("InvalidArgument", f"{name} is not a number.")
    return int(text)
