"""Payloads on the wire: every framing that clients use is understood, and none that is broken is stored."""

from __future__ import annotations

import io
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pytest

from sandbox.s3 import S3Server
from tests.sandbox.s3_support import (
    BUCKET,
    MIB,
    Answer,
    aws_chunked,
    client_of,
    crc32,
    crc64,
    open_upload,
    put_parts,
    raw,
    serving,
    sign,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STREAMING = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
BODY = os.urandom(20_000)


class OneWay:
    """A body that can only be read once, as a socket's: boto3 sends it aws-chunked within HTTP's chunks."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with serving(tmp_path, tls=True) as server:
        yield server


@pytest.fixture
def client(server: S3Server) -> Iterator[S3Client]:
    with client_of(server) as client:
        yield client


def _put(
    server: S3Server, body: bytes, more: dict[str, str] | None = None, wire: dict[str, str] | None = None
) -> Answer:
    headers = {"x-amz-content-sha256": STREAMING, "x-amz-trailer": "x-amz-checksum-crc64nvme"}
    headers |= {"x-amz-decoded-content-length": str(len(BODY)), "content-encoding": "aws-chunked"}
    merged = {name: value for name, value in (headers | (more or {})).items() if value}
    return raw(server, "PUT", f"/{BUCKET}/key", headers=merged, body=body, wire=wire)


def _trailer(value: str, name: str = "x-amz-checksum-crc64nvme") -> bytes:
    return f"{name}:{value}\r\n".encode()


@pytest.mark.verifies("s3.trailers")
def test_a_body_that_cannot_be_rewound_is_streamed_with_a_trailer(server: S3Server, client: S3Client) -> None:
    body = os.urandom(3 * MIB + 7)

    client.put_object(
        Bucket=BUCKET,
        Key="key",
        Body=cast(IO[bytes], OneWay(body)),
        ContentLength=len(body),
        ChecksumAlgorithm="CRC64NVME",
    )

    (stored,) = server.objects(BUCKET)
    assert stored.path.read_bytes() == body
    assert stored.checksums == {"CRC64NVME": crc64(body)}
    assert stored.headers == {}  # aws-chunked is framing, not the object's encoding


def test_chunks_within_a_content_length_are_joined(server: S3Server) -> None:
    answer = _put(server, aws_chunked(BODY[:10_000], BODY[10_000:], trailer=_trailer(crc64(BODY))))

    assert (answer.status, answer.headers["x-amz-checksum-crc64nvme"]) == (200, crc64(BODY))
    assert next(server.objects(BUCKET)).path.read_bytes() == BODY


def test_chunks_within_http_chunks_may_be_cut_anywhere(server: S3Server) -> None:
    framed = aws_chunked(BODY, trailer=_trailer(crc64(BODY)))
    cuts = [framed[at : at + 7] for at in range(0, 70, 7)] + [framed[70:-9], framed[-9:-1], framed[-1:]]
    body = b"".join(b"%X\r\n%b\r\n" % (len(cut), cut) for cut in cuts) + b"0\r\n\r\n"

    answer = _put(server, body, wire={"Transfer-Encoding": "chunked"})

    assert answer.status == 200
    assert next(server.objects(BUCKET)).path.read_bytes() == BODY


@pytest.mark.verifies("s3.trailers")
@pytest.mark.parametrize(
    ("body", "more", "code"),
    [
        (aws_chunked(BODY, trailer=_trailer(crc64(b"other"))), {}, "BadDigest"),
        (aws_chunked(BODY, trailer=_trailer("!")), {}, "InvalidRequest"),
        (aws_chunked(BODY, trailer=b""), {}, "MalformedTrailerError"),
        (aws_chunked(BODY, trailer=b"nonsense\r\n"), {}, "MalformedTrailerError"),
        (aws_chunked(BODY, trailer=_trailer(crc32(BODY), "x-amz-checksum-crc32")), {}, "MalformedTrailerError"),
        (aws_chunked(BODY, trailer=_trailer(crc64(BODY))) + b"more", {}, "MalformedTrailerError"),
        (aws_chunked(BODY[:-1], trailer=_trailer(crc64(BODY[:-1]))), {}, "IncompleteBody"),
        (aws_chunked(BODY + b"x", trailer=_trailer(crc64(BODY + b"x"))), {}, "IncompleteBody"),
        (aws_chunked(BODY[:99], BODY[99:], trailer=_trailer(crc64(BODY))), {}, "InvalidChunkSizeError"),
        (b"zz\r\n" + BODY, {}, "BadRequest"),
        (b"-1\r\n" + BODY, {}, "BadRequest"),
        (b"4E1f\r\n" + BODY + b"\r\n0\r\n\r\n", {}, "BadRequest"),
        (
            aws_chunked(BODY, trailer=_trailer(crc64(BODY))),
            {"x-amz-decoded-content-length": ""},
            "MissingContentLength",
        ),
        (aws_chunked(BODY, trailer=_trailer(crc64(BODY))), {"x-amz-trailer": "x-amz-other"}, "NotImplemented"),
        (
            aws_chunked(BODY, trailer=_trailer(crc64(BODY))),
            {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
            "NotImplemented",
        ),
    ],
)
def test_a_broken_aws_chunked_body_is_refused_and_stores_nothing(
    server: S3Server, body: bytes, more: dict[str, str], code: str
) -> None:
    answer = _put(server, body, more)

    assert answer.code == code
    assert list(server.objects(BUCKET)) == []


def test_a_body_of_unknown_length_is_refused(server: S3Server) -> None:
    without = raw(server, "PUT", f"/{BUCKET}/key", wire={})
    chunked = raw(server, "PUT", f"/{BUCKET}/key", wire={"Transfer-Encoding": "chunked"}, body=b"0\r\n\r\n")

    assert (without.code, without.status) == ("MissingContentLength", 411)
    assert (chunked.code, chunked.status) == ("NotImplemented", 501)


@pytest.mark.verifies("s3.put")
@pytest.mark.parametrize("sent", [0, 5_000, len(BODY) - 1])
def test_a_short_body_is_refused_and_stores_nothing(tmp_path: Path, sent: int) -> None:
    with serving(tmp_path, tls=False) as server:
        answer = raw(
            server,
            "PUT",
            f"/{BUCKET}/key",
            body=BODY[:sent],
            wire={"Content-Length": str(len(BODY))},
            end=lambda connection: connection.sock.shutdown(socket.SHUT_WR),
        )

        assert answer.code == "IncompleteBody"
        assert list(server.objects(BUCKET)) == []
        assert list((tmp_path / "tmp").iterdir()) == []


def test_a_short_part_leaves_the_part_before_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server) as client:
        upload_id = open_upload(client, "key")
        put_parts(client, "key", upload_id, BODY)
        raw(
            server,
            "PUT",
            f"/{BUCKET}/key?partNumber=1&uploadId={upload_id}",
            body=BODY[:-1],
            wire={"Content-Length": str(len(BODY))},
            end=lambda connection: connection.sock.shutdown(socket.SHUT_WR),
        )

        (part,) = client.list_parts(Bucket=BUCKET, Key="key", UploadId=upload_id)["Parts"]
        assert (part["Size"], part["ChecksumCRC64NVME"]) == (len(BODY), crc64(BODY))


def test_a_silent_client_is_told_that_its_time_is_over(tmp_path: Path) -> None:
    with serving(tmp_path, idle_timeout=0.2) as server:
        answer = raw(server, "PUT", f"/{BUCKET}/key", body=b"short", wire={"Content-Length": "9"})

        assert answer.code == "RequestTimeout"


def test_a_refusal_is_readable_while_the_body_is_still_being_sent(server: S3Server) -> None:
    answer = raw(server, "PUT", "/elsewhere/key", body=bytes(8 * MIB))

    assert (answer.status, answer.code) == (404, "NoSuchBucket")
    assert answer.headers["Connection"] == "close"


def test_a_connection_serves_many_requests_even_after_a_refusal(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        put = sign(server, "PUT", f"/{BUCKET}/key", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "content-md5": "AAAA"})
        get = sign(server, "GET", f"/{BUCKET}/other", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
        put = {name: value for name, value in put.items() if name.lower() != "content-md5"} | {"Content-Length": "0"}
        host = server.url.removeprefix("http://")
        requests = [("PUT", f"/{BUCKET}/key", put), ("GET", f"/{BUCKET}/other", get)]
        with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2])), timeout=20) as connection:
            for method, target, headers in requests:
                lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: connection.recv(65536), b""))

        assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"403", b"404"]


def test_requests_that_are_no_http_are_answered_and_closed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        for nonsense in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbroken header\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(nonsense)
                assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_arriving_bytes_are_told_as_they_come(tmp_path: Path) -> None:
    told: list[tuple[str, str, int]] = []
    with (
        serving(tmp_path, on_bytes=lambda bucket, key, count: told.append((bucket, key, count))) as server,
        client_of(server) as client,
    ):
        client.put_object(Bucket=BUCKET, Key="key", Body=bytes(MIB))

    assert {entry[:2] for entry in told} == {(BUCKET, "key")}
    assert sum(count for _, _, count in told) == MIB
    assert len(told) > 1
