"""Listings: complete, in order, and the same whatever the size of a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.s3 import BucketConfig, S3Server
from tests.sandbox.s3_support import (
    BUCKET,
    PART,
    REGION,
    client_of,
    complete,
    connected,
    crc64,
    open_upload,
    put_parts,
    refused,
    request_bytes,
    serving,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS = ["a", "b/1", "b/2", "b/3/x", "c", "d/1", "é", "日"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def client(server: S3Server) -> Iterator[S3Client]:
    with client_of(server) as client:
        yield client


def _fill(client: S3Client) -> None:
    for key in reversed(KEYS):
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), StorageClass="STANDARD_IA")


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages_of_any_size_list_the_same_keys_in_order(client: S3Client, size: int) -> None:
    _fill(client)

    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": size})
    listed = [entry for page in pages for entry in page.get("Contents", [])]

    assert [entry["Key"] for entry in listed] == KEYS
    assert [entry["Size"] for entry in listed] == [len(key.encode()) for key in KEYS]
    assert {entry["StorageClass"] for entry in listed} == {"STANDARD_IA"}


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_delimiter_rolls_keys_up_once(client: S3Client, size: int) -> None:
    _fill(client)

    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": size}
    )
    keys, prefixes = [], []
    for page in pages:
        keys += [entry["Key"] for entry in page.get("Contents", [])]
        prefixes += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]

    assert keys == ["a", "c", "é", "日"]
    assert prefixes == ["b/", "d/"]


def test_prefix_and_start_after_narrow_a_listing(client: S3Client) -> None:
    _fill(client)

    listed = client.list_objects_v2(Bucket=BUCKET, Prefix="b/", StartAfter="b/1")["Contents"]

    assert [entry["Key"] for entry in listed] == ["b/2", "b/3/x"]
    assert client.list_objects_v2(Bucket=BUCKET, Prefix="nothing")["KeyCount"] == 0
    assert client.list_objects_v2(Bucket=BUCKET, MaxKeys=0)["IsTruncated"] is False
    with refused("InvalidArgument", 400):
        client.list_objects_v2(Bucket=BUCKET, ContinuationToken="!")


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_open_uploads_are_listed_by_key_and_age(client: S3Client, size: int) -> None:
    expected = [("a", open_upload(client, "a")), ("b/1", open_upload(client, "b/1"))]
    expected += [("b/2", open_upload(client, "b/2")), ("b/2", open_upload(client, "b/2"))]

    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": size})
    listed = [upload for page in pages for upload in page.get("Uploads", [])]

    assert sorted((upload["Key"], upload["UploadId"]) for upload in listed) == sorted(expected)
    assert [upload["Key"] for upload in listed] == ["a", "b/1", "b/2", "b/2"]
    assert {upload["ChecksumAlgorithm"] for upload in listed} == {"CRC64NVME"}
    narrowed = client.list_multipart_uploads(Bucket=BUCKET, Prefix="b/2")["Uploads"]
    assert {upload["UploadId"] for upload in narrowed} == {upload_id for key, upload_id in expected if key == "b/2"}


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_parts_are_listed_with_their_checksums_page_by_page(client: S3Client, size: int) -> None:
    upload_id = open_upload(client, "key", StorageClass="GLACIER_IR")
    bodies = [b"one", b"two", b"three"]
    sent = put_parts(client, "key", upload_id, *bodies)

    pages = client.get_paginator("list_parts").paginate(
        Bucket=BUCKET, Key="key", UploadId=upload_id, PaginationConfig={"PageSize": size}
    )
    listed = [(page["ChecksumType"], part) for page in pages for part in page["Parts"]]

    assert [part["PartNumber"] for _, part in listed] == [1, 2, 3]
    assert [part["ETag"] for _, part in listed] == [part["ETag"] for part in sent]
    assert [part["ChecksumCRC64NVME"] for _, part in listed] == [crc64(body) for body in bodies]
    assert [(part["Size"], kind) for kind, part in listed] == [(len(body), "FULL_OBJECT") for body in bodies]


def test_buckets_are_listed_and_can_be_asked_for(server: S3Server, client: S3Client) -> None:
    server.create_bucket(BucketConfig("runs"))

    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == [BUCKET, "runs"]
    assert client.head_bucket(Bucket="runs")["BucketRegion"] == REGION


@pytest.mark.verifies("s3.listing")
def test_attributes_tell_checksum_size_and_number_of_parts(client: S3Client) -> None:
    upload_id = open_upload(client, "key")
    complete(client, "key", upload_id, put_parts(client, "key", upload_id, b"body"))

    attributes = client.get_object_attributes(
        Bucket=BUCKET, Key="key", ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize", "StorageClass"]
    )

    assert attributes["Checksum"]["ChecksumCRC64NVME"] == crc64(b"body")
    assert attributes["ObjectParts"]["TotalPartsCount"] == 1
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (4, "STANDARD")
    assert "ETag" not in attributes


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_attributes_list_the_parts_of_a_composite_checksum_page_by_page(client: S3Client, size: int) -> None:
    upload_id = open_upload(client, "key", ChecksumAlgorithm="SHA256")
    parts = []
    for number, body in enumerate((bytes(PART), b"rest"), 1):
        sent = client.upload_part(
            Bucket=BUCKET, Key="key", UploadId=upload_id, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256"
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]})
    done = complete(client, "key", upload_id, parts)

    listed: list[tuple[int, int, str]] = []
    marker, more = 0, True
    while more and len(listed) < 3:
        page = client.get_object_attributes(
            Bucket=BUCKET,
            Key="key",
            ObjectAttributes=["Checksum", "ObjectParts"],
            MaxParts=size,
            PartNumberMarker=marker,
        )
        assert page["Checksum"]["ChecksumSHA256"] == done["ChecksumSHA256"]
        told = page["ObjectParts"]
        assert len(told["Parts"]) <= size
        listed += [(part["PartNumber"], part["Size"], part["ChecksumSHA256"]) for part in told["Parts"]]
        marker, more = told["NextPartNumberMarker"], told["IsTruncated"]

    assert listed == [(1, PART, parts[0]["ChecksumSHA256"]), (2, 4, parts[1]["ChecksumSHA256"])]
    assert done["ChecksumSHA256"].endswith("-2")


@pytest.mark.verifies("s3.listing")
def test_no_page_of_parts_is_longer_than_1000(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server) as client, connected(server) as connection:
        upload_id = open_upload(client, "key")
        for number in range(1, 1003):
            target = f"/{BUCKET}/key?partNumber={number}&uploadId={upload_id}"
            connection.sendall(request_bytes(server, "PUT", target, b"x"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        asked: Any = {"Bucket": BUCKET, "Key": "key", "UploadId": upload_id}
        first = client.list_parts(**asked, MaxParts=5000)
        second = client.list_parts(**asked, PartNumberMarker=first["NextPartNumberMarker"])

    assert (len(first["Parts"]), first["IsTruncated"], first["NextPartNumberMarker"]) == (1000, True, 1000)
    assert ([part["PartNumber"] for part in second["Parts"]], second["IsTruncated"]) == ([1001, 1002], False)
