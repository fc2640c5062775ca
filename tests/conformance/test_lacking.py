"""What rclone's server lacks, probed: a probe that fails here means that the suite may ask more of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.servers import LACKING, Served
from tests.conformance.test_multipart import FIRST, LAST, Upload
from tests.sandbox.s3_support import crc64


def _succeeds(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError:
        return False
    return True


def _checksums(served: Served, bucket: str) -> bool:
    return not _succeeds(
        lambda: served.client.put_object(Bucket=bucket, Key="key", Body=b"body", ChecksumCRC64NVME=crc64(b"other"))
    )


def _conditional_writes(served: Served, bucket: str) -> bool:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"first")
    return not _succeeds(lambda: served.client.put_object(Bucket=bucket, Key="key", Body=b"second", IfNoneMatch="*"))


def _conditional_reads(served: Served, bucket: str) -> bool:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"first")
    return not _succeeds(lambda: served.client.get_object(Bucket=bucket, Key="key", IfMatch='"other"'))


def _part_sizes(served: Served, bucket: str) -> bool:
    upload = Upload(served, bucket)
    parts = [upload.send(1, LAST), upload.send(2, LAST)]
    return not _succeeds(lambda: upload.complete(parts))


def _object_size(served: Served, bucket: str) -> bool:
    upload = Upload(served, bucket)
    parts = [upload.send(1, LAST)]
    return not _succeeds(lambda: upload.complete(parts, MpuObjectSize=1))


def _refused_complete(served: Served, bucket: str) -> bool:
    upload = Upload(served, bucket)
    parts = [upload.send(1, FIRST), upload.send(2, LAST)]
    refused = not _succeeds(lambda: upload.complete(parts[::-1]))
    return refused and _succeeds(lambda: upload.complete(parts))


def _part_pages(served: Served, bucket: str) -> bool:
    upload = Upload(served, bucket)
    for number in (1, 2, 3):
        upload.send(number, LAST)
    return served.client.list_parts(**upload.where, MaxParts=1)["NextPartNumberMarker"] == 1


def _tagging(served: Served, bucket: str) -> bool:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"", Tagging="a=b")
    return served.client.get_object_tagging(Bucket=bucket, Key="key").get("TagSet") == [{"Key": "a", "Value": "b"}]


def _attributes(served: Served, bucket: str) -> bool:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"")
    asked = served.client.get_object_attributes(Bucket=bucket, Key="key", ObjectAttributes=["ObjectSize"])
    return asked.get("ObjectSize") == 0


def _partial_content(served: Served, bucket: str) -> bool:
    served.client.put_object(Bucket=bucket, Key="key", Body=b"body")
    got = served.client.get_object(Bucket=bucket, Key="key", Range="bytes=1-2")
    partial = got["ResponseMetadata"]["HTTPStatusCode"] == 206
    return partial and _succeeds(lambda: served.client.get_object(Bucket=bucket, Key="key", Range="bytes=-9"))


def _multipart_etags(served: Served, bucket: str) -> bool:
    upload = Upload(served, bucket)
    done = upload.complete([upload.send(1, LAST)])
    return bool(served.client.head_object(Bucket=bucket, Key="key")["ETag"] == done["ETag"])


def _key_count(served: Served, bucket: str) -> bool:
    return "KeyCount" in served.client.list_objects_v2(Bucket=bucket)


def _odd_keys(served: Served, bucket: str) -> bool:
    return _succeeds(lambda: served.client.put_object(Bucket=bucket, Key="a//b", Body=b""))


PROBES: dict[str, Callable[[Served, str], bool]] = {
    "checksums": _checksums,
    "conditional-writes": _conditional_writes,
    "conditional-reads": _conditional_reads,
    "part-sizes": _part_sizes,
    "object-size": _object_size,
    "refused-complete": _refused_complete,
    "part-pages": _part_pages,
    "tagging": _tagging,
    "attributes": _attributes,
    "partial-content": _partial_content,
    "multipart-etags": _multipart_etags,
    "key-count": _key_count,
    "odd-keys": _odd_keys,
}


@pytest.mark.verifies("s3.conformance")
def test_every_lacking_capability_is_probed() -> None:
    assert PROBES.keys() == LACKING.keys()


@pytest.mark.verifies("s3.conformance")
@pytest.mark.parametrize("served", ["rclone"], indirect=True)
@pytest.mark.parametrize("capability", PROBES)
def test_rclone_still_lacks_what_the_table_says(served: Served, bucket: str, capability: str) -> None:
    assert not PROBES[capability](served, bucket), f"rclone has learnt {capability}: take it out of LACKING"


@pytest.mark.verifies("s3.conformance")
@pytest.mark.parametrize("served", ["ours"], indirect=True)
@pytest.mark.parametrize("capability", PROBES)
def test_our_server_has_what_rclone_lacks(served: Served, bucket: str, capability: str) -> None:
    assert PROBES[capability](served, bucket)
