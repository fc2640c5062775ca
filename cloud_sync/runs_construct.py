"""The runs bucket: manifests, the Map's results and reports, apart from the media."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

RUNS_PREFIX = "runs/"
"""Every object of a run is under ``runs/<run>/``; roles are cut to it."""


class RunsBucket(Construct):
    """A bucket that empties itself: what a run writes expires after ``expiry_days``.

    Apart from the archive, so that the state machine has no rights on media; with SSE-S3, because Step Functions'
    own reader and writer would need the archive's key otherwise. RETAINed, because CloudFormation cannot delete a
    bucket with objects in it and nothing here may delete objects; left alone, it is empty and free after expiry.
    """

    def __init__(self, scope: Construct, construct_id: str, *, expiry_days: int) -> None:
        super().__init__(scope, construct_id)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="ExpireRuns",
                    expiration=cdk.Duration.days(expiry_days),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
