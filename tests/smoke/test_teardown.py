"""Removing a throw-away stage: everything of it goes, and nothing else can be meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from moto import mock_aws
from moto.cloudformation.parsing import get_model_map
from moto.core.common_models import CloudFormationModel

from smoke.checks import SmokeError
from smoke.teardown import remove
from tests.support.aws import make_client

STAGE, STACK = "smoke-0a1b2c", "GoProCloudSync-smoke-0a1b2c"
TABLE = {
    "AttributeDefinitions": [{"AttributeName": "media_id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "media_id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "DeletionProtectionEnabled": True,
}
RETAINED: dict[str, tuple[str, dict[str, Any]]] = {
    "Archive": ("AWS::S3::Bucket", {}),
    "Runs": ("AWS::S3::Bucket", {}),
    "Tracker": ("AWS::DynamoDB::Table", TABLE),
    "Credentials": ("AWS::SecretsManager::Secret", {"Name": "gopro/credentials-smoke-0a1b2c"}),
    "Key": ("AWS::KMS::Key", {"KeyPolicy": '{"Version": "2012-10-17", "Statement": []}'}),
}


class StackSecret(CloudFormationModel):
    """moto's CloudFormation knows no secrets; this one is of moto's Secrets Manager."""

    def __init__(self, arn: str) -> None:
        self.physical_resource_id = arn

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> StackSecret:
        name = cloudformation_json["Properties"]["Name"]
        return cls(make_client("secretsmanager").create_secret(Name=name)["ARN"])


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(get_model_map(), "AWS::SecretsManager::Secret", StackSecret)
    with mock_aws():
        yield


def deploy(stack: str = STACK) -> dict[str, str]:
    """A stack whose resources outlive it, with something in them; physical names by logical ones."""
    cloudformation = make_client("cloudformation")
    resources = {
        name: {"Type": kind, "Properties": properties, "DeletionPolicy": "Retain"}
        for name, (kind, properties) in RETAINED.items()
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    found = cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    names = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    s3 = make_client("s3")
    # moto's CloudFormation does not turn it on.
    s3.put_bucket_versioning(Bucket=names["Archive"], VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=names["Archive"], Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    for key in ("a", "a", "b"):
        s3.put_object(Bucket=names["Archive"], Key=key, Body=b"x")
    s3.delete_object(Bucket=names["Archive"], Key="b")
    s3.create_multipart_upload(Bucket=names["Archive"], Key="open")
    return names


def left() -> list[object]:
    """What the account still holds, but for keys."""
    return [
        make_client("s3").list_buckets()["Buckets"],
        make_client("dynamodb").list_tables()["TableNames"],
        make_client("secretsmanager").list_secrets()["SecretList"],
        make_client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"],
    ]


def test_nothing_is_left_but_a_key_that_is_to_be_deleted() -> None:
    names, told = deploy(), list[str]()
    remove(make_client, STAGE, told.append)
    assert left() == [[], [], [], []]
    key = make_client("kms").describe_key(KeyId=names["Key"])["KeyMetadata"]
    assert (key["KeyState"], key.get("PendingDeletionWindowInDays", 7)) == ("PendingDeletion", 7)
    assert any(names["Key"] in line and "remains until" in line for line in told)
    assert "4 versions with it" in "\n".join(told)


def test_it_can_be_called_again_on_what_an_interrupted_call_has_left() -> None:
    names = deploy()
    make_client("cloudformation").delete_stack(StackName=STACK)
    assert make_client("s3").list_buckets()["Buckets"]
    remove(make_client, STAGE, lambda _line: None)
    told: list[str] = []
    remove(make_client, STAGE, told.append)
    assert left() == [[], [], [], []]
    assert f"bucket {names['Archive']} deleted" not in "".join(told)


@pytest.mark.parametrize("stage", ["prod", "dev", "smoke", "smoke-0a1b2", "smoke-0a1b2c-real", "SMOKE-0a1b2c", ""])
def test_another_stage_is_refused_before_anything_is_asked(stage: str) -> None:
    def no_client(service: str) -> Any:
        raise AssertionError(service)

    with pytest.raises(SmokeError, match="not a throw-away stage"):
        remove(no_client, stage, print)


def test_other_stacks_are_left_alone() -> None:
    rename = partial(RETAINED.__setitem__, "Credentials")
    before = RETAINED["Credentials"]
    rename(("AWS::SecretsManager::Secret", {"Name": "gopro/credentials"}))
    try:
        deploy("GoProCloudSync")
    finally:
        rename(before)
    kept = left()
    told: list[str] = []
    remove(make_client, STAGE, told.append)
    assert told == [f"there is no stack {STACK} in this account and region"]
    assert left() == kept
