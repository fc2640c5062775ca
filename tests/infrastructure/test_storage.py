"""What the template promises about media, their key, the tracker and the secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infrastructure.synthesis import Template, as_list, text_of
from tests.infrastructure.test_permissions import readable


def _rule(template: Template, rule_id: str) -> dict[str, Any] | None:
    rules = template.properties("S3::Bucket", "Archive")["LifecycleConfiguration"]["Rules"]
    return next((rule for rule in rules if rule["Id"] == rule_id), None)


def _denials(template: Template, bucket: str) -> list[dict[str, Any]]:
    statements = template.properties("S3::BucketPolicy", bucket)["PolicyDocument"]["Statement"]
    return [statement for statement in statements if statement["Effect"] == "Deny"]


def test_the_archive_is_encrypted_with_our_own_key_through_a_bucket_key(template: Template) -> None:
    [rule] = template.properties("S3::Bucket", "Archive")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [key] = template.of_type("KMS::Key")
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Fn::GetAtt": [key, "Arn"]},
    }
    assert rule["BucketKeyEnabled"] is True
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}


def test_the_key_is_rotated_and_deleted_late(template: Template) -> None:
    key = template.properties("KMS::Key")
    assert key["EnableKeyRotation"] is True
    # Each of the first two rotations adds a dollar a month for good.
    assert key["RotationPeriodInDays"] == 2560
    assert key["PendingWindowInDays"] == 30


def test_the_archive_keeps_versions(template: Template) -> None:
    assert template.properties("S3::Bucket", "Archive")["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("bucket", ["Archive", "Runs"])
def test_no_bucket_can_be_public_or_have_acls(template: Template, bucket: str) -> None:
    properties = template.properties("S3::Bucket", bucket)
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("bucket", ["Archive", "Runs"])
def test_every_bucket_refuses_plain_http_and_old_tls(template: Template, bucket: str) -> None:
    conditions = [denial.get("Condition") for denial in _denials(template, bucket)]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions


def test_the_archives_policy_is_exactly_this(template: Template) -> None:
    statements = template.properties("S3::BucketPolicy", "Archive")["PolicyDocument"]["Statement"]
    bucket, objects = "<ArchiveBucket.Arn>", "<ArchiveBucket.Arn>/*"
    key, encryption = "s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption"
    assert {statement["Effect"] for statement in statements} == {"Deny"}
    assert {json.dumps(statement["Principal"]) for statement in statements} == {'{"AWS": "*"}'}
    found = [
        (entry["Action"], readable(as_list(entry["Resource"])), readable(entry.get("Condition")))
        for entry in statements
    ]
    assert found == [
        ("s3:*", [bucket, objects], {"Bool": {"aws:SecureTransport": "false"}}),
        ("s3:*", [bucket, objects], {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        # A request that names nothing gets the bucket's default, which is our key: no header is demanded.
        ("s3:PutObject", [objects], {"StringNotEquals": {key: "<Key.Arn>"}, "Null": {key: "false"}}),
        ("s3:PutObject", [objects], {"StringNotEquals": {encryption: "aws:kms"}, "Null": {encryption: "false"}}),
        ("s3:DeleteObjectVersion", [objects], "None"),
    ]


def test_versions_are_deleted_by_the_named_role_only(chosen: Template) -> None:
    [found] = [entry for entry in _denials(chosen, "Archive") if "s3:DeleteObjectVersion" in as_list(entry["Action"])]
    assert found["Principal"] == {"AWS": "*"}
    assert found["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/archive-admin"}}


def test_the_archives_policy_locks_nobody_out_of_mending_it(template: Template, chosen: Template) -> None:
    mending = {"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning"}
    for of in (template, chosen):
        for denial in _denials(of, "Archive"):
            plain = "aws:SecureTransport" in str(denial.get("Condition")) or "TlsVersion" in str(
                denial.get("Condition")
            )
            assert plain or not ({"s3:*"} | mending) & set(as_list(denial["Action"]))


def test_incomplete_uploads_are_aborted_after_a_week(template: Template) -> None:
    rule = _rule(template, "AbortIncompleteUploads")
    assert rule is not None
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "Prefix" not in rule


def test_media_move_to_deep_archive_only_when_asked_and_small_files_never(template: Template, chosen: Template) -> None:
    assert _rule(template, "MediaToDeepArchive") is None
    rule = _rule(chosen, "MediaToDeepArchive")
    assert rule is not None
    assert rule["Transitions"] == [{"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": 45}]
    assert rule["Prefix"] == "gopro-videos/"
    # As a text: a number is of the wrong type, of which every synthesis would warn.
    assert rule["ObjectSizeGreaterThan"] == str(128 * 1024 - 1)


def test_old_versions_expire_when_they_cost_no_early_delete_fee(template: Template, chosen: Template) -> None:
    for of, days in ((template, 180), (chosen, 200)):
        rule = _rule(of, "ExpireOldVersions")
        assert rule is not None
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}


def test_current_media_never_expire(template: Template, chosen: Template) -> None:
    for of in (template, chosen):
        rules = of.properties("S3::Bucket", "Archive")["LifecycleConfiguration"]["Rules"]
        assert not [rule for rule in rules if "ExpirationInDays" in rule or "ExpirationDate" in rule]


def test_runs_expire_and_need_no_key(template: Template, chosen: Template) -> None:
    for of, days in ((template, 365), (chosen, 40)):
        bucket = of.properties("S3::Bucket", "Runs")
        [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        [rule] = bucket["LifecycleConfiguration"]["Rules"]
        assert rule["ExpirationInDays"] == days


@pytest.mark.parametrize(
    ("kind", "prefix", "policy"),
    [
        # A deployment that fails takes these back, empty as they are: a secret that stayed would stop the next try.
        ("KMS::Key", "", "RetainExceptOnCreate"),
        ("S3::Bucket", "Archive", "RetainExceptOnCreate"),
        ("S3::BucketPolicy", "Archive", "RetainExceptOnCreate"),
        ("S3::Bucket", "Runs", "RetainExceptOnCreate"),
        ("SecretsManager::Secret", "", "RetainExceptOnCreate"),
        # It could not be deleted: it is protected.
        ("DynamoDB::Table", "", "Retain"),
    ],
)
def test_data_outlive_the_stack(template: Template, kind: str, prefix: str, policy: str) -> None:
    resource = template.one(kind, prefix)
    assert resource["DeletionPolicy"] == policy
    assert resource["UpdateReplacePolicy"] == "Retain"


def test_the_logical_ids_of_data_do_not_change(template: Template) -> None:
    # Another id would make CloudFormation create a second, empty one beside the data.
    kinds = ("KMS::Key", "S3::Bucket", "DynamoDB::Table", "SecretsManager::Secret")
    assert sorted(name for kind in kinds for name in template.of_type(kind)) == [
        "ArchiveBucket49F1AC64",
        "CredentialsSecret0F9342C7",
        "Key9BCD29C7",
        "RunsBucket7FD68A9D",
        "TrackerTableDF8203A0",
    ]


def test_the_tracker_has_its_keys_and_the_index_of_runs(template: Template) -> None:
    table = template.properties("DynamoDB::Table")
    assert table["KeySchema"] == [
        {"AttributeName": "media_id", "KeyType": "HASH"},
        {"AttributeName": "record", "KeyType": "RANGE"},
    ]
    [index] = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "by-run"
    assert index["KeySchema"] == [
        {"AttributeName": "run_id", "KeyType": "HASH"},
        {"AttributeName": "status", "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_tracker_is_protected_and_can_be_restored(template: Template) -> None:
    table = template.properties("DynamoDB::Table")
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_secret_carries_no_value_and_is_named_after_its_stage(template: Template, chosen: Template) -> None:
    for of, name in ((template, "gopro/credentials"), (chosen, "gopro/credentials-test")):
        secret = of.properties("SecretsManager::Secret")
        assert secret["Name"] == name
        assert not {"SecretString", "GenerateSecretString"} & set(secret)


def test_what_has_a_fixed_name_is_named_after_its_stage(template: Template, chosen: Template) -> None:
    # All else is named by CloudFormation, so that stages, and a stack made anew, never collide with what is there.
    properties = ("Name", "BucketName", "TableName", "FunctionName", "RoleName", "QueueName", "TopicName", "AliasName")
    fixed = {*properties, "StateMachineName", "LogGroupName", "DashboardName", "LayerName", "PolicyName"}
    for of, stack, secret in (
        (template, "GoProCloudSync", "gopro/credentials"),
        (chosen, "GoProCloudSync-test", "gopro/credentials-test"),
    ):
        named = {
            (resource["Type"], text_of(value))
            for resource in of.document["Resources"].values()
            for name, value in resource.get("Properties", {}).items()
            if name in fixed and resource["Type"] != "AWS::IAM::Policy"
        }
        assert named == {
            ("AWS::SecretsManager::Secret", secret),
            ("AWS::Logs::LogGroup", f"/aws/vendedlogs/states/{stack}"),
            ("AWS::Events::Rule", f"{stack}-FreshCookies"),
            ("AWS::CloudWatch::Dashboard", f"{stack}-<AWS::Region>"),
        }
