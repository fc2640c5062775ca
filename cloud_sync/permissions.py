"""What each function may do, written out action by action.

CDK's ``grant_*`` methods give more than is needed (legal holds, scans, deletes) and miss what is (ListParts), so the
statements are our own. Nothing here may delete an object. Every action without a resource level is named as such.
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
"""The tracker's partition of the run lock: the only rows that a function may delete."""


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
        *_tracker(resources, "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query"),
        _allow(["dynamodb:Query"], [f"{resources.tracker.table_arn}/index/{RUN_INDEX}"]),
        _allow(
            ["dynamodb:DeleteItem"],
            [resources.tracker.table_arn],
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [LOCK_PARTITION]}},
        ),
        *_run_files(resources),
        _allow(["secretsmanager:DescribeSecret"], [resources.secret.arn]),
        _allow(["sns:Publish"], [resources.topic.topic_arn]),
    ]


def media_lister(resources: Resources) -> list[iam.PolicyStatement]:
    """Read the library's listing, write rows and the manifest."""
    return [
        _read_secret(resources),
        *_tracker(resources, "GetItem", "BatchGetItem", "UpdateItem"),
        *_run_files(resources),
    ]


def transfer(resources: Resources) -> list[iam.PolicyStatement]:
    """Move media into the archive: what video_downloader and multipart_uploader share."""
    media = resources.archive.arn_for_objects(f"{MEDIA_PREFIX}*")
    return [
        _read_secret(resources),
        *_tracker(resources, "GetItem", "UpdateItem", "ConditionCheckItem", "Query"),
        _allow(
            [
                "s3:PutObject",  # also Create, UploadPart and Complete
                "s3:PutObjectTagging",
                "s3:GetObject",  # HEAD and its checksum
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            [media],
        ),
        # Only with it is a missing key answered with 404 instead of 403. IfExists: a HEAD carries no prefix at all.
        _allow(
            ["s3:ListBucket"],
            [resources.archive.bucket_arn],
            {"StringLikeIfExists": {"s3:prefix": f"{MEDIA_PREFIX}*"}},
        ),
        # ListMultipartUploads knows no prefix condition.
        _allow(["s3:ListBucketMultipartUploads"], [resources.archive.bucket_arn]),
        # Decrypt: without it S3 completes a multipart upload with no checksum at all.
        _allow(
            ["kms:GenerateDataKey", "kms:Decrypt"],
            [resources.key.key_arn],
            {"StringEquals": {"kms:ViaService": f"s3.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"}},
        ),
    ]


def own_logs(log_group_arn: str) -> iam.PolicyStatement:
    """Write to the function's own log group, which the stack creates."""
    return _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group_arn])


def _read_secret(resources: Resources) -> iam.PolicyStatement:
    return _allow(["secretsmanager:GetSecretValue"], [resources.secret.arn])


def _tracker(resources: Resources, *operations: str) -> list[iam.PolicyStatement]:
    return [_allow([f"dynamodb:{operation}" for operation in operations], [resources.tracker.table_arn])]


def _run_files(resources: Resources) -> list[iam.PolicyStatement]:
    return [
        _allow(["s3:GetObject", "s3:PutObject"], [resources.runs.arn_for_objects(f"{RUNS_PREFIX}*")]),
        # Without it a missing file is answered with 403 instead of 404. IfExists: a GET carries no prefix.
        _allow(
            ["s3:ListBucket"], [resources.runs.bucket_arn], {"StringLikeIfExists": {"s3:prefix": f"{RUNS_PREFIX}*"}}
        ),
    ]


def _allow(
    actions: Sequence[str], resources: Sequence[str], conditions: dict[str, dict[str, object]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
