"""The sink as its clients see it: what becomes visible is what was sent, and what was damaged never is."""

from __future__ import annotations

import io
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
from awscrt import checksums
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.stage import Stage, Stored
from benchmarks.stage.contents import as_s3_writes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MIB = 1024 * 1024
_KEY = "folder/kéy 1.mp4"
_QUOTED = "folder/k%C3%A9y%201.mp4"
_ROOT = Path(__file__).parents[2]
_DATA = bytes(range(251)) * 70_000  # 16.8 MiB, unlike at every MiB
_BEST: dict[str, Any] = {"request_checksum_calculation": "when_required"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage"), prefer_nginx=False) as stage:
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    yield shared
    shared.forget(_KEY)


@pytest.fixture
def s3(stage: Stage) -> Iterator[S3Client]:
    client = _client(stage)
    yield client
    client.close()


def _client(stage: Stage, *, signed_payload: bool = True, **settings: Any) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=stage.endpoint_url,
        verify=str(stage.ca_bundle),
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(
            s3={"addressing_style": "path", "payload_signing_enabled": signed_payload},
            retries={"total_max_attempts": 1},
            **settings,
        ),
    )


def _crc(data: bytes) -> str:
    return as_s3_writes(checksums.crc64nvme(data))


def _raw(stage: Stage, request: bytes, *, cut: bool = False) -> bytes:
    """The answer to bytes sent as they are; ``cut`` ends the connection after them instead."""
    address = urlsplit(stage.endpoint_url)
    context = ssl.create_default_context(cafile=stage.ca_bundle)
    with (
        socket.create_connection((address.hostname, address.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as wrapped,
    ):
        wrapped.sendall(request)
        if cut:
            wrapped.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := wrapped.recv(65536):
            answer += piece
    return answer


def _put(headers: str, body: bytes, target: str = f"/benchmark/{_QUOTED}") -> bytes:
    return f"PUT {target} HTTP/1.1\r\nHost: s3\r\nConnection: close\r\n{headers}\r\n\r\n".encode() + body


class _ForwardOnly(io.RawIOBase):
    """What a download is to ``upload_fileobj``: it can be read once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


@pytest.mark.parametrize("signed_payload", [True, False])
@pytest.mark.parametrize("settings", [{}, _BEST], ids=["default", "best"])
def test_boto3_upload_fileobj(stage: Stage, settings: dict[str, Any], signed_payload: bool) -> None:
    client = _client(stage, signed_payload=signed_payload, **settings)
    parts = TransferConfig(multipart_chunksize=5 * _MIB, max_concurrency=4)

    client.upload_fileobj(io.BufferedReader(_ForwardOnly(_DATA)), stage.bucket, _KEY, Config=parts)

    assert stage.stored(_KEY) == Stored(len(_DATA), _crc(_DATA), 4)
    client.close()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256"])
def test_boto3_put_object(stage: Stage, s3: S3Client, algorithm: Any) -> None:
    answer = s3.put_object(Bucket=stage.bucket, Key=_KEY, Body=io.BytesIO(_DATA), ChecksumAlgorithm=algorithm)

    assert stage.stored(_KEY) == Stored(len(_DATA), _crc(_DATA), 1)
    assert answer.get("ChecksumCRC64NVME") == (_crc(_DATA) if algorithm == "CRC64NVME" else None)


def test_curl_uploads_a_file_and_a_stream_of_unknown_length(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(_DATA)
    for option in (str(file), "-"):
        command = ["curl", "--silent", "--fail", "--cacert", str(stage.ca_bundle), "--upload-file", option]
        subprocess.run(
            [*command, f"{stage.endpoint_url}/benchmark/{_QUOTED}"], input=_DATA, check=True, capture_output=True
        )

        assert stage.stored(_KEY) == Stored(len(_DATA), _crc(_DATA), 1)
        stage.forget(_KEY)


@pytest.mark.parametrize("threshold", ["64M", "5M"], ids=["one body", "parts"])
def test_rclone_copyurl(stage: Stage, threshold: str) -> None:
    served = stage.source(12 * _MIB + 3)
    options = {
        "CONFIG": os.devnull,
        "S3_PROVIDER": "Other",
        "S3_ENDPOINT": stage.endpoint_url,
        "S3_ACCESS_KEY_ID": "any",
        "S3_SECRET_ACCESS_KEY": "any",
        "S3_UPLOAD_CUTOFF": threshold,
        "S3_CHUNK_SIZE": "5M",
        "CA_CERT": str(stage.ca_bundle),
    }
    subprocess.run(
        [str(_ROOT / ".venv/bin/rclone"), "copyurl", served.url, f":s3:benchmark/{_KEY}"],
        env={**os.environ, **{f"RCLONE_{name}": value for name, value in options.items()}},
        check=True,
        capture_output=True,
    )

    stored = stage.stored(_KEY)
    assert stored
    assert (stored.size, stored.crc64nvme) == (served.size, served.crc64nvme)
    assert (stored.parts > 1) == (threshold == "5M")


def _upload(stage: Stage, s3: S3Client, bodies: dict[int, bytes]) -> tuple[str, list[Any]]:
    """Upload the parts in the order given; the upload's id, and what Complete is to be told."""
    created = s3.create_multipart_upload(
        Bucket=stage.bucket, Key=_KEY, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )
    assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == ("CRC64NVME", "FULL_OBJECT")
    named = []
    for number, body in bodies.items():
        where: Any = {"Bucket": stage.bucket, "Key": _KEY, "UploadId": created["UploadId"], "PartNumber": number}
        part = s3.upload_part(**where, Body=body, ChecksumAlgorithm="CRC64NVME")
        assert part["ChecksumCRC64NVME"] == _crc(body)
        named.append({"PartNumber": number, "ETag": part["ETag"]})
    return created["UploadId"], sorted(named, key=lambda part: part["PartNumber"])


def test_parts_are_joined_in_the_order_of_complete(stage: Stage, s3: S3Client) -> None:
    upload_id, named = _upload(stage, s3, {7: b"third", 2: b"first", 3: b"second"})
    assert stage.stored(_KEY) is None

    listed = s3.list_parts(Bucket=stage.bucket, Key=_KEY, UploadId=upload_id)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(2, 5), (3, 6), (7, 5)]
    assert listed[0]["ChecksumCRC64NVME"] == _crc(b"first")
    assert [upload["Key"] for upload in s3.list_multipart_uploads(Bucket=stage.bucket)["Uploads"]] == [_KEY]

    whole = b"firstsecondthird"
    done = s3.complete_multipart_upload(
        Bucket=stage.bucket,
        Key=_KEY,
        UploadId=upload_id,
        MultipartUpload={"Parts": named},
        MpuObjectSize=len(whole),
        ChecksumCRC64NVME=_crc(whole),
        IfNoneMatch="*",
    )

    assert done["ChecksumCRC64NVME"] == _crc(whole)
    assert stage.stored(_KEY) == Stored(len(whole), _crc(whole), 3)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=stage.bucket)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ChecksumCRC64NVME": _crc(b"other")}, "BadDigest"),
        ({"MpuObjectSize": 3}, "InvalidRequest"),
        ({"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"other"'}]}}, "InvalidPart"),
        ({"MultipartUpload": {"Parts": [{"PartNumber": 9, "ETag": '"none"'}]}}, "InvalidPart"),
        ({"UploadId": "none"}, "NoSuchUpload"),
    ],
)
def test_a_complete_that_is_wrong_shows_nothing(stage: Stage, s3: S3Client, changed: dict[str, Any], code: str) -> None:
    upload_id, named = _upload(stage, s3, {1: b"one", 2: b"two"})
    told: dict[str, Any] = {"UploadId": upload_id, "MultipartUpload": {"Parts": named}} | changed

    with pytest.raises(ClientError, match=code):
        s3.complete_multipart_upload(Bucket=stage.bucket, Key=_KEY, **told)

    assert stage.stored(_KEY) is None


def test_parts_out_of_order_are_refused(stage: Stage, s3: S3Client) -> None:
    upload_id, named = _upload(stage, s3, {1: b"one", 2: b"two"})

    with pytest.raises(ClientError, match="InvalidPartOrder"):
        s3.complete_multipart_upload(
            Bucket=stage.bucket, Key=_KEY, UploadId=upload_id, MultipartUpload={"Parts": named[::-1]}
        )


def test_an_aborted_upload_is_gone(stage: Stage, s3: S3Client) -> None:
    upload_id, _ = _upload(stage, s3, {1: b"one"})
    s3.abort_multipart_upload(Bucket=stage.bucket, Key=_KEY, UploadId=upload_id)

    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(Bucket=stage.bucket, Key=_KEY, UploadId=upload_id)


def test_what_is_visible_is_not_overwritten_if_that_is_not_wanted(stage: Stage, s3: S3Client) -> None:
    s3.put_object(Bucket=stage.bucket, Key=_KEY, Body=b"old", IfNoneMatch="*")
    upload_id, named = _upload(stage, s3, {1: b"new"})

    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=stage.bucket, Key=_KEY, Body=b"new", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.complete_multipart_upload(
            Bucket=stage.bucket,
            Key=_KEY,
            UploadId=upload_id,
            MultipartUpload={"Parts": named},
            IfNoneMatch="*",
        )

    assert stage.stored(_KEY) == Stored(3, _crc(b"old"), 1)


def test_the_bucket_and_the_object_are_described(stage: Stage, s3: S3Client) -> None:
    s3.create_bucket(Bucket=stage.bucket)
    s3.head_bucket(Bucket=stage.bucket)
    assert s3.get_bucket_location(Bucket=stage.bucket)["LocationConstraint"] is None
    assert s3.list_objects_v2(Bucket=stage.bucket)["KeyCount"] == 0
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=stage.bucket, Key=_KEY)

    s3.put_object(Bucket=stage.bucket, Key=_KEY, Body=b"12345")

    assert s3.head_object(Bucket=stage.bucket, Key=_KEY)["ContentLength"] == 5


def test_what_was_forgotten_is_not_there(stage: Stage, s3: S3Client) -> None:
    s3.put_object(Bucket=stage.bucket, Key=_KEY, Body=b"12345")
    upload_id, _ = _upload(stage, s3, {1: b"one"})

    stage.forget(_KEY)

    assert stage.stored(_KEY) is None
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.list_parts(Bucket=stage.bucket, Key=_KEY, UploadId=upload_id)


_TRAILER = (
    "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nContent-Encoding: aws-chunked\r\n"
    "x-amz-trailer: x-amz-checksum-crc64nvme\r\nx-amz-decoded-content-length: {decoded}\r\nContent-Length: {length}"
)


def _trailing(data: bytes, checksum: str | None, decoded: int | None = None) -> bytes:
    trailer = b"" if checksum is None else f"x-amz-checksum-crc64nvme:{checksum}\r\n".encode()
    framed = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(data), data, trailer)
    return _put(_TRAILER.format(decoded=len(data) if decoded is None else decoded, length=len(framed)), framed)


def test_a_checksum_in_the_trailer_is_compared(stage: Stage) -> None:
    assert b" 200 OK\r\n" in _raw(stage, _trailing(b"content", _crc(b"content")))
    assert stage.stored(_KEY) == Stored(7, _crc(b"content"), 1)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (_trailing(b"content", _crc(b"contemt")), b"BadDigest"),
        (_trailing(b"content", None), b"MalformedTrailerError"),
        (_trailing(b"content", _crc(b"content"), decoded=8), b"IncompleteBody"),
        (_put(f"Content-Length: 3\r\nx-amz-checksum-crc64nvme: {_crc(b'other')}", b"abc"), b"BadDigest"),
    ],
    ids=["damaged", "no trailer", "another length", "damaged with a header"],
)
def test_a_damaged_body_is_refused_and_never_visible(stage: Stage, request_: bytes, code: bytes) -> None:
    answer = _raw(stage, request_)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>%s</Code>" % code in answer
    assert stage.stored(_KEY) is None


def test_a_signed_streaming_body(stage: Stage) -> None:
    signature = b";chunk-signature=" + b"0" * 64
    framed = b"3%s\r\nabc\r\n2%s\r\nde\r\n0%s\r\n\r\n" % (signature, signature, signature)
    headers = "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\nx-amz-decoded-content-length: 5\r\n"

    assert b" 200 OK\r\n" in _raw(stage, _put(f"{headers}Content-Length: {len(framed)}", framed))
    assert stage.stored(_KEY) == Stored(5, _crc(b"abcde"), 1)


@pytest.mark.parametrize(
    "request_",
    [
        _put("Content-Length: 10", b"short"),
        _put("Transfer-Encoding: chunked", b"a\r\nshort"),
        _put("Transfer-Encoding: chunked", b"5\r\nshort\r\n"),
        _trailing(b"content", _crc(b"content"))[:-20],
    ],
    ids=["sized", "chunk", "no last chunk", "aws-chunked"],
)
def test_a_body_that_breaks_off_is_never_visible(stage: Stage, request_: bytes) -> None:
    _raw(stage, request_, cut=True)

    assert stage.stored(_KEY) is None


def test_a_client_that_waits_is_told_to_go_on(stage: Stage) -> None:
    answer = _raw(stage, _put("Expect: 100-continue\r\nContent-Length: 3", b"abc"))

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_its_cpu_is_counted(stage: Stage, s3: S3Client) -> None:
    before = stage.sink_cpu_seconds()
    s3.put_object(Bucket=stage.bucket, Key=_KEY, Body=_DATA * 4)

    assert stage.sink_cpu_seconds() > before
