"""KMS, IAM and Secrets Manager."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.state.key_ids import fixed_key_id
from sandbox.aws.template.cloud import NO_ACTIONS, Cloud, emulates, given, only, tags
from sandbox.aws.template.model import Created, DeployError, Resource


@emulates(
    "AWS::KMS::Key",
    applied=("Description", "KeyPolicy", "EnableKeyRotation", "Tags", "KeySpec", "KeyUsage"),
    recorded={
        "PendingWindowInDays": "keys are never deleted here",
        "RotationPeriodInDays": "no key is ever rotated here, and moto forgets the period",
    },
)
def kms_key(cloud: Cloud, resource: Resource) -> Created:
    """Create a key; the S3 server names it in its answers, nothing is encrypted with it. Its id is always the same."""
    properties = resource.properties
    client = cloud.client("kms")
    wanted = given(properties, Description="Description", KeySpec="KeySpec", KeyUsage="KeyUsage")
    policy = json.dumps(properties["KeyPolicy"])
    with fixed_key_id(cloud.stack, resource.logical_id):
        made = client.create_key(**wanted, Policy=policy, Tags=tags(properties, "TagKey", "TagValue"))["KeyMetadata"]
    if properties.get("EnableKeyRotation"):
        client.enable_key_rotation(KeyId=made["KeyId"])
    cloud.record(resource, "KeyPolicy", NO_ACTIONS)
    return Created(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})


@emulates("AWS::KMS::Alias", applied=("AliasName", "TargetKeyId"))
def kms_alias(cloud: Cloud, resource: Resource) -> Created:
    """Create an alias of a key."""
    name = resource.properties["AliasName"]
    cloud.client("kms").create_alias(AliasName=name, TargetKeyId=resource.properties["TargetKeyId"])
    return Created(name)


@emulates(
    "AWS::IAM::Role",
    applied=(
        "AssumeRolePolicyDocument", "Description", "RoleName", "Path", "MaxSessionDuration", "ManagedPolicyArns",
        "Policies", "Tags",
    ),
)  # fmt: skip
def iam_role(cloud: Cloud, resource: Resource) -> Created:
    """Create a role with its inline and managed policies."""
    properties = resource.properties
    client = cloud.client("iam")
    name = cloud.name_for(resource, properties.get("RoleName"))
    optional = given(properties, Description="Description", Path="Path", MaxSessionDuration="MaxSessionDuration")
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    role = client.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags(properties), **optional)["Role"]
    for arn in properties.get("ManagedPolicyArns", []):
        client.attach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in properties.get("Policies", []):
        only(resource, policy, "PolicyName", "PolicyDocument")
        _put_policy(client, name, policy)
    return Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


@emulates("AWS::IAM::Policy", applied=("PolicyName", "PolicyDocument", "Roles"))
def iam_policy(cloud: Cloud, resource: Resource) -> Created:
    """Put an inline policy on roles."""
    for role in resource.properties["Roles"]:
        _put_policy(cloud.client("iam"), role, resource.properties)
    cloud.record(resource, "PolicyDocument", NO_ACTIONS)
    return Created(resource.properties["PolicyName"])


def _put_policy(client: Any, role: str, policy: Any) -> None:
    document = json.dumps(policy["PolicyDocument"])
    client.put_role_policy(RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=document)


@emulates("AWS::SecretsManager::Secret", applied=("Name", "Description", "KmsKeyId", "Tags", "SecretString"))
def secret(cloud: Cloud, resource: Resource) -> Created:
    """Create a secret without a value; a value in a template is readable by too many and is refused."""
    properties = resource.properties
    if "SecretString" in properties:
        raise DeployError(f"{resource.logical_id}: a secret's value must not be in the template")
    name = cloud.name_for(resource, properties.get("Name"))
    optional = given(properties, Description="Description", KmsKeyId="KmsKeyId")
    arn = cloud.client("secretsmanager").create_secret(Name=name, Tags=tags(properties), **optional)["ARN"]
    return Created(arn, {"Id": arn})


@emulates("AWS::SecretsManager::ResourcePolicy", applied=("SecretId", "ResourcePolicy", "BlockPublicPolicy"))
def secret_policy(cloud: Cloud, resource: Resource) -> Created:
    """Put a policy on a secret."""
    properties = resource.properties
    optional = given(properties, BlockPublicPolicy="BlockPublicPolicy")
    policy = json.dumps(properties["ResourcePolicy"])
    client = cloud.client("secretsmanager")
    client.put_resource_policy(SecretId=properties["SecretId"], ResourcePolicy=policy, **optional)
    cloud.record(resource, "ResourcePolicy", NO_ACTIONS)
    return Created(properties["SecretId"])
