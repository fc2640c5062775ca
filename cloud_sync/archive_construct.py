"""The archive bucket: where media live, and what nobody may do to them."""

from __future__ import annotations

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cloud_sync.settings import Settings

MEDIA_PREFIX = "gopro-videos/"
"""Every archived object's key starts with it; roles and lifecycle rules are cut to it."""

SMALL_FILE_BYTES = 128 * 1024
"""Files below it are in STANDARD from the first byte on and stay there, whatever the archive's class (ADR 14): the
functions' ``SIDE_FILE_BYTES``, and the size below which S3 by itself moves nothing between classes."""

ABORT_UPLOADS_AFTER_DAYS = 7
"""Longer than a run's pause between two nights, shorter than a month of paying for lost parts. S3 charges no
early-delete fee for parts (user guide, "Uploading and copying objects using multipart upload")."""


class ArchiveBucket(Construct):
    """A versioned bucket under our own key that outlives the stack, or the adopted one, which is left as it is.

    The bucket's policy guards against slips and against stolen credentials of lesser roles, not against an
    administrator: whoever may change the policy, the lifecycle rules or the key can undo it. These changes are not
    refused, since deployments make them. The owner is never locked out: the account's root user may always read, write
    and delete a bucket's policy, whatever it says (S3 API reference, DeleteBucketPolicy).
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.bucket: s3.IBucket
        if settings.existing_bucket:
            self.bucket = s3.Bucket.from_bucket_name(self, "Bucket", settings.existing_bucket)
            return
        bucket = self._new_bucket(settings, key)
        _write_sizes_as_text(bucket, lifecycle_rules(settings))
        _deny_other_encryption(bucket, key)
        _deny_version_deletion(bucket, settings.archive_admin_role)
        # The bucket stays when the stack goes, and must not stay without its policy.
        if bucket.policy is not None:
            bucket.policy.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
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
            lifecycle_rules=lifecycle_rules(settings),
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )


def lifecycle_rules(settings: Settings) -> list[s3.LifecycleRule]:
    """Return what S3 does by itself as time passes. Current objects never expire.

    No rule ends a storage class before its minimum duration, given settings that ``settings_checks`` lets pass: media
    move on after it, and a replaced version is kept for the longest one from the day on which it was replaced.
    """
    rules = [
        s3.LifecycleRule(
            id="AbortIncompleteUploads",
            abort_incomplete_multipart_upload_after=cdk.Duration.days(ABORT_UPLOADS_AFTER_DAYS),
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
                object_size_greater_than=SMALL_FILE_BYTES - 1,
                transitions=[
                    s3.Transition(
                        storage_class=s3.StorageClass.DEEP_ARCHIVE,
                        transition_after=cdk.Duration.days(settings.deep_archive_after_days),
                    )
                ],
            )
        )
    return rules


def _write_sizes_as_text(bucket: s3.Bucket, rules: list[s3.LifecycleRule]) -> None:
    """CloudFormation's type of a rule's size is a text; the CDK writes a number, and then warns its user of it."""
    resource = cast("s3.CfnBucket", bucket.node.default_child)
    for index, rule in enumerate(rules):
        if rule.object_size_greater_than is not None:
            path = f"LifecycleConfiguration.Rules.{index}.ObjectSizeGreaterThan"
            resource.add_property_override(path, f"{rule.object_size_greater_than:.0f}")


def _deny_other_encryption(bucket: s3.Bucket, key: kms.IKey) -> None:
    """Refuse uploads that name another key or another way (AES256, two layers of KMS); naming none means our key.

    The headers are not demanded, because that would refuse the very requests that rely on default encryption. SSE-C has
    headers of its own and is blocked by the bucket's encryption rule.
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
    """Refuse the deletion of versions to everyone but the named role; to everyone while none is named.

    ``aws:PrincipalArn`` of a role's session is the ARN of the role, with its path (IAM user guide, "AWS global
    condition context keys"); an anonymous request has none and is refused. Deleting without a version only hides an
    object. The lifecycle rules are not hindered: "You can't use a bucket policy to prevent deletions or transitions by
    an S3 Lifecycle rule" (S3 user guide, "Managing the lifecycle of objects").
    """
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
