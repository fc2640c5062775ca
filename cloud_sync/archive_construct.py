"""The archive bucket: where media live, and what nobody may do to them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cloud_sync.settings import MIB, Settings

MEDIA_PREFIX = "gopro-videos/"
"""Every archived object's key starts with it; roles and lifecycle rules are cut to it."""


class ArchiveBucket(Construct):
    """A versioned bucket under our own key that outlives the stack, or the adopted one, which is left as it is."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.bucket: s3.IBucket
        if settings.existing_bucket:
            self.bucket = s3.Bucket.from_bucket_name(self, "Bucket", settings.existing_bucket)
            return
        bucket = self._new_bucket(settings, key)
        _deny_other_encryption(bucket, key)
        _deny_version_deletion(bucket, settings.archive_admin_role)
        # The bucket stays when the stack goes, and must not stay without its policy.
        if bucket.policy is not None:
            bucket.policy.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        self.bucket = bucket

    def _new_bucket(self, settings: Settings, key: kms.IKey) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            blocked_encryption_types=[s3.BlockedEncryptionType.SSE_C],
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            lifecycle_rules=_lifecycle(settings),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )


def _lifecycle(settings: Settings) -> list[s3.LifecycleRule]:
    rules = [
        s3.LifecycleRule(
            id="AbortIncompleteUploads",
            # Longer than a run's pause between two nights, shorter than a month of paying for lost parts.
            abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
        ),
        s3.LifecycleRule(
            id="ExpireOldVersions",
            noncurrent_version_expiration=cdk.Duration.days(settings.noncurrent_expiry_days),
            expired_object_delete_marker=True,
        ),
    ]
    if settings.deep_archive_after_days:
        rules.append(
            s3.LifecycleRule(
                id="MediaToDeepArchive",
                prefix=MEDIA_PREFIX,
                # Small side files stay where they are: the move and DEEP_ARCHIVE's 40 KB per object cost more.
                object_size_greater_than=MIB,
                transitions=[
                    s3.Transition(
                        storage_class=s3.StorageClass.DEEP_ARCHIVE,
                        transition_after=cdk.Duration.days(settings.deep_archive_after_days),
                    )
                ],
            )
        )
    return rules


def _deny_other_encryption(bucket: s3.Bucket, key: kms.IKey) -> None:
    """Refuse uploads that name another key or no KMS at all; a request that names nothing gets the bucket's default.

    The headers are not demanded, because that would refuse the very requests that rely on default encryption.
    """
    rules = {
        "DenyOtherKeys": ("s3:x-amz-server-side-encryption-aws-kms-key-id", key.key_arn),
        "DenyOtherEncryption": ("s3:x-amz-server-side-encryption", "aws:kms"),
    }
    for sid, (condition, only) in rules.items():
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions={"StringNotEquals": {condition: only}, "Null": {condition: "false"}},
            )
        )


def _deny_version_deletion(bucket: s3.Bucket, admin_role: str) -> None:
    """Refuse the deletion of versions to everyone but the named role. Lifecycle expiry is not touched by policies."""
    bucket.add_to_resource_policy(
        iam.PolicyStatement(
            sid="DenyVersionDeletion",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:DeleteObjectVersion"],
            resources=[bucket.arn_for_objects("*")],
            conditions={"ArnNotEquals": {"aws:PrincipalArn": admin_role}} if admin_role else None,
        )
    )
