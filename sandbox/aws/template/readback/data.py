"""S3 buckets and DynamoDB tables, read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import Created, Resource
from sandbox.aws.template.readback.check import present, reads, tags_of
from sandbox.s3 import BucketConfig


@reads("AWS::S3::Bucket")
def bucket(cloud: Cloud, resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a bucket's configuration from the S3 server."""
    held = next(config for config in cloud.s3.buckets() if config.name == created.ref)
    status = "Enabled" if held.versioned else "Suspended"
    return {
        "BucketName": held.name,
        "VersioningConfiguration": {"Status": status},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [_rule(held, resource)]},
    }


def _rule(held: BucketConfig, resource: Resource) -> dict[str, Any]:
    default = present(SSEAlgorithm=held.sse_algorithm, KMSMasterKeyID=held.kms_key_arn)
    rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": held.bucket_key}
    # The server has one answer to customer-provided keys in any bucket, and the handler records that.
    asked = resource.properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [{}])[0]
    return rule | present(BlockedEncryptionTypes=asked.get("BlockedEncryptionTypes"))


@reads("AWS::S3::BucketPolicy")
def bucket_policy(_cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Return the bucket that the recorded policy is for."""
    return {"Bucket": created.ref}


@reads("AWS::DynamoDB::Table")
def table(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a table, its expiry, its backups and its tags."""
    client, name = cloud.client("dynamodb"), created.ref
    held = client.describe_table(TableName=name)["Table"]
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return present(
        TableName=held["TableName"],
        KeySchema=held["KeySchema"],
        AttributeDefinitions=held["AttributeDefinitions"],
        BillingMode=held.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        ProvisionedThroughput=held.get("ProvisionedThroughput"),
        GlobalSecondaryIndexes=held.get("GlobalSecondaryIndexes"),
        LocalSecondaryIndexes=held.get("LocalSecondaryIndexes"),
        DeletionProtectionEnabled=held.get("DeletionProtectionEnabled"),
        PointInTimeRecoverySpecification=_recovery(backups["PointInTimeRecoveryDescription"]),
        TimeToLiveSpecification={
            "AttributeName": expiry.get("AttributeName"),
            "Enabled": expiry["TimeToLiveStatus"] == "ENABLED",
        },
        Tags=tags_of(client.list_tags_of_resource(ResourceArn=held["TableArn"])["Tags"]),
    )


def _recovery(held: Mapping[str, Any]) -> dict[str, Any]:
    return present(
        PointInTimeRecoveryEnabled=held["PointInTimeRecoveryStatus"] == "ENABLED",
        RecoveryPeriodInDays=held.get("RecoveryPeriodInDays"),
    )
