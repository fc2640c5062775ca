"""The runs bucket: small documents, written again at will, and absence told from trouble."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from cloud_sync_common.edges.runs_bucket import RunsBucket, listing_key, run_key
from cloud_sync_common.errors import AccessDenied, RunsBucketUnavailable
from tests.support.aws import RUNS, Account, make_client

KEY = run_key("r1", "report.json")


def test_a_document_comes_back_as_it_was(aws: Account) -> None:
    runs, document = aws.runs(), {"media": [{"filename": "Überschlag 🤸.MP4", "size": 2**60}], "none": None}
    runs.put_json(KEY, document)
    assert runs.get_json(KEY) == document


def test_writing_again_replaces(aws: Account) -> None:
    runs = aws.runs()
    runs.put_json(KEY, {"reading": 1})
    runs.put_json(KEY, {"reading": 2})
    assert runs.get_json(KEY) == {"reading": 2}


def test_a_document_that_is_not_there_is_none(aws: Account) -> None:
    assert aws.runs().get_json(KEY) is None


def test_text_says_what_it_is(aws: Account) -> None:
    aws.runs().put_text(KEY, "# Über", "text/markdown")
    answer = make_client("s3").get_object(Bucket=RUNS, Key=KEY)
    with answer["Body"] as body:
        assert body.read() == "# Über".encode()
    assert answer["ContentType"] == "text/markdown; charset=utf-8"


def test_a_bucket_that_is_not_there_is_no_missing_document(aws: Account) -> None:
    with pytest.raises(AccessDenied, match="NoSuchBucket"):
        RunsBucket(make_client("s3"), "another").get_json(KEY)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("AccessDenied", 403, AccessDenied),
        ("SlowDown", 503, RunsBucketUnavailable),
        ("InternalError", 500, RunsBucketUnavailable),
        ("RequestTimeTooSkewed", 403, RunsBucketUnavailable),
    ],
)
def test_s3s_errors_mean_what_the_workflow_has_to_do(code: str, status: int, expected: type[Exception]) -> None:
    client = make_client("s3")
    with Stubber(client) as stubber:
        for operation in ("get_object", "put_object"):
            stubber.add_client_error(operation, service_error_code=code, http_status_code=status)
        with pytest.raises(expected, match=code):
            RunsBucket(client, RUNS).get_json(KEY)
        with pytest.raises(expected, match=code):
            RunsBucket(client, RUNS).put_json(KEY, {})


def test_pages_of_a_listing_sort_in_order() -> None:
    keys = [listing_key("r1", page) for page in (1, 2, 10, 100, 10_000)]
    assert keys == sorted(keys)
    assert keys[0] == "runs/r1/listing/00001.json"
