"""Multipart uploads: parts in any order, each checked as it arrives, joined into what was sent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.s3 import BucketConfig, S3Server
from tests.sandbox.s3_support import (
    BUCKET,
    KMS_KEY,
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

FIRST, SECOND, LAST = os.urandom(PART), os.urandom(PART), b"the rest"
WHOLE = FIRST + SECOND + LAST


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def client(server: S3Server) -> Iterator[S3Client]:
    with client_of(server) as client:
        yield client


@pytest.mark.verifies("s3.multipart")
def test_parts_sent_at_the_same_time_become_one_object(server: S3Server, client: S3Client) -> None:
    upload_id = open_upload(client, "key", Metadata={"media-id": "42"}, Tagging="a=b", StorageClass="GLACIER_IR")

    def send(numbered: tuple[int, bytes]) -> dict[str, Any]:
        number, body = numbered
        sent = client.upload_part(
            Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME"
        )
        assert sent["ChecksumCRC64NVME"] == crc64(body)
        return {"PartNumber": number, "ETag": sent["ETag"]}

    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(send, [(3, LAST), (2, SECOND), (1, FIRST)]))
    done = complete(
        client, "key", upload_id, parts[::-1], MpuObjectSize=len(WHOLE), ChecksumCRC64NVME=crc64(WHOLE), IfNoneMatch="*"
    )

    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (crc64(WHOLE), "FULL_OBJECT")
    got = client.get_object(Bucket=BUCKET, Key="key", ChecksumMode="ENABLED")
    assert got["Body"].read() == WHOLE
    assert (got["Metadata"], got["StorageClass"]) == ({"media-id": "42"}, "GLACIER_IR")
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in (FIRST, SECOND, LAST))
    assert got["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-3"'
    assert server.open_uploads(BUCKET) == []
    (stored,) = server.objects(BUCKET)
    assert (stored.parts, stored.tags, stored.checksums) == (3, {"a": "b"}, {"CRC64NVME": crc64(WHOLE)})


@pytest.mark.verifies("s3.checksums")
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C"])
def test_the_other_crcs_combine_to_the_whole_objects_too(client: S3Client, algorithm: Any) -> None:
    upload_id = open_upload(client, "key", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    parts = []
    for number, body in enumerate((FIRST, LAST), 1):
        sent = client.upload_part(
            Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    whole = client.put_object(Bucket=BUCKET, Key="whole", Body=FIRST + LAST, ChecksumAlgorithm=algorithm)

    done = complete(client, "key", upload_id, parts)

    assert done[f"Checksum{algorithm}"] == whole[f"Checksum{algorithm}"]  # type: ignore[literal-required]  # two names


@pytest.mark.verifies("s3.checksums")
def test_a_composite_upload_needs_every_parts_checksum_and_gives_a_checksum_of_checksums(client: S3Client) -> None:
    upload_id = open_upload(client, "key", ChecksumAlgorithm="SHA256")
    sent = client.upload_part(
        Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=1, Body=LAST, ChecksumAlgorithm="SHA256"
    )
    with refused("InvalidRequest"):
        complete(client, "key", upload_id, [{"PartNumber": 1, "ETag": sent["ETag"]}])

    part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}
    done = complete(client, "key", upload_id, [part])

    assert done["ChecksumType"] == "COMPOSITE"
    assert done["ChecksumSHA256"].endswith("=-1")


def test_a_composite_part_without_a_checksum_and_a_gap_in_the_numbers_are_refused(
    server: S3Server, client: S3Client
) -> None:
    upload_id = open_upload(client, "key", ChecksumAlgorithm="SHA256")
    bare = raw(server, "PUT", f"/{BUCKET}/key?partNumber=1&uploadId={upload_id}", body=LAST)
    sent = client.upload_part(
        Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=2, Body=LAST, ChecksumAlgorithm="SHA256"
    )

    assert bare.code == "InvalidRequest"
    with refused("InternalError", 500):  # the user guide's answer to parts that do not begin with 1
        part = {"PartNumber": 2, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}
        complete(client, "key", upload_id, [part])


def test_an_upload_without_an_algorithm_gets_a_crc64nvme_and_shows_no_part_checksums(
    server: S3Server, client: S3Client
) -> None:
    target = f"/{BUCKET}/key"
    upload_id = raw(server, "POST", f"{target}?uploads").body.split(b"<UploadId>")[1].split(b"<")[0].decode()
    etag = raw(server, "PUT", f"{target}?partNumber=1&uploadId={upload_id}", body=LAST).headers["ETag"]
    mismatch = raw(
        server,
        "PUT",
        f"{target}?partNumber=1&uploadId={upload_id}",
        body=LAST,
        headers={"x-amz-checksum-crc32": crc32(LAST)},
    )

    assert mismatch.code == "InvalidRequest"
    assert "ChecksumCRC64NVME" not in client.list_parts(Bucket=BUCKET, Key="key", UploadId=upload_id)["Parts"][0]
    done = complete(client, "key", upload_id, [{"PartNumber": 1, "ETag": etag}])
    assert done["ChecksumCRC64NVME"] == crc64(LAST)


@pytest.mark.verifies("s3.multipart")
@pytest.mark.verifies("s3.checksums")
def test_a_part_of_another_algorithm_than_the_uploads_is_refused(client: S3Client) -> None:
    upload_id = open_upload(client, "key")

    with refused("InvalidRequest", 400):  # boto3 sends CRC32 unless told otherwise: the trap of local-engine.md
        client.upload_part(Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=1, Body=LAST)
    assert "Parts" not in client.list_parts(Bucket=BUCKET, Key="key", UploadId=upload_id)


@pytest.mark.parametrize(
    ("algorithm", "checksum_type"), [("CRC64NVME", "COMPOSITE"), ("SHA256", "FULL_OBJECT"), ("SHA1", "FULL_OBJECT")]
)
def test_an_impossible_checksum_type_is_refused(client: S3Client, algorithm: str, checksum_type: str) -> None:
    with refused("InvalidRequest", 400):
        open_upload(client, "key", ChecksumAlgorithm=algorithm, ChecksumType=checksum_type)


@pytest.mark.parametrize("number", [0, 10_001])
def test_a_part_number_is_between_1_and_10000(client: S3Client, number: int) -> None:
    upload_id = open_upload(client, "key")

    with refused("InvalidArgument", 400):
        client.upload_part(Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=number, Body=LAST)


def test_a_part_above_5_gib_is_refused_before_it_is_sent(server: S3Server, client: S3Client) -> None:
    upload_id = open_upload(client, "key")

    answer = raw(
        server,
        "PUT",
        f"/{BUCKET}/key?partNumber=1&uploadId={upload_id}",
        wire={"Content-Length": str(5 * 1024**3 + 1), "Expect": "100-continue"},
        end=lambda connection: connection.sock.shutdown(1),
    )

    assert answer.code == "EntityTooLarge"


def test_the_last_part_of_a_number_wins(server: S3Server, client: S3Client) -> None:
    upload_id = open_upload(client, "key")
    put_parts(client, "key", upload_id, SECOND)
    parts = put_parts(client, "key", upload_id, FIRST)

    complete(client, "key", upload_id, parts)

    assert next(server.objects(BUCKET)).path.read_bytes() == FIRST


def test_the_buckets_encryption_is_that_of_the_uploads_start(tmp_path: Path) -> None:
    with serving(tmp_path, tls=True) as server, client_of(server) as client:
        server.create_bucket(BucketConfig(BUCKET, sse_algorithm="aws:kms", kms_key_arn=KMS_KEY, bucket_key=True))
        opened = client.create_multipart_upload(Bucket=BUCKET, Key="key", ChecksumAlgorithm="CRC64NVME")
        server.create_bucket(BucketConfig(BUCKET))
        parts = put_parts(client, "key", opened["UploadId"], LAST)
        complete(client, "key", opened["UploadId"], parts)
        head = client.head_object(Bucket=BUCKET, Key="key")

    assert (opened["SSEKMSKeyId"], opened["BucketKeyEnabled"]) == (KMS_KEY, True)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == ("aws:kms", KMS_KEY, True)
    assert hashlib.md5(LAST, usedforsecurity=False).hexdigest() not in parts[0]["ETag"]
