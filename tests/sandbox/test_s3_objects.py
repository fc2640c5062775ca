"""Single objects: what is stored comes back, with everything that was said about it; bad claims store nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.s3 import BucketConfig, S3Server
from tests.sandbox.s3_support import BUCKET, KMS_KEY, client_of, crc32, crc64, md5, raw, refused, serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = bytes(range(256)) * 64


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def client(server: S3Server) -> Iterator[S3Client]:
    with client_of(server) as client:
        yield client


@pytest.mark.verifies("s3.put")
@pytest.mark.verifies("s3.metadata")
def test_an_object_comes_back_with_all_that_was_said_about_it(server: S3Server, client: S3Client) -> None:
    client.put_object(
        Bucket=BUCKET,
        Key="a/b.mp4",
        Body=BODY,
        Metadata={"media-id": "42"},
        Tagging="Source=GoPro&Note=a%20b",
        StorageClass="GLACIER_IR",
        ContentType="video/mp4",
        ContentDisposition="inline",
        ChecksumAlgorithm="CRC64NVME",
    )

    head = client.head_object(Bucket=BUCKET, Key="a/b.mp4", ChecksumMode="ENABLED")
    got = client.get_object(Bucket=BUCKET, Key="a/b.mp4", ChecksumMode="ENABLED")
    tags = client.get_object_tagging(Bucket=BUCKET, Key="a/b.mp4")["TagSet"]

    assert got["Body"].read() == BODY
    assert (head["ContentLength"], head["ContentType"], head["StorageClass"]) == (len(BODY), "video/mp4", "GLACIER_IR")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (crc64(BODY), "FULL_OBJECT")
    assert head["Metadata"] == {"media-id": "42"}
    assert head["ContentDisposition"] == "inline"
    assert head["ETag"] == f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"Source": "GoPro", "Note": "a b"}
    (stored,) = server.objects(BUCKET)
    assert stored.path.read_bytes() == BODY
    assert (stored.key, stored.size, stored.tags["Source"]) == ("a/b.mp4", len(BODY), "GoPro")


def test_s3_adds_a_crc64nvme_where_the_client_sends_no_checksum(server: S3Server) -> None:
    answer = raw(server, "PUT", f"/{BUCKET}/key", body=BODY)

    assert answer.status == 200
    assert next(server.objects(BUCKET)).checksums == {"CRC64NVME": crc64(BODY)}


@pytest.mark.verifies("s3.checksums")
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_every_checksum_that_boto3_sends_is_checked_and_given_back(client: S3Client, algorithm: Any) -> None:
    put = client.put_object(Bucket=BUCKET, Key="key", Body=BODY, ChecksumAlgorithm=algorithm)
    got = client.get_object(Bucket=BUCKET, Key="key", ChecksumMode="ENABLED")

    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]  # type: ignore[literal-required]  # five names
    assert got["Body"].read() == BODY  # boto3 compares with the checksum here


@pytest.mark.verifies("s3.checksums")
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc64nvme": crc64(b"other")}, "BadDigest"),
        ({"x-amz-checksum-crc32": crc32(b"other")}, "BadDigest"),
        ({"x-amz-checksum-crc32": "no base64"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": crc64(BODY)}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": crc32(BODY), "x-amz-checksum-crc64nvme": crc64(BODY)}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc64nvme": crc64(BODY)}, "InvalidRequest"),
        ({"content-md5": md5(b"other")}, "BadDigest"),
        ({"content-md5": "AAAA"}, "InvalidDigest"),
        ({"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}, "XAmzContentSHA256Mismatch"),
        ({"x-amz-storage-class": "COLD"}, "InvalidStorageClass"),
        ({"x-amz-meta-note": "n" * 2045}, "MetadataTooLarge"),
        ({"x-amz-tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"x-amz-tagging": "&".join(f"k{n}=v" for n in range(11))}, "BadRequest"),
        ({"x-amz-tagging": "a=%3Cb%3E"}, "InvalidTag"),
        ({"x-amz-tagging": "aws:a=b"}, "InvalidTag"),
        ({"x-amz-server-side-encryption-aws-kms-key-id": KMS_KEY}, "InvalidArgument"),
        ({"if-none-match": '"etag"'}, "NotImplemented"),
        ({"if-match": '"etag"'}, "NoSuchKey"),
        ({"x-amz-acl": "private"}, "NotImplemented"),
        ({"x-amz-copy-source": "/a/b"}, "NotImplemented"),
        ({"x-amz-expected-bucket-owner": "999999999999"}, "AccessDenied"),
        ({"x-amz-checksum-xxhash64": "AAAAAAAAAAA="}, "NotImplemented"),
        ({"x-amz-checksum-type": "FULL_OBJECT"}, "NotImplemented"),
        ({"x-amz-server-side-encryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"x-amz-server-side-encryption-context": "e30="}, "NotImplemented"),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, "NotImplemented"),
    ],
)
def test_a_put_with_a_wrong_claim_is_refused_and_stores_nothing(
    server: S3Server, headers: dict[str, str], code: str
) -> None:
    answer = raw(server, "PUT", f"/{BUCKET}/key", headers=headers, body=BODY)

    assert answer.code == code
    assert list(server.objects(BUCKET)) == []


@pytest.mark.verifies("s3.conditional-writes")
def test_a_put_on_the_condition_that_nothing_is_there_overwrites_nothing(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="key", Body=b"first", IfNoneMatch="*")

    with refused("PreconditionFailed", 412):
        client.put_object(Bucket=BUCKET, Key="key", Body=b"second", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        client.put_object(Bucket=BUCKET, Key="key", Body=b"second", IfMatch='"other"')

    assert client.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"first"


@pytest.mark.verifies("s3.conditional-writes")
def test_a_put_on_the_condition_of_the_right_etag_replaces(server: S3Server, client: S3Client) -> None:
    etag = client.put_object(Bucket=BUCKET, Key="key", Body=b"first")["ETag"]
    client.put_object(Bucket=BUCKET, Key="key", Body=b"second", IfMatch=etag)

    (stored,) = server.objects(BUCKET)
    assert stored.path.read_bytes() == b"second"
    assert len(list(stored.path.parent.iterdir())) == 1  # the replaced content takes no space


@pytest.mark.verifies("s3.ranges")
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", BODY[:10]),
        ("bytes=10-", BODY[10:]),
        ("bytes=-7", BODY[-7:]),
        ("bytes=0-999999", BODY),
        ("bytes=5-4", BODY),
        ("lines=1-2", BODY),
    ],
)
def test_a_range_is_served_exactly_and_a_malformed_one_ignored(client: S3Client, header: str, expected: bytes) -> None:
    client.put_object(Bucket=BUCKET, Key="key", Body=BODY)

    got = client.get_object(Bucket=BUCKET, Key="key", Range=header)

    assert got["Body"].read() == expected
    partial = header in ("bytes=0-9", "bytes=10-", "bytes=-7", "bytes=0-999999")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if partial else 200)


@pytest.mark.verifies("s3.ranges")
def test_conditions_of_a_get_are_kept(client: S3Client) -> None:
    etag = client.put_object(Bucket=BUCKET, Key="key", Body=BODY)["ETag"]

    assert client.get_object(Bucket=BUCKET, Key="key", IfMatch=etag)["Body"].read() == BODY
    with refused("PreconditionFailed", 412):
        client.get_object(Bucket=BUCKET, Key="key", IfMatch='"other"')
    with refused("304"):
        client.get_object(Bucket=BUCKET, Key="key", IfNoneMatch=etag)
    with refused("InvalidRange", 416):
        client.get_object(Bucket=BUCKET, Key="key", Range=f"bytes={len(BODY)}-")


@pytest.mark.verifies("s3.metadata")
@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_object_in_cold_storage_can_be_seen_and_not_read(client: S3Client, storage_class: Any) -> None:
    client.put_object(Bucket=BUCKET, Key="key", Body=BODY, StorageClass=storage_class)

    assert client.head_object(Bucket=BUCKET, Key="key")["StorageClass"] == storage_class
    with refused("InvalidObjectState", 403):
        client.get_object(Bucket=BUCKET, Key="key")


def test_what_is_not_there_is_a_404(client: S3Client) -> None:
    with refused("NoSuchKey", 404):
        client.get_object(Bucket=BUCKET, Key="nothing")
    with refused("404", 404):
        client.head_object(Bucket=BUCKET, Key="nothing")
    with refused("NoSuchBucket", 404):
        client.get_object(Bucket="elsewhere", Key="key")
    with refused("404", 404):
        client.head_bucket(Bucket="elsewhere")


def test_nothing_is_ever_deleted(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="key", Body=BODY)

    with refused("AccessDenied", 403):
        client.delete_object(Bucket=BUCKET, Key="key")
    with refused("AccessDenied", 403):
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "key"}]})
    assert client.get_object(Bucket=BUCKET, Key="key")["Body"].read() == BODY


def test_an_operation_that_the_server_has_not_is_refused_by_name(server: S3Server, client: S3Client) -> None:
    with refused("NotImplemented", 501):
        client.get_bucket_acl(Bucket=BUCKET)
    with refused("NotImplemented", 501):
        client.list_objects(Bucket=BUCKET)
    assert "?acl" in server.requests[0].operation
    client.put_object(Bucket=BUCKET, Key="key", Body=BODY)
    with refused("NotImplemented", 501):
        client.get_object(Bucket=BUCKET, Key="key", PartNumber=1)
    with refused("NotImplemented", 501):
        client.list_objects_v2(Bucket=BUCKET, FetchOwner=True)
    with refused("501", 501):
        client.head_object(Bucket=BUCKET, Key="key", IfModifiedSince=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("key", ["../../etc/passwd", "a//b", ".", "ü/日本 語+&=%25?.mp4", "x" * 1024, "nul\0\x01"])
def test_any_key_of_utf8_is_kept_as_it_is_and_stays_inside_the_root(
    tmp_path: Path, server: S3Server, client: S3Client, key: str
) -> None:
    client.put_object(Bucket=BUCKET, Key=key, Body=b"content")

    assert client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"content"
    assert client.list_objects_v2(Bucket=BUCKET)["Contents"][0]["Key"] == key
    (stored,) = server.objects(BUCKET)
    assert stored.path.resolve().is_relative_to(tmp_path)


def test_a_key_of_more_than_1024_bytes_is_refused(client: S3Client) -> None:
    with refused("KeyTooLongError", 400):
        client.put_object(Bucket=BUCKET, Key="ü" * 513, Body=b"")


def test_a_versioned_bucket_keeps_every_version(server: S3Server, client: S3Client) -> None:
    server.create_bucket(BucketConfig("versions", versioned=True))
    first = client.put_object(Bucket="versions", Key="key", Body=b"first")["VersionId"]
    second = client.put_object(Bucket="versions", Key="key", Body=b"second")["VersionId"]

    assert client.head_object(Bucket="versions", Key="key")["VersionId"] == second != first
    assert client.get_object(Bucket="versions", Key="key", VersionId=first)["Body"].read() == b"first"
    with refused("NoSuchVersion", 404):
        client.get_object(Bucket="versions", Key="key", VersionId="other")
