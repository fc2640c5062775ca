"""KMS, IAM and Secrets Manager, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import Created, Resource
from sandbox.aws.template.readback.check import present, reads, tags_of


@reads("AWS::KMS::Key")
def kms_key(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a key, its policy, its rotation and its tags."""
    client, key = cloud.client("kms"), created.ref
    metadata = client.describe_key(KeyId=key)["KeyMetadata"]
    rotation = client.get_key_rotation_status(KeyId=key)
    return present(
        Description=metadata.get("Description"),
        KeySpec=metadata.get("KeySpec"),
        KeyUsage=metadata.get("KeyUsage"),
        KeyPolicy=json.loads(client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]),
        EnableKeyRotation=rotation["KeyRotationEnabled"],
        Tags=tags_of(client.list_resource_tags(KeyId=key)["Tags"], "TagKey", "TagValue"),
    )


@reads("AWS::KMS::Alias")
def kms_alias(cloud: Cloud, resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read which key an alias leads to; the template may name the key by its id or its ARN."""
    metadata = cloud.client("kms").describe_key(KeyId=created.ref)["KeyMetadata"]
    names = {metadata["KeyId"], metadata["Arn"]}
    asked = resource.properties["TargetKeyId"]
    return {"AliasName": created.ref, "TargetKeyId": asked if asked in names else metadata["Arn"]}


@reads("AWS::IAM::Role")
def iam_role(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a role with its inline and managed policies."""
    client, name = cloud.client("iam"), created.ref
    role = client.get_role(RoleName=name)["Role"]
    attached = client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    names = client.list_role_policies(RoleName=name)["PolicyNames"]
    return present(
        RoleName=role["RoleName"],
        Path=role["Path"],
        Description=role.get("Description"),
        MaxSessionDuration=role.get("MaxSessionDuration"),
        AssumeRolePolicyDocument=role["AssumeRolePolicyDocument"],
        ManagedPolicyArns=[policy["PolicyArn"] for policy in attached],
        Policies=[_inline(client, name, policy) for policy in names],
        Tags=tags_of(client.list_role_tags(RoleName=name)["Tags"]),
    )


@reads("AWS::IAM::Policy")
def iam_policy(cloud: Cloud, resource: Resource, _created: Created) -> Mapping[str, Any]:
    """Read the policy from each of its roles; roles without it are missing from ``Roles``."""
    client, properties = cloud.client("iam"), resource.properties
    name = properties["PolicyName"]
    holders = [role for role in properties["Roles"] if name in client.list_role_policies(RoleName=role)["PolicyNames"]]
    documents = [_inline(client, role, name)["PolicyDocument"] for role in holders]
    other = next((document for document in documents if document != properties["PolicyDocument"]), None)
    document = properties["PolicyDocument"] if other is None else other
    return {"PolicyName": name, "Roles": holders, "PolicyDocument": document}


def _inline(client: Any, role: str, policy: str) -> dict[str, Any]:
    document = client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    return {"PolicyName": policy, "PolicyDocument": document}


@reads("AWS::SecretsManager::Secret", unread={"SecretString": "refused in a template"})
def secret(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a secret's description; its value is not looked at."""
    held = cloud.client("secretsmanager").describe_secret(SecretId=created.ref)
    return present(
        Name=held["Name"],
        Description=held.get("Description"),
        KmsKeyId=held.get("KmsKeyId"),
        Tags=tags_of(held.get("Tags", [])),
    )


@reads("AWS::SecretsManager::ResourcePolicy", unread={"BlockPublicPolicy": "a check at the time of the call"})
def secret_policy(cloud: Cloud, resource: Resource, _created: Created) -> Mapping[str, Any]:
    """Read the policy on a secret."""
    asked = resource.properties["SecretId"]
    held = cloud.client("secretsmanager").get_resource_policy(SecretId=asked)
    return {"SecretId": asked, "ResourcePolicy": json.loads(held["ResourcePolicy"])}
