"""How S3 takes a body whose checksum follows it: ``aws-chunked`` with a trailer. Pure.

Source: S3 API reference, "Signature calculations: trailing headers (chunked uploads)", for
``STREAMING-UNSIGNED-PAYLOAD-TRAILER``: each chunk is its length in hex, CRLF, the bytes, CRLF; a chunk of no length,
the trailer ``name:value`` and an empty line end it. Chunks but the last have at least 8 KiB.
"""

from __future__ import annotations

CRLF = b"\r\n"
TRAILER = "x-amz-checksum-crc64nvme"
CHECKSUM_LENGTH = 12
"""Of a CRC64NVME in base64."""

MAX_FRONT = 18
"""Of ``chunk_front``: 16 hex digits, CRLF."""

CHUNK = 256 * 1024 - len("3fff7\r\n") - len(CRLF)
"""Bytes in a chunk: framed it fills sixteen TLS records, so that no seventeenth goes out for the last few bytes."""

END_LENGTH = len(f"0\r\n{TRAILER}:\r\n\r\n") + CHECKSUM_LENGTH


def chunk_front(size: int) -> bytes:
    """What goes before a chunk of ``size`` > 0 bytes; CRLF goes behind it."""
    return b"%x\r\n" % size


def end(crc64nvme: str) -> bytes:
    """What goes behind the last chunk: the checksum in base64 as the trailer."""
    return f"0\r\n{TRAILER}:{crc64nvme}\r\n\r\n".encode("ascii")


def framed_length(size: int, chunk: int) -> int:
    """The length on the wire of a body of ``size`` bytes in chunks of ``chunk`` bytes, the last one shorter."""
    whole, rest = divmod(size, chunk)
    fronts = whole * (len(chunk_front(chunk)) + len(CRLF))
    return size + fronts + (len(chunk_front(rest)) + len(CRLF) if rest else 0) + END_LENGTH
