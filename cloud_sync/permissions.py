"""What each function may do, written out action by action; ``docs/SECURITY.md`` has the same as a table.

CDK's ``grant_*`` methods give more than is needed (legal holds, scans, deletes) and miss what is (ListParts), so the
statements are our own. Nothing here may delete or overwrite an object of the archive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from cloud_sync.archive_construct import MEDIA_PREFIX
from cloud_sync.runs_construct import RUNS_PREFIX
from cloud_sync.secret_construct import CredentialsSecret
from cloud_sync.tracker_construct import RUN_INDEX

LOCK_PARTITION = "LOCK"
"""The tracker's partition of the run lock: the only rows that a function may delete or write whole."""

RUN_PARTITIONS = "RUN#*"
"""The tracker's partitions of runs: the only rows that ``multipart_uploader`` may change (a run's stop flag)."""

Conditions = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The stack's resources that functions work with."""

    key: kms.IKey
    archive: s3.IBucket
    runs: s3.IBucket
    tracker: dynamodb.ITable
    secret: CredentialsSecret
    topic: sns.ITopic


def run_control(resources: Resources) -> list[iam.PolicyStatement]:
    """Lock, input check, report: the tracker and the runs bucket, never media and never the cookies' value."""
    return [
        _tracker(resources, "GetItem", "BatchGetItem", "UpdateItem", "Query"),
        _allow(["dynamodb:Query"], [f"{resources.tracker.table_arn}/index/{RUN_INDEX}"]),
        _tracker(resources, "PutItem", "DeleteItem", condition=_partition("StringEquals", LOCK_PARTITION)),
        *_run_files(resources),
        _allow(["secretsmanager:DescribeSecret"], [resources.secret.arn]),
        _allow(["sns:Publish"], [resources.topic.topic_arn]),
    ]


def media_lister(resources: Resources) -> list[iam.PolicyStatement]:
    """Read the library's listing, write rows and the manifest."""
    return [
        _read_secret(resources),
        _tracker(resources, "BatchGetItem", "UpdateItem"),
        *_run_files(resources),
    ]


def video_downloader(resources: Resources) -> list[iam.PolicyStatement]:
    """Open, fill, complete, look at and abort uploads; make new objects, never a second version of one.

    The two PutObject statements are those of the S3 user guide's "Enforce conditional writes": what makes an object
    visible must carry ``If-None-Match``, which creating an upload and sending a part cannot. They are in the role and
    not in the bucket's policy, because there they would also forbid the owner every copy within the bucket, such as a
    restored object back into STANDARD.
    """
    media = [_media(resources)]
    return [
        _read_secret(resources),
        # A piece is written in a transaction that checks its medium's row.
        _tracker(resources, "GetItem", "UpdateItem", "ConditionCheckItem", "Query"),
        _allow(["s3:PutObject"], media, {"Null": {"s3:if-none-match": "false"}}),
        _upload_parts(resources),
        _allow(
            [
                "s3:PutObjectTagging",  # of the request that makes the object, PutObject or CreateMultipartUpload
                "s3:GetObject",  # HEAD and its checksum
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            media,
        ),
        # Only with it is a missing key answered with 404 instead of 403. IfExists: a HEAD carries no prefix at all.
        _allow(
            ["s3:ListBucket"],
            [resources.archive.bucket_arn],
            {"StringLikeIfExists": {"s3:prefix": f"{MEDIA_PREFIX}*"}},
        ),
        # ListMultipartUploads knows no prefix condition.
        _allow(["s3:ListBucketMultipartUploads"], [resources.archive.bucket_arn]),
        _use_key(resources, "GenerateDataKey", "Decrypt"),
    ]


def multipart_uploader(resources: Resources) -> list[iam.PolicyStatement]:
    """Send parts of an upload that is open. It can make no object visible, and change no row of a medium."""
    return [
        _read_secret(resources),
        _tracker(resources, "GetItem"),
        _tracker(resources, "UpdateItem", condition=_partition("StringLike", RUN_PARTITIONS)),
        _upload_parts(resources),
        _allow(["s3:ListMultipartUploadParts"], [_media(resources)]),
        _use_key(resources, "Decrypt"),
    ]


def own_logs(log_group_arn: str) -> iam.PolicyStatement:
    """Write to the function's own log group, which the stack creates."""
    return _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group_arn])


def _media(resources: Resources) -> str:
    return resources.archive.arn_for_objects(f"{MEDIA_PREFIX}*")


def _upload_parts(resources: Resources) -> iam.PolicyStatement:
    """CreateMultipartUpload and UploadPart: the PutObject operations that make nothing visible."""
    return _allow(["s3:PutObject"], [_media(resources)], {"Bool": {"s3:ObjectCreationOperation": "false"}})


def _use_key(resources: Resources, *operations: str) -> iam.PolicyStatement:
    """Use the key through S3 and for this bucket only.

    GenerateDataKey is asked of PutObject and CreateMultipartUpload; Decrypt of UploadPart, Complete, ListParts and a
    HEAD for the checksum (S3 user guide, "Multipart upload API and permissions"; API reference, HeadObject). Without
    Decrypt, S3 completes an upload with no checksum at all.

    With a bucket key the encryption context is the bucket's ARN, without one the object's (user guide, "Reducing the
    cost of SSE-KMS with Amazon S3 Bucket Keys"): an adopted bucket may have none, or objects from before it had.
    """
    return _allow(
        [f"kms:{operation}" for operation in operations],
        [resources.key.key_arn],
        {
            "StringEquals": {"kms:ViaService": f"s3.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [resources.archive.bucket_arn, _media(resources)]},
        },
    )


def _read_secret(resources: Resources) -> iam.PolicyStatement:
    return _allow(["secretsmanager:GetSecretValue"], [resources.secret.arn])


def _tracker(resources: Resources, *operations: str, condition: Conditions | None = None) -> iam.PolicyStatement:
    return _allow([f"dynamodb:{operation}" for operation in operations], [resources.tracker.table_arn], condition)


def _partition(operator: str, value: str) -> Conditions:
    return {f"ForAllValues:{operator}": {"dynamodb:LeadingKeys": [value]}}


def _run_files(resources: Resources) -> list[iam.PolicyStatement]:
    return [
        _allow(["s3:GetObject", "s3:PutObject"], [resources.runs.arn_for_objects(f"{RUNS_PREFIX}*")]),
        # Without it a missing file is answered with 403 instead of 404. IfExists: a GET carries no prefix.
        _allow(
            ["s3:ListBucket"], [resources.runs.bucket_arn], {"StringLikeIfExists": {"s3:prefix": f"{RUNS_PREFIX}*"}}
        ),
    ]


def _allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Conditions | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
