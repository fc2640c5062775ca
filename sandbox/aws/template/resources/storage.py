"""S3 buckets, in the sandbox's own server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.template.cloud import NO_ACTIONS, Cloud, emulates, only
from sandbox.aws.template.model import Created, DeployError, Resource
from sandbox.s3 import BucketConfig

_RECORDED = {
    "LifecycleConfiguration": "objects do not age here",
    "OwnershipControls": "there is one account and no ACL",
    "PublicAccessBlockConfiguration": "the server listens on loopback and has no public access",
    "Tags": "bucket tags are kept nowhere",
}


@emulates("AWS::S3::Bucket", applied=("BucketName", "BucketEncryption", "VersioningConfiguration"), recorded=_RECORDED)
def bucket(cloud: Cloud, resource: Resource) -> Created:
    """Create a bucket with its default encryption and versioning."""
    properties = resource.properties
    name = cloud.name_for(resource, properties.get("BucketName"), limit=63).lower()
    versioning = properties.get("VersioningConfiguration", {})
    only(resource, versioning, "Status")
    config = BucketConfig(
        name=name,
        versioned=versioning.get("Status") == "Enabled",
        recorded={key: properties[key] for key in _RECORDED if key in properties},
        **_encryption(cloud, resource),
    )
    cloud.s3.create_bucket(config)
    domain = f"{name}.s3.{cloud.region}.amazonaws.com"
    attributes = {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com", "RegionalDomainName": domain}
    return Created(name, attributes)


def _encryption(cloud: Cloud, resource: Resource) -> dict[str, Any]:
    encryption: Mapping[str, Any] = resource.properties.get("BucketEncryption", {})
    only(resource, encryption, "ServerSideEncryptionConfiguration")
    rules = encryption.get("ServerSideEncryptionConfiguration", [])
    if not rules:
        return {}
    if len(rules) > 1:
        raise DeployError(f"{resource.logical_id}: a bucket has one encryption rule, not {len(rules)}")
    rule = rules[0]
    only(resource, rule, "ServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes")
    if "BlockedEncryptionTypes" in rule:
        cloud.record(resource, "BlockedEncryptionTypes", "the server refuses customer-provided keys in any bucket")
    default = rule["ServerSideEncryptionByDefault"]
    only(resource, default, "SSEAlgorithm", "KMSMasterKeyID")
    return {
        "sse_algorithm": default["SSEAlgorithm"],
        "kms_key_arn": default.get("KMSMasterKeyID"),
        "bucket_key": bool(rule.get("BucketKeyEnabled", False)),
    }


@emulates("AWS::S3::BucketPolicy", applied=("Bucket",), recorded={"PolicyDocument": NO_ACTIONS})
def bucket_policy(_cloud: Cloud, resource: Resource) -> Created:
    """Record the policy; nothing enforces it."""
    return Created(resource.properties["Bucket"])
