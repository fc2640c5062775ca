"""Single objects, on both servers: the bytes and what was said about them come back, refusals are S3's."""

from __future__ import annotations

import hashlib
import os

import pytest

from tests.conformance.servers import Served, both, where_not_lacking
from tests.sandbox.s3_support import refused

PLAIN = b"0123456789" * 1000
SIZES = [0, 1, 1023, 8191, 8192, 8193, 65_537, 262_144, 262_145, 1_048_577, 5_000_011]
KEYS = [
    "a/b/c.mp4",
    "a b",
    " lead",
    "a+b",
    "a%20b",
    "ü/日本 語+&=%25?.mp4",
    "q'uo\"te",
    "tilde~(1)!*",
    "semi;colon,=:@$",
]
ODD_KEYS = ["a//b", ".", "../up", "dir/"]


@pytest.mark.verifies("s3.conformance")
@pytest.mark.verifies("s3.put")
@pytest.mark.parametrize("size", SIZES)
@both
def test_what_was_put_comes_back_byte_for_byte(served: Served, bucket: str, size: int) -> None:
    body = os.urandom(size)

    put = served.client.put_object(Bucket=bucket, Key="key", Body=body)
    got = served.client.get_object(Bucket=bucket, Key="key")

    assert got["Body"].read() == body
    assert (got["ContentLength"], got["ETag"]) == (size, put["ETag"])
    assert put["ETag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    assert served.stored(bucket, "key") == body


@pytest.mark.verifies("s3.conformance")
@pytest.mark.verifies("s3.put")
@pytest.mark.parametrize("key", KEYS)
@both
def test_a_key_is_kept_as_it_is(served: Served, bucket: str, key: str) -> None:
    served.client.put_object(Bucket=bucket, Key=key, Body=key.encode())

    assert served.client.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [entry["Key"] for entry in served.client.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert served.stored(bucket, key) == key.encode()


@pytest.mark.verifies("s3.put")
@pytest.mark.parametrize("key", ODD_KEYS)
@where_not_lacking("odd-keys")
def test_a_key_that_no_file_could_have_is_kept_as_it_is(served: Served, bucket: str, key: str) -> None:
    served.client.put_object(Bucket=bucket, Key=key, Body=b"body")

    assert [entry["Key"] for entry in served.client.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


@pytest.mark.verifies("s3.metadata")
@both
def test_what_was_said_about_an_object_comes_back(served: Served, bucket: str) -> None:
    served.client.put_object(
        Bucket=bucket,
        Key="key",
        Body=PLAIN,
        Metadata={"media-id": "42"},
        ContentType="video/mp4",
        ContentDisposition="inline",
        StorageClass="GLACIER_IR",
        ServerSideEncryption="AES256",
    )

    head = served.client.head_object(Bucket=bucket, Key="key")

    assert (head["ContentLength"], head["ContentType"], head["ContentDisposition"]) == (10_000, "video/mp4", "inline")
    assert {name.lower(): value for name, value in head["Metadata"].items()} == {"media-id": "42"}
    assert (head["StorageClass"], head["ServerSideEncryption"]) == ("GLACIER_IR", "AES256")


@pytest.mark.verifies("s3.put")
@both
def test_a_second_put_replaces_the_object(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN, Metadata={"version": "1"})
    served.client.put_object(Bucket=bucket, Key="key", Body=b"short")

    got = served.client.get_object(Bucket=bucket, Key="key")

    assert (got["Body"].read(), got["Metadata"]) == (b"short", {})
    assert served.stored(bucket, "key") == b"short"


@pytest.mark.verifies("s3.ranges")
@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-99", 10, 99),
        ("bytes=9999-", 9999, 9999),
        ("bytes=-7", 9993, 9999),
        ("bytes=9000-20000", 9000, 9999),
    ],
)
@both
def test_a_range_is_exactly_what_was_asked_for(served: Served, bucket: str, header: str, first: int, last: int) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN)

    got = served.client.get_object(Bucket=bucket, Key="key", Range=header)

    assert got["Body"].read() == PLAIN[first : last + 1]
    assert got["ContentRange"] == f"bytes {first}-{last}/10000"


@pytest.mark.verifies("s3.ranges")
@where_not_lacking("partial-content")
def test_part_of_an_object_is_answered_as_such(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN)

    for header, size in (("bytes=5-9", 5), ("bytes=-20000", 10_000)):
        got = served.client.get_object(Bucket=bucket, Key="key", Range=header)
        assert (got["ResponseMetadata"]["HTTPStatusCode"], len(got["Body"].read())) == (206, size)
        head = served.client.head_object(Bucket=bucket, Key="key", Range=header)
        assert (head["ResponseMetadata"]["HTTPStatusCode"], head["ContentLength"]) == (206, size)


@pytest.mark.verifies("s3.ranges")
@both
def test_a_range_beyond_the_end_is_refused(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=PLAIN)

    with refused("InvalidRange", 416):
        served.client.get_object(Bucket=bucket, Key="key", Range="bytes=10000-")


@pytest.mark.verifies("s3.put")
@both
def test_what_is_not_there_is_a_404(served: Served, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        served.client.get_object(Bucket=bucket, Key="nothing")
    with refused("404", 404):
        served.client.head_object(Bucket=bucket, Key="nothing")
    with refused("NoSuchBucket", 404):
        served.client.get_object(Bucket="elsewhere", Key="key")


@pytest.mark.verifies("s3.put")
@both
def test_a_key_of_more_than_1024_bytes_is_refused(served: Served, bucket: str) -> None:
    with refused("KeyTooLongError", 400):
        served.client.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")
