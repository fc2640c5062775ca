"""The runs bucket: requests, listings, manifests and reports, all small JSON or text under ``runs/<run id>/``."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cloud_sync_common.edges.aws_errors import AWS_ERRORS, Meaning, code_of, meaning_of
from cloud_sync_common.errors import AccessDenied, RunsBucketUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING_CODES = frozenset({"NoSuchKey", "404", "NotFound"})


class RunsBucket:
    """Reads and writes a run's documents; writing one again replaces it, so every step can be repeated.

    Raises ``AccessDenied`` or ``RunsBucketUnavailable``.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_json(self, key: str, document: object) -> None:
        """Store a document as compact JSON."""
        self._put(key, _compact(document), "application/json")

    def put_json_list(self, key: str, items: Iterable[object]) -> None:
        """Store a list as compact JSON; the items are taken one by one, so that only their text is ever held whole."""
        body = io.BytesIO()
        for item in items:
            body.write(b"," if body.tell() else b"[")
            body.write(_compact(item))
        body.write(b"]" if body.tell() else b"[]")
        self._put(key, body.getvalue(), "application/json")

    def put_text(self, key: str, text: str, content_type: str) -> None:
        """Store text as UTF-8."""
        self._put(key, text.encode(), content_type)

    def _put(self, key: str, body: bytes, content_type: str) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=body, ContentType=f"{content_type}; charset=utf-8"
            )
        except AWS_ERRORS as error:
            raise _translated(error) from error

    def get_json(self, key: str) -> Any:
        """The document under ``key``, or ``None`` when there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            return json.loads(answer["Body"].read())
        except AWS_ERRORS as error:
            if code_of(error) in MISSING_CODES:
                return None
            raise _translated(error) from error


LIBRARY_KEY = "runs/library.json"
"""What the latest whole listing showed; the one document here that is no run's own."""


def run_key(run_id: str, name: str) -> str:
    """The key of a run's document."""
    return f"runs/{run_id}/{name}"


def listing_key(run_id: str, page: int) -> str:
    """The key of one page of a run's listing."""
    return run_key(run_id, f"listing/{page:05d}.json")


def _compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _translated(error: Any) -> AccessDenied | RunsBucketUnavailable:
    if meaning_of(error) in (Meaning.DENIED, Meaning.REFUSED):
        return AccessDenied(f"S3 refuses access to the runs bucket ({code_of(error)})")
    return RunsBucketUnavailable(f"the runs bucket does not answer properly ({code_of(error)})")
