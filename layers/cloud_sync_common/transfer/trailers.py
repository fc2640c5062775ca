"""Where a boto3 client puts a streamed body's checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud_sync_common.transfer.body import BodySection, SourceBody

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OPERATIONS = ("PutObject", "UploadPart")
"""The S3 operations that carry a body."""


def checksums_behind_bodies(client: S3Client) -> None:
    """Have botocore send them as a trailer by http as by https: before a body they would cost reading it twice."""
    for operation in OPERATIONS:
        client.meta.events.register(f"before-call.s3.{operation}", _choose)


def _choose(params: dict[str, Any], context: dict[str, Any], **_others: Any) -> None:
    if isinstance(params["body"], SourceBody | BodySection):
        context["checksum"]["request_algorithm"]["in"] = "trailer"
