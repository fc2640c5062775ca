"""What a client claims or demands of one object, on both servers: checksums, conditions, signatures, tags."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conformance.servers import REGION, Served, both, where_not_lacking
from tests.sandbox.s3_support import crc32, crc64, md5, refused

PLAIN = b"0123456789" * 1000


@pytest.mark.verifies("s3.checksums")
@both
def test_a_body_that_is_not_that_of_its_md5_is_refused(served: Served, bucket: str) -> None:
    with refused("BadDigest", 400):
        served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN, ContentMD5=md5(b"other"))
    with refused("404", 404):
        served.client.head_object(Bucket=bucket, Key="key")


@pytest.mark.verifies("s3.checksums")
@pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"])
@both
def test_an_upload_with_a_trailing_checksum_arrives_whole(served: Served, bucket: str, algorithm: Any) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN, ChecksumAlgorithm=algorithm)

    assert served.stored(bucket, "key") == PLAIN


@pytest.mark.verifies("s3.checksums")
@where_not_lacking("checksums")
def test_a_wrong_checksum_is_refused_and_stores_nothing(served: Served, bucket: str) -> None:
    wrong: list[dict[str, Any]] = [
        {"ChecksumCRC64NVME": crc64(b"other")},
        {"ChecksumCRC32": crc32(b"other")},
        {"ChecksumSHA256": "A" * 43 + "="},
    ]
    for claim in wrong:
        with refused("BadDigest", 400):
            served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN, **claim)
    assert "Contents" not in served.client.list_objects_v2(Bucket=bucket)


@pytest.mark.verifies("s3.checksums")
@where_not_lacking("checksums")
def test_the_stored_checksum_is_answered_to_who_asks(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN, ChecksumAlgorithm="CRC64NVME")

    asked = served.client.head_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")

    assert (asked["ChecksumCRC64NVME"], asked["ChecksumType"]) == (crc64(PLAIN), "FULL_OBJECT")
    assert "ChecksumCRC64NVME" not in served.client.head_object(Bucket=bucket, Key="key")


@pytest.mark.verifies("s3.conditional-writes")
@where_not_lacking("conditional-writes")
def test_a_conditional_put_overwrites_nothing(served: Served, bucket: str) -> None:
    etag = served.client.put_object(Bucket=bucket, Key="key", Body=b"first", IfNoneMatch="*")["ETag"]

    with refused("PreconditionFailed", 412):
        served.client.put_object(Bucket=bucket, Key="key", Body=b"second", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        served.client.put_object(Bucket=bucket, Key="key", Body=b"second", IfMatch='"other"')
    with refused("NoSuchKey", 404):
        served.client.put_object(Bucket=bucket, Key="nothing", Body=b"second", IfMatch=etag)
    assert served.stored(bucket, "key") == b"first"
    served.client.put_object(Bucket=bucket, Key="key", Body=b"second", IfMatch=etag)
    assert served.stored(bucket, "key") == b"second"


@pytest.mark.verifies("s3.ranges")
@where_not_lacking("conditional-reads")
def test_a_conditional_get_is_answered_by_the_state_of_the_object(served: Served, bucket: str) -> None:
    etag = served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN)["ETag"]

    assert served.client.get_object(Bucket=bucket, Key="key", IfMatch=etag)["Body"].read() == PLAIN
    with refused("PreconditionFailed", 412):
        served.client.get_object(Bucket=bucket, Key="key", IfMatch='"other"')
    with refused("304", 304):
        served.client.get_object(Bucket=bucket, Key="key", IfNoneMatch=etag)


@pytest.mark.verifies("s3.metadata")
@where_not_lacking("tagging")
def test_tags_come_back(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"", Tagging="Source=GoPro&Note=a%20b")

    tags = served.client.get_object_tagging(Bucket=bucket, Key="key")["TagSet"]

    assert {tag["Key"]: tag["Value"] for tag in tags} == {"Source": "GoPro", "Note": "a b"}


@pytest.mark.verifies("s3.listing")
@where_not_lacking("attributes")
def test_attributes_tell_size_and_class(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN, StorageClass="STANDARD_IA")

    told = served.client.get_object_attributes(
        Bucket=bucket, Key="key", ObjectAttributes=["ObjectSize", "StorageClass"]
    )

    assert (told["ObjectSize"], told["StorageClass"]) == (10_000, "STANDARD_IA")


@pytest.mark.verifies("s3.signatures")
@pytest.mark.parametrize(
    ("access_key", "secret", "code"),
    [("AKIACONFORMANCE", "wrong", "SignatureDoesNotMatch"), ("AKIAUNKNOWN", "wrong", "InvalidAccessKeyId")],
)
@both
def test_a_caller_who_cannot_sign_is_refused(
    served: Served, bucket: str, access_key: str, secret: str, code: str
) -> None:
    stranger = boto3.client(
        "s3",
        endpoint_url=served.client.meta.endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        region_name=REGION,
    )
    try:
        with pytest.raises(ClientError, match=code):
            stranger.put_object(Bucket=bucket, Key="key", Body=b"")
    finally:
        stranger.close()
