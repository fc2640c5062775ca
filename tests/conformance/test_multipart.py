"""Multipart uploads, on both servers: parts in any order, resumed from what is listed, joined, aborted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conformance.servers import Served, both, where_not_lacking
from tests.sandbox.s3_support import crc64, md5, refused

PART = 5 * 1024 * 1024
FIRST, SECOND, LAST = os.urandom(PART), os.urandom(PART + 17), b"the rest"
WHOLE = FIRST + SECOND + LAST


class Upload:
    """One multipart upload of ``key``."""

    def __init__(self, served: Served, bucket: str, key: str = "key", **options: Any) -> None:
        self.client = served.client
        self.where: dict[str, Any] = {"Bucket": bucket, "Key": key}
        created = self.client.create_multipart_upload(Bucket=bucket, Key=key, **options)
        self.where["UploadId"] = created["UploadId"]

    def send(self, number: int, body: bytes, **options: Any) -> dict[str, Any]:
        """Upload one part; its entry for Complete."""
        sent = self.client.upload_part(**self.where, PartNumber=number, Body=body, **options)
        return {"PartNumber": number, "ETag": sent["ETag"]}

    def parts(self) -> list[dict[str, Any]]:
        """What the server lists, as entries for Complete."""
        listed = self.client.list_parts(**self.where).get("Parts", [])
        return [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in listed]

    def complete(self, parts: Sequence[Any], **options: Any) -> Any:
        """Join these parts."""
        return self.client.complete_multipart_upload(**self.where, MultipartUpload={"Parts": parts}, **options)

    def abort(self) -> None:
        """End it without an object."""
        self.client.abort_multipart_upload(**self.where)


@pytest.mark.verifies("s3.conformance")
@pytest.mark.verifies("s3.multipart")
@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2], [3, 2, 1]])
@both
def test_parts_sent_in_any_order_become_the_whole(served: Served, bucket: str, order: list[int]) -> None:
    upload = Upload(served, bucket, Metadata={"media-id": "42"}, ContentType="video/mp4")
    bodies = {1: FIRST, 2: SECOND, 3: LAST}
    parts = {number: upload.send(number, bodies[number]) for number in order}

    done = upload.complete([parts[1], parts[2], parts[3]])

    got = served.client.get_object(Bucket=bucket, Key="key")
    assert got["Body"].read() == WHOLE == served.stored(bucket, "key")
    assert got["ContentType"] == "video/mp4"
    assert done["ETag"].endswith('-3"')
    assert {name.lower(): value for name, value in got["Metadata"].items()} == {"media-id": "42"}


@pytest.mark.verifies("s3.multipart")
@where_not_lacking("multipart-etags")
def test_the_etag_of_a_joined_object_is_that_of_its_complete(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)

    done = upload.complete([upload.send(1, LAST)])

    assert served.client.head_object(Bucket=bucket, Key="key")["ETag"] == done["ETag"]


@pytest.mark.verifies("s3.conformance")
@pytest.mark.verifies("s3.multipart")
@both
def test_an_upload_is_resumed_from_what_is_listed(served: Served, bucket: str) -> None:
    Upload(served, bucket).send(1, FIRST)

    (open_upload,) = served.client.list_multipart_uploads(Bucket=bucket)["Uploads"]
    where: dict[str, Any] = {"Bucket": bucket, "Key": "key", "UploadId": open_upload["UploadId"]}
    (there,) = served.client.list_parts(**where)["Parts"]
    assert (open_upload["Key"], there["PartNumber"], there["Size"]) == ("key", 1, PART)
    sent = served.client.upload_part(**where, PartNumber=2, Body=LAST)
    parts: Any = [{"PartNumber": 1, "ETag": there["ETag"]}, {"PartNumber": 2, "ETag": sent["ETag"]}]
    served.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})

    assert served.stored(bucket, "key") == FIRST + LAST
    assert "Uploads" not in served.client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.verifies("s3.multipart")
@both
def test_an_upload_is_invisible_until_it_is_completed_and_gone_when_aborted(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"before")
    upload = Upload(served, bucket)
    upload.send(1, LAST)

    assert served.client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"before"
    upload.abort()

    assert served.stored(bucket, "key") == b"before"
    assert "Uploads" not in served.client.list_multipart_uploads(Bucket=bucket)
    with refused("NoSuchUpload", 404):
        upload.send(2, LAST)
    with refused("NoSuchUpload", 404):
        upload.parts()
    with refused("NoSuchUpload", 404):
        upload.abort()


@pytest.mark.verifies("s3.multipart")
@both
def test_a_completed_upload_replaces_the_object_and_is_over(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"before")
    upload = Upload(served, bucket)
    parts = [upload.send(1, LAST)]

    upload.complete(parts)

    assert served.stored(bucket, "key") == LAST
    with refused("NoSuchUpload", 404):
        upload.complete(parts)


@pytest.mark.verifies("s3.multipart")
@both
def test_the_same_part_sent_again_is_one_part(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    upload.send(1, FIRST)
    upload.send(1, FIRST)
    upload.send(2, LAST)

    upload.complete(upload.parts())

    assert served.stored(bucket, "key") == FIRST + LAST


@pytest.mark.verifies("s3.multipart")
@both
def test_parts_listed_out_of_order_are_refused(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    parts = [upload.send(1, FIRST), upload.send(2, LAST)]

    with refused("InvalidPartOrder", 400):
        upload.complete(parts[::-1])
    with refused("404", 404):
        served.client.head_object(Bucket=bucket, Key="key")


@pytest.mark.verifies("s3.multipart")
@both
def test_a_part_of_another_etag_is_refused(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    part = upload.send(1, LAST)

    with refused("InvalidPart", 400):
        upload.complete([part | {"ETag": '"' + "0" * 32 + '"'}])
    with refused("404", 404):
        served.client.head_object(Bucket=bucket, Key="key")


@pytest.mark.verifies("s3.checksums")
@both
def test_a_part_that_is_not_that_of_its_md5_is_refused(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)

    with refused("BadDigest", 400):
        upload.send(1, LAST, ContentMD5=md5(b"other"))


@pytest.mark.verifies("s3.multipart")
@where_not_lacking("part-sizes")
def test_all_but_the_last_part_have_at_least_5_mib(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    parts = [upload.send(1, FIRST[:-1]), upload.send(2, LAST)]

    with refused("EntityTooSmall", 400):
        upload.complete(parts)


@pytest.mark.verifies("s3.object-size")
@where_not_lacking("object-size")
def test_a_whole_of_another_size_than_announced_is_refused(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    parts = [upload.send(1, LAST)]

    with refused("InvalidRequest", 400):
        upload.complete(parts, MpuObjectSize=len(LAST) + 1)


@pytest.mark.verifies("s3.multipart")
@where_not_lacking("refused-complete")
def test_after_a_refused_complete_the_upload_can_still_be_completed(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    parts = [upload.send(1, FIRST), upload.send(2, LAST)]
    with refused("InvalidPartOrder", 400):
        upload.complete(parts[::-1])

    upload.complete(parts)

    assert served.stored(bucket, "key") == FIRST + LAST


@pytest.mark.verifies("s3.conditional-writes")
@where_not_lacking("conditional-writes")
def test_a_conditional_complete_overwrites_nothing(served: Served, bucket: str) -> None:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"before")
    upload = Upload(served, bucket)
    parts = [upload.send(1, LAST)]

    with refused("PreconditionFailed", 412):
        upload.complete(parts, IfNoneMatch="*")
    assert served.stored(bucket, "key") == b"before"


@pytest.mark.verifies("s3.checksums")
@where_not_lacking("checksums")
def test_the_checksum_of_the_whole_is_checked_and_answered(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")
    parts = [upload.send(number, body, ChecksumAlgorithm="CRC64NVME") for number, body in ((1, FIRST), (2, LAST))]

    with refused("BadDigest", 400):
        upload.complete(parts, ChecksumCRC64NVME=crc64(FIRST))
    done = upload.complete(parts, ChecksumCRC64NVME=crc64(FIRST + LAST))

    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (crc64(FIRST + LAST), "FULL_OBJECT")


@pytest.mark.verifies("s3.listing")
@where_not_lacking("part-pages")
def test_parts_are_listed_page_by_page(served: Served, bucket: str) -> None:
    upload = Upload(served, bucket)
    sent = [upload.send(number, LAST) for number in (1, 2, 3)]

    pages = served.client.get_paginator("list_parts").paginate(**upload.where, PaginationConfig={"PageSize": 1})
    listed = [[part["ETag"] for part in page["Parts"]] for page in pages]

    assert listed == [[part["ETag"]] for part in sent]
