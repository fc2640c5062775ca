"""Listings, on both servers: complete, in the order of UTF-8 bytes, the same whatever the size of a page."""

from __future__ import annotations

import pytest

from tests.conformance.servers import Served, both, where_not_lacking

KEYS = ["a", "b/1", "b/2", "b/3/x", "b0", "c", "d e/1", "é", "日"]


def _fill(served: Served, bucket: str) -> None:
    for key in reversed(KEYS):
        served.client.put_object(Bucket=bucket, Key=key, Body=key.encode())


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize("size", [1, 2, 4, 1000])
@both
def test_pages_of_any_size_list_the_same_keys_in_order(served: Served, bucket: str, size: int) -> None:
    _fill(served, bucket)

    pages = served.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
    listed = [(entry["Key"], entry["Size"]) for page in pages for entry in page.get("Contents", [])]

    assert listed == [(key, len(key.encode())) for key in KEYS]


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize("size", [1, 3, 1000])
@both
def test_a_delimiter_rolls_keys_up_once(served: Served, bucket: str, size: int) -> None:
    _fill(served, bucket)

    pages = list(
        served.client.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
        )
    )

    assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == ["a", "b0", "c", "é", "日"]
    assert [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])] == ["b/", "d e/"]


@pytest.mark.verifies("s3.listing")
@pytest.mark.parametrize(("prefix", "expected"), [("b", KEYS[1:5]), ("b/", KEYS[1:4]), ("d e", ["d e/1"]), ("x", [])])
@both
def test_a_prefix_narrows_a_listing(served: Served, bucket: str, prefix: str, expected: list[str]) -> None:
    _fill(served, bucket)

    listed = served.client.list_objects_v2(Bucket=bucket, Prefix=prefix)

    assert [entry["Key"] for entry in listed.get("Contents", [])] == expected


@pytest.mark.verifies("s3.listing")
@both
def test_a_listing_may_start_after_a_key(served: Served, bucket: str) -> None:
    _fill(served, bucket)

    listed = served.client.list_objects_v2(Bucket=bucket, StartAfter="b/2")["Contents"]

    assert [entry["Key"] for entry in listed] == KEYS[3:]


@pytest.mark.verifies("s3.listing")
@both
def test_an_empty_bucket_lists_nothing(served: Served, bucket: str) -> None:
    listed = served.client.list_objects_v2(Bucket=bucket)

    assert (listed["IsTruncated"], "Contents" in listed) == (False, False)
    assert bucket in [entry["Name"] for entry in served.client.list_buckets()["Buckets"]]


@pytest.mark.verifies("s3.listing")
@where_not_lacking("key-count")
def test_a_listing_counts_keys_and_common_prefixes(served: Served, bucket: str) -> None:
    assert served.client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    _fill(served, bucket)

    assert served.client.list_objects_v2(Bucket=bucket)["KeyCount"] == len(KEYS)
    assert served.client.list_objects_v2(Bucket=bucket, Delimiter="/")["KeyCount"] == 7
