"""Removes a throw-away stage, what CloudFormation retains included. Touches no other stack, ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from smoke.checks import SmokeError
from smoke.stage import STAGE, stack_name

Clients = Callable[[str], Any]

KEY_DAYS = 7
"""Days that AWS keeps a key at least before it is deleted; it costs nothing meanwhile."""

_GONE = {"NoSuchBucket", "ResourceNotFoundException", "NotFoundException"}


def remove(clients: Clients, stage: str, tell: Callable[[str], object]) -> None:
    """Delete the stage's stack, then its buckets, table, secret and key; idempotent.

    Works on a stack in any state, also on one that is gone but has left something: CloudFormation lists a deleted
    stack's resources for 90 days (API reference, ListStackResources). Raises ``SmokeError`` for another stage's name.
    """
    check_name(stage)
    cloudformation = clients("cloudformation")
    stack = _stack_id(cloudformation, stack_name(stage))
    if stack is None:
        tell(f"there is no stack {stack_name(stage)} in this account and region")
        return
    known = dict(_resources(cloudformation, stack))
    tell(f"deleting the stack {stack_name(stage)}")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
    # Asked again: a stack that was still being made may have got more since.
    known |= dict(_resources(cloudformation, stack))
    for name, kind in known.items():
        if kind in _REMOVE:
            tell(_removed(clients, kind, name))


def check_name(stage: str) -> None:
    """Raise ``SmokeError`` for a name that no throw-away stage has."""
    if not STAGE.fullmatch(stage):
        raise SmokeError(f"{stage!r} is not a throw-away stage: their names look like smoke-12ab34")


def _stack_id(cloudformation: Any, name: str) -> str | None:
    """The id of the newest stack of that name: a deleted one is known by its id alone."""
    pages = cloudformation.get_paginator("list_stacks").paginate()
    stacks = [each for page in pages for each in page["StackSummaries"] if each["StackName"] == name]
    newest = max(stacks, key=lambda each: each["CreationTime"], default=None)
    return newest["StackId"] if newest else None


def _resources(cloudformation: Any, stack: str) -> Iterator[tuple[str, str]]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for each in page["StackResourceSummaries"]:
            if each.get("PhysicalResourceId"):
                yield each["PhysicalResourceId"], each["ResourceType"]


def _removed(clients: Clients, kind: str, name: str) -> str:
    try:
        return _REMOVE[kind](clients, name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return f"{name} is gone already"
        raise


def _remove_bucket(clients: Clients, name: str) -> str:
    s3 = clients("s3")
    # The policy keeps everybody from deleting versions. Whoever may replace it may also do this, to any archive.
    s3.delete_bucket_policy(Bucket=name)
    for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    count = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        doomed = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        if doomed:
            errors = s3.delete_objects(Bucket=name, Delete={"Objects": doomed, "Quiet": True}).get("Errors")
            if errors:
                raise SmokeError(f"{name} cannot be emptied: {errors[0]['Code']} for {errors[0]['Key']}")
            count += len(doomed)
    s3.delete_bucket(Bucket=name)
    return f"bucket {name} deleted, {count} versions with it"


def _remove_table(clients: Clients, name: str) -> str:
    dynamodb = clients("dynamodb")
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)
    return f"table {name} deleted"


def _remove_secret(clients: Clients, name: str) -> str:
    clients("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    return f"secret {name.rpartition(':')[2]} deleted"


def _remove_key(clients: Clients, name: str) -> str:
    kms = clients("kms")
    if kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"] == "PendingDeletion":
        return f"key {name} is to be deleted already"
    ends: datetime = kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=KEY_DAYS)["DeletionDate"]
    return f"key {name} remains until {ends:%Y-%m-%d}, then AWS deletes it; it costs nothing until then"


_REMOVE: dict[str, Callable[[Clients, str], str]] = {
    "AWS::S3::Bucket": _remove_bucket,
    "AWS::DynamoDB::Table": _remove_table,
    "AWS::SecretsManager::Secret": _remove_secret,
    "AWS::KMS::Key": _remove_key,
}
