"""Calls against a stack's grants: every rule with a call that is granted and one that is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.gateway import ApiCall
from sandbox.aws.permissions import PermissionsError
from sandbox.s3.log import LoggedRequest
from tests.sandbox.permissions_support import (
    ACCOUNT,
    BUCKET,
    EXECUTION,
    KEY,
    REGION,
    SECRET,
    TABLE,
    TOPIC,
    allow,
    api_call,
    checked,
    made,
    refused,
    role_arn,
    row_call,
    s3_call,
    stack,
    touched,
    without,
    worker_grants,
)

MEDIA = f"{BUCKET}/media/a"
READ_SECRET = "secretsmanager:GetSecretValue"
WATCHED = f"{EXECUTION}:a"
TAGGED = {"x-amz-tagging": "a=b"}
CALLS: list[tuple[str, str, LoggedRequest | ApiCall]] = [
    ("s3:PutObject", MEDIA, s3_call("PutObject")),
    ("s3:PutObject", MEDIA, s3_call("CreateMultipartUpload")),
    ("s3:PutObject", MEDIA, s3_call("UploadPart")),
    ("s3:PutObject", MEDIA, s3_call("CompleteMultipartUpload")),
    ("s3:PutObjectTagging", MEDIA, s3_call("PutObject", parameters=TAGGED)),
    ("s3:PutObjectTagging", MEDIA, s3_call("CreateMultipartUpload", parameters=TAGGED)),
    ("s3:GetObject", MEDIA, s3_call("GetObject")),
    ("s3:GetObject", MEDIA, s3_call("HeadObject")),
    ("s3:GetObject", MEDIA, s3_call("CompleteMultipartUpload", parameters={"if-match": '"x"'})),
    ("s3:ListBucket", BUCKET, s3_call("HeadObject", status=404, error="NoSuchKey")),
    ("s3:ListBucket", BUCKET, s3_call("ListObjectsV2", "", parameters={"prefix": "media/2024/"})),
    ("s3:AbortMultipartUpload", MEDIA, s3_call("AbortMultipartUpload")),
    ("s3:ListMultipartUploadParts", MEDIA, s3_call("ListParts")),
    ("s3:ListBucketMultipartUploads", BUCKET, s3_call("ListMultipartUploads", "")),
    ("kms:GenerateDataKey", KEY, s3_call("PutObject", kms_key=KEY)),
    ("kms:GenerateDataKey", KEY, s3_call("CreateMultipartUpload", kms_key=KEY)),
    ("kms:Decrypt", KEY, s3_call("UploadPart", kms_key=KEY)),
    ("kms:Decrypt", KEY, s3_call("ListParts", kms_key=KEY)),
    ("kms:Decrypt", KEY, s3_call("HeadObject", kms_key=KEY, parameters={"x-amz-checksum-mode": "ENABLED"})),
    ("dynamodb:GetItem", TABLE, row_call("GetItem", touched("GetItem", "m1"))),
    ("dynamodb:Query", f"{TABLE}/index/by-run", row_call("Query", touched("Query", "r", index="by-run"))),
    ("dynamodb:DeleteItem", TABLE, row_call("DeleteItem", touched("DeleteItem", "LOCK"))),
    ("dynamodb:PutItem", TABLE, row_call("TransactWriteItems", touched("PutItem", "m1"))),
    ("dynamodb:ConditionCheckItem", TABLE, row_call("TransactWriteItems", touched("ConditionCheckItem", "m1"))),
    (READ_SECRET, SECRET, api_call("secretsmanager", "GetSecretValue", SecretId=SECRET)),
    (READ_SECRET, SECRET, api_call("secretsmanager", "GetSecretValue", SecretId="gopro/credentials")),
    ("sns:Publish", TOPIC, api_call("sns", "Publish", TopicArn=TOPIC)),
    ("states:DescribeExecution", WATCHED, api_call("states", "DescribeExecution", executionArn=WATCHED)),
]
NAMES = [f"{action} for {call.operation}" for action, _, call in CALLS]


@pytest.mark.parametrize(("action", "resource", "call"), CALLS, ids=NAMES)
@pytest.mark.verifies("permissions.granted")
def test_a_call_needs_exactly_its_own_action(action: str, resource: str, call: Any) -> None:
    assert refused(checked(stack(), call)) == []
    lacking = checked(stack(worker=without(worker_grants(), action)), call)
    assert refused(lacking) == [(action, resource)]
    assert lacking.ungranted[0].reason == "no statement allows the action"


@pytest.mark.parametrize(("action", "resource", "call"), CALLS, ids=NAMES)
def test_a_call_needs_its_action_on_its_own_resource(action: str, resource: str, call: Any) -> None:
    stranger = stack(worker=[allow(action, "arn:aws:other:::x"), *without(worker_grants(), action)])
    [finding] = checked(stranger, call).ungranted
    assert (finding.action, finding.resource) == (action, resource)
    assert finding.reason == "granted on arn:aws:other:::x only"


def test_a_key_outside_of_the_granted_prefix_is_refused() -> None:
    report = checked(stack(), s3_call("PutObject", "elsewhere/a"))
    assert refused(report) == [("s3:PutObject", f"{BUCKET}/elsewhere/a")]


@pytest.mark.verifies("permissions.conditions")
def test_a_listing_of_another_prefix_does_not_meet_the_condition() -> None:
    report = checked(stack(), s3_call("ListObjectsV2", "", parameters={"prefix": "runs/"}))
    assert str(report.ungranted[0]) == (
        f"worker called s3:ListBucket on {BUCKET}, which is not granted to it"
        " (condition not met: StringLikeIfExists s3:prefix media/*)"
    )


def test_only_the_lock_may_be_deleted() -> None:
    report = checked(stack(), row_call("DeleteItem", touched("DeleteItem", "m1")))
    assert refused(report) == [("dynamodb:DeleteItem", TABLE)]
    assert "dynamodb:LeadingKeys LOCK" in report.ungranted[0].reason


def test_an_index_is_another_resource_than_its_table() -> None:
    report = checked(stack(), row_call("Query", touched("Query", "m1")))
    assert refused(report) == [("dynamodb:Query", TABLE)]


def test_a_key_used_for_another_service_does_not_meet_via_service() -> None:
    call = api_call("kms", "Decrypt", KeyId=KEY, EncryptionContext={"a": "b"})
    assert refused(checked(stack(), call)) == [("kms:Decrypt", KEY)]


def test_the_encryption_context_under_a_bucket_key_is_the_bucket() -> None:
    for context, granted in ((BUCKET, True), (MEDIA, False)):
        condition = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": context}}
        grants = [*without(worker_grants(), "kms:Decrypt"), allow("kms:Decrypt", KEY, Condition=condition)]
        report = checked(stack(worker=grants), s3_call("GetObject", kms_key=KEY))
        assert (refused(report) == []) is granted


def test_a_key_of_awss_own_needs_no_grant() -> None:
    own = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3"
    grants = without(worker_grants(), "kms:GenerateDataKey")
    assert refused(checked(stack(worker=grants), s3_call("PutObject", kms_key=own))) == []


@pytest.mark.verifies("permissions.resource-policies")
def test_a_key_policy_that_delegates_nothing_refuses_what_the_role_grants() -> None:
    elsewhere = [{"Effect": "Allow", "Principal": {"AWS": role_arn("other")}, "Action": "kms:*", "Resource": "*"}]
    report = checked(stack(key_policy=elsewhere), s3_call("PutObject", kms_key=KEY))
    assert refused(report) == [("kms:GenerateDataKey", KEY)]


@pytest.mark.verifies("permissions.conditions")
@pytest.mark.verifies("permissions.resource-policies")
def test_the_buckets_policy_denies_plain_http() -> None:
    report = checked(stack(), s3_call("GetObject", secure=False))
    assert report.ungranted[0].reason == "denied by archive-policy/Tls (Bool aws:SecureTransport false)"


def test_plain_http_has_no_tls_version() -> None:
    everyone = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{BUCKET}/*"}
    old = [{**everyone, "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.3}}}]
    assert refused(checked(stack(bucket_policy=old), s3_call("GetObject"))) == [("s3:GetObject", MEDIA)]
    assert refused(checked(stack(bucket_policy=old), s3_call("GetObject", secure=False))) == []


@pytest.mark.verifies("permissions.resource-policies")
def test_the_buckets_policy_denies_another_key_and_lets_no_key_pass() -> None:
    header = "x-amz-server-side-encryption-aws-kms-key-id"
    for parameters, denied in (({header: KEY}, False), ({header: "another"}, True), ({}, False)):
        report = checked(stack(), s3_call("PutObject", parameters=parameters))
        assert bool(report.ungranted) is denied
        assert all("archive-policy/OtherKeys" in each.reason for each in report.ungranted)


def test_a_secret_under_a_key_of_its_own_needs_that_key() -> None:
    under_key = made("AWS::SecretsManager::Secret", f"{SECRET[:-7]}2-AbCdEf", KmsKeyId=KEY)
    name = under_key.created.ref
    via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
    read = allow("secretsmanager:GetSecretValue", name)
    call = api_call("secretsmanager", "GetSecretValue", SecretId=name)
    assert refused(checked(stack(worker=[read], more=[under_key]), call)) == [("kms:Decrypt", KEY)]
    granted = [read, allow("kms:Decrypt", KEY, Condition=via)]
    assert refused(checked(stack(worker=granted, more=[under_key]), call)) == []


def test_a_call_with_nobodys_key_is_a_finding_and_the_sandboxs_own_calls_are_none() -> None:
    report = checked(
        stack(),
        s3_call("GetObject", access_key_id="AKIAFORGED"),
        api_call("sns", "Publish", None),  # type: ignore[arg-type]  # unsigned
        s3_call("DeleteObject", access_key_id="AKIASANDBOX"),
        api_call("iam", "CreateRole", "AKIASANDBOX"),
    )
    assert [each.action for each in report.ungranted] == ["s3:GetObject", "sns:Publish"]
    assert "its access key was not issued here" in str(report.ungranted[0])


@pytest.mark.verifies("permissions.conditions")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (s3_call("PUT of an object with ?acl"), "the S3 call PUT of an object with"),
        (api_call("dynamodb", "ExecuteStatement"), "the call dynamodb:ExecuteStatement"),
        (api_call("ec2", "RunInstances"), "the call ec2:RunInstances"),
        (api_call("dynamodb", "GetItem"), "dynamodb:GetItem names no table"),
        (api_call("kms", "Decrypt"), "names no KeyId"),
        (api_call("kms", "Decrypt", KeyId="alias/k"), "names its key by an alias"),
        (api_call("sns", "Publish"), "names no TargetArn"),
    ],
)
def test_a_call_that_no_rule_knows_is_an_error_and_not_a_pass(call: Any, message: str) -> None:
    with pytest.raises(PermissionsError, match=message):
        checked(stack(worker=[allow("*", "*")]), call)


def test_deleting_is_seen_even_though_the_server_refuses_it() -> None:
    report = checked(stack(), s3_call("DeleteObject", status=403), s3_call("DeleteObjects", "", status=403))
    assert refused(report) == [("s3:DeleteObject", MEDIA)]
    assert report.ungranted[0].times == 2


@pytest.mark.verifies("permissions.unused")
def test_grants_that_nothing_used_are_listed_and_those_used_are_counted() -> None:
    report = checked(stack(), s3_call("PutObject"), s3_call("PutObject"), name_of=lambda name: f"<{name}>")
    used = [(grant.principal, grant.action, grant.times) for grant in report.used]
    assert used == [("<worker>", "s3:PutObject", 2)]
    unused = {grant.action for grant in report.unused if grant.principal == "<worker>"}
    assert "s3:GetObject" in unused
    assert "s3:PutObject" not in unused
    lines = report.lines()
    assert any(line.startswith("<worker> did not use dynamodb:ConditionCheckItem, ") for line in lines)
    assert "the schedule used nothing of what it is granted" in lines
    assert not any(line.startswith("the schedule did not") for line in lines)


def test_a_grant_that_another_one_covers_is_used_and_never_alone() -> None:
    both = [*worker_grants(), allow("s3:Get*", f"{BUCKET}/*")]
    calls = (s3_call("GetObject"), s3_call("GetObject", "elsewhere/a"))
    alone = {
        (grant.action, grant.resource): (grant.times, grant.alone) for grant in checked(stack(worker=both), *calls).used
    }
    assert alone == {("s3:Get*", f"{BUCKET}/*"): (2, 1), ("s3:GetObject", f"{BUCKET}/media/*"): (1, 0)}


def test_the_report_is_json_and_many_refusals_of_one_kind_are_one_line() -> None:
    report = checked(stack(worker=[]), *(s3_call("PutObject", f"media/{number}") for number in range(3)))
    shown = json.loads(json.dumps(report.as_dict()))
    [finding] = shown["ungranted"]
    assert finding["times"] == 3
    assert finding["sentence"].startswith(f"worker called s3:PutObject on {BUCKET}/media/0, 3 times, which")
    assert shown["unused"]
    assert report.lines()[0] == finding["sentence"]
