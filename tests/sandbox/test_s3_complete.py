"""CompleteMultipartUpload refuses every wrong claim and leaves the upload as it was; ended uploads are unknown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.s3 import S3Server
from tests.sandbox.s3_support import (
    BUCKET,
    PART,
    client_of,
    complete,
    crc32,
    crc64,
    open_upload,
    put_parts,
    raw,
    refused,
    serving,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIRST, LAST = os.urandom(PART), b"the rest"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def client(server: S3Server) -> Iterator[S3Client]:
    with client_of(server) as client:
        yield client


@pytest.mark.verifies("s3.object-size")
@pytest.mark.verifies("s3.multipart")
@pytest.mark.parametrize(
    ("change", "options", "code"),
    [
        (lambda parts: parts[::-1], {}, "InvalidPartOrder"),
        (lambda parts: [parts[0], parts[0]], {}, "InvalidPartOrder"),
        (lambda parts: [{**parts[0], "ETag": '"' + "0" * 32 + '"'}, parts[1]], {}, "InvalidPart"),
        (lambda parts: [*parts, {**parts[1], "PartNumber": 3}], {}, "InvalidPart"),
        (lambda parts: [{**parts[0], "ChecksumCRC64NVME": crc64(b"other")}, parts[1]], {}, "InvalidPart"),
        (lambda parts: [{**parts[0], "ChecksumCRC32": crc32(FIRST)}, parts[1]], {}, "InvalidPart"),
        (lambda parts: [], {}, "MalformedXML"),
        (lambda parts: parts, {"MpuObjectSize": 1}, "InvalidRequest"),
        (lambda parts: parts, {"ChecksumCRC64NVME": crc64(b"other")}, "BadDigest"),
        (lambda parts: parts, {"ChecksumCRC32": crc32(FIRST + LAST)}, "InvalidRequest"),
        (lambda parts: parts, {"ChecksumType": "COMPOSITE"}, "BadDigest"),
        (lambda parts: parts, {"IfMatch": '"etag"'}, "NoSuchKey"),
    ],
)
def test_a_wrong_complete_is_refused_and_the_upload_can_still_be_completed(
    server: S3Server, client: S3Client, change: Any, options: dict[str, Any], code: str
) -> None:
    upload_id = open_upload(client, "key")
    parts = put_parts(client, "key", upload_id, FIRST, LAST)

    with refused(code):
        complete(client, "key", upload_id, change(parts), **options)

    assert list(server.objects(BUCKET)) == []
    assert complete(client, "key", upload_id, parts)["ChecksumCRC64NVME"] == crc64(FIRST + LAST)


@pytest.mark.verifies("s3.multipart")
def test_all_but_the_last_part_have_at_least_5_mib(client: S3Client) -> None:
    upload_id = open_upload(client, "key")
    parts = put_parts(client, "key", upload_id, FIRST[:-1], LAST)

    with refused("EntityTooSmall", 400):
        complete(client, "key", upload_id, parts)


def test_a_complete_that_is_no_xml_is_refused(server: S3Server, client: S3Client) -> None:
    upload_id = open_upload(client, "key")
    (part,) = put_parts(client, "key", upload_id, LAST)
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{part['ETag']}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()

    for body in (b"<Complete", b"<Other/>", document[:-1], b"<!DOCTYPE x>" + document):
        answer = raw(server, "POST", f"/{BUCKET}/key?uploadId={upload_id}", body=body)
        assert answer.code == "MalformedXML"
    assert raw(server, "POST", f"/{BUCKET}/key?uploadId={upload_id}", body=document).status == 200


@pytest.mark.verifies("s3.multipart")
@pytest.mark.parametrize("end", ["completed", "aborted"])
def test_an_ended_upload_is_unknown_to_every_call(client: S3Client, end: str) -> None:
    upload_id = open_upload(client, "key")
    parts = put_parts(client, "key", upload_id, LAST)
    if end == "completed":
        complete(client, "key", upload_id, parts)
    else:
        client.abort_multipart_upload(Bucket=BUCKET, Key="key", UploadId=upload_id)

    with refused("NoSuchUpload", 404):
        complete(client, "key", upload_id, parts)
    with refused("NoSuchUpload", 404):
        put_parts(client, "key", upload_id, LAST)
    with refused("NoSuchUpload", 404):
        client.list_parts(Bucket=BUCKET, Key="key", UploadId=upload_id)
    with refused("NoSuchUpload", 404):
        client.abort_multipart_upload(Bucket=BUCKET, Key="key", UploadId=upload_id)


def test_an_upload_id_belongs_to_its_key(client: S3Client) -> None:
    upload_id = open_upload(client, "key")

    with refused("NoSuchUpload", 404):
        put_parts(client, "another", upload_id, LAST)


@pytest.mark.verifies("s3.conditional-writes")
def test_a_conditional_complete_overwrites_nothing_and_keeps_its_upload(server: S3Server, client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="key", Body=b"first")
    upload_id = open_upload(client, "key")
    parts = put_parts(client, "key", upload_id, LAST)

    with refused("PreconditionFailed", 412):
        complete(client, "key", upload_id, parts, IfNoneMatch="*")

    assert next(server.objects(BUCKET)).path.read_bytes() == b"first"
    assert [upload.upload_id for upload in server.open_uploads(BUCKET)] == [upload_id]
