"""Every role may do exactly what is written here: a new action must be added to this table with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from cloud_sync.permissions import LOCK_PARTITION, RUN_PARTITIONS
from cloud_sync_common.edges import run_ledger
from tests.infrastructure.synthesis import ROLES, Template, actions_of, as_list, text_of

Grant = tuple[str, str, str]
"""Action, resource, condition (as JSON, empty if there is none)."""


def grants(actions: str, resources: str | Iterable[str], condition: Mapping[str, Any] | None = None) -> set[Grant]:
    """Every action, written in one text, on every resource."""
    text = json.dumps(condition, sort_keys=True) if condition else ""
    return {(action, resource, text) for action in actions.split() for resource in as_list(resources)}


TRACKER = "<TrackerTable.Arn>"
MEDIA, ARCHIVE = "<ArchiveBucket.Arn>/gopro-videos/*", "<ArchiveBucket.Arn>"
RUNS = "<RunsBucket.Arn>/runs/*"
SECRET = "<CredentialsSecret>"
MACHINE = "<SyncStateMachine>"
EXECUTIONS = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<SyncStateMachine.Name>"
CHILDREN = f"{EXECUTIONS}/SyncEachMedium:*"

COMPLETES = {"Null": {"s3:if-none-match": "false"}}
UPLOADS = {"Bool": {"s3:ObjectCreationOperation": "false"}}
FOR_THE_ARCHIVE = {
    "StringEquals": {"kms:ViaService": "s3.<AWS::Region>.<AWS::URLSuffix>"},
    "StringLike": {"kms:EncryptionContext:aws:s3:arn": [ARCHIVE, MEDIA]},
}
LOCK_ROWS = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["LOCK"]}}
RUN_ROWS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["RUN#*"]}}

TRACES = grants("xray:PutTelemetryRecords xray:PutTraceSegments", "*")
RUN_FILES = grants("s3:GetObject s3:PutObject", RUNS) | grants(
    "s3:ListBucket", "<RunsBucket.Arn>", {"StringLikeIfExists": {"s3:prefix": "runs/*"}}
)


def own_logs(function: str) -> set[Grant]:
    return grants("logs:CreateLogStream logs:PutLogEvents", f"<Functions{function}Logs.Arn>")


EXPECTED: dict[str, set[Grant]] = {
    "FunctionsRunControlRole": own_logs("RunControl")
    | TRACES
    | RUN_FILES
    | grants("dynamodb:GetItem dynamodb:BatchGetItem dynamodb:UpdateItem dynamodb:Query", TRACKER)
    | grants("dynamodb:Query", f"{TRACKER}/index/by-run")
    | grants("dynamodb:PutItem dynamodb:DeleteItem", TRACKER, LOCK_ROWS)
    | grants("secretsmanager:DescribeSecret", SECRET)
    | grants("sns:Publish", "<AlertsTopic>")
    | grants("states:DescribeExecution", f"{EXECUTIONS}:*"),
    "FunctionsMediaListerRole": own_logs("MediaLister")
    | TRACES
    | RUN_FILES
    | grants("dynamodb:BatchGetItem dynamodb:UpdateItem", TRACKER)
    | grants("secretsmanager:GetSecretValue", SECRET),
    "FunctionsVideoDownloaderRole": own_logs("VideoDownloader")
    | TRACES
    | grants("dynamodb:GetItem dynamodb:UpdateItem dynamodb:ConditionCheckItem dynamodb:Query", TRACKER)
    | grants("secretsmanager:GetSecretValue", SECRET)
    | grants("s3:PutObject", MEDIA, COMPLETES)
    | grants("s3:PutObject", MEDIA, UPLOADS)
    | grants("s3:PutObjectTagging s3:GetObject s3:AbortMultipartUpload s3:ListMultipartUploadParts", MEDIA)
    | grants("s3:ListBucket", ARCHIVE, {"StringLikeIfExists": {"s3:prefix": "gopro-videos/*"}})
    | grants("s3:ListBucketMultipartUploads", ARCHIVE)
    | grants("kms:GenerateDataKey kms:Decrypt", "<Key.Arn>", FOR_THE_ARCHIVE),
    "FunctionsMultipartUploaderRole": own_logs("MultipartUploader")
    | TRACES
    | grants("dynamodb:GetItem", TRACKER)
    | grants("dynamodb:UpdateItem", TRACKER, RUN_ROWS)
    | grants("secretsmanager:GetSecretValue", SECRET)
    | grants("s3:PutObject", MEDIA, UPLOADS)
    | grants("s3:ListMultipartUploadParts", MEDIA)
    | grants("kms:Decrypt", "<Key.Arn>", FOR_THE_ARCHIVE),
    "SyncRole": grants("lambda:InvokeFunction", [f"<Functions{role}.Arn>" for role in ROLES])
    | grants("s3:GetObject", f"{RUNS}/manifest.json")
    | grants("s3:GetObject s3:PutObject s3:AbortMultipartUpload s3:ListMultipartUploadParts", f"{RUNS}/results/*")
    | grants("states:StartExecution", MACHINE)
    | grants("states:DescribeExecution states:StopExecution", [f"{EXECUTIONS}:*", CHILDREN])
    | grants("states:RedriveExecution", CHILDREN)
    # What AWS asks for log delivery and tracing of a state machine; none has a resource level.
    | grants("logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery", "*")
    | grants("logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies", "*")
    | grants("logs:DescribeLogGroups xray:GetSamplingRules xray:GetSamplingTargets", "*")
    | TRACES,
    "ScheduleRole": grants("states:StartExecution", MACHINE) | grants("sqs:SendMessage", "<ScheduleDeadLetters.Arn>"),
    "FreshCookiesRole": grants("states:StartExecution", MACHINE),
}


def readable(value: Any) -> Any:
    """A value of the template with ``<Name>`` for its intrinsics, logical ids without the CDK's eight digits."""
    if isinstance(value, list):
        return [readable(entry) for entry in value]
    if isinstance(value, dict) and not any(key == "Ref" or key.startswith("Fn::") for key in value):
        return {key: readable(entry) for key, entry in value.items()}
    return re.sub(r"<([A-Za-z]+)[0-9A-F]{8}(?=[.>])", r"<\1", text_of(value))


def granted(template: Template, role: str) -> set[Grant]:
    """All that a role is allowed."""
    found: set[Grant] = set()
    for statement in template.role_statements(role):
        assert statement["Effect"] == "Allow"
        condition = readable(statement.get("Condition"))
        for action in as_list(statement["Action"]):
            found |= grants(
                action, readable(as_list(statement["Resource"])), condition if condition != "None" else None
            )
    return found


@pytest.mark.parametrize("role", sorted(EXPECTED))
def test_a_role_may_do_exactly_what_the_table_says(template: Template, role: str) -> None:
    assert granted(template, role) == EXPECTED[role]


def test_there_is_no_other_role_and_no_managed_policy(template: Template) -> None:
    roles = template.of_type("IAM::Role")
    assert len(roles) == len(EXPECTED)
    for name, role in roles.items():
        assert any(name.startswith(expected) for expected in EXPECTED)
        assert not {"ManagedPolicyArns", "Policies", "RoleName"} & set(role["Properties"])
    assert not template.of_type("IAM::ManagedPolicy")


def test_nobody_may_delete_objects(template: Template, chosen: Template, adopted: Template) -> None:
    for of in (template, chosen, adopted):
        assert not [action for action in actions_of(list(of.allowed())) if action.startswith("s3:Delete")]


@pytest.mark.parametrize("role", ["FunctionsVideoDownloaderRole", "FunctionsMultipartUploaderRole"])
def test_nobody_may_overwrite_an_object(template: Template, chosen: Template, adopted: Template, role: str) -> None:
    # What makes an object visible needs If-None-Match; what cannot carry it makes nothing visible.
    for of in (template, chosen, adopted):
        puts = [entry for entry in of.role_statements(role) if "s3:PutObject" in as_list(entry["Action"])]
        assert puts
        assert all(entry["Condition"] in (COMPLETES, UPLOADS) for entry in puts)


def test_the_uploader_of_parts_can_make_no_object_visible(template: Template) -> None:
    found = granted(template, "FunctionsMultipartUploaderRole")
    assert [entry for entry in found if entry[0] == "s3:PutObject"] == list(grants("s3:PutObject", MEDIA, UPLOADS))


def test_no_action_is_a_wildcard(template: Template) -> None:
    assert not [action for action in actions_of(list(template.allowed())) if "*" in action]


def test_all_resources_only_where_aws_knows_no_resource(template: Template) -> None:
    for statement in template.allowed():
        if "*" in as_list(statement["Resource"]):
            assert {action.split(":")[0] for action in as_list(statement["Action"])} <= {"logs", "xray"}
            assert not {"logs:CreateLogStream", "logs:PutLogEvents"} & set(as_list(statement["Action"]))


@pytest.mark.parametrize("role", sorted(set(EXPECTED) - {f"Functions{name}Role" for name in ROLES[2:]}))
def test_only_the_transferring_functions_reach_media_and_their_key(template: Template, role: str) -> None:
    text = json.dumps(template.role_statements(role))
    assert "ArchiveBucket" not in text
    assert '"kms:' not in text


def test_what_is_adopted_is_named_as_exactly_as_can_be(adopted: Template) -> None:
    found = granted(adopted, "FunctionsVideoDownloaderRole")
    resources = {action: {entry[1] for entry in found if entry[0] == action} for action, _, _ in found}
    bucket = "arn:<AWS::Partition>:s3:::an-old-archive"
    assert resources["s3:PutObject"] == {f"{bucket}/gopro-videos/*"}
    assert resources["s3:ListBucket"] == {bucket}
    [table] = resources["dynamodb:GetItem"]
    assert table.endswith(":table/OldTracker")
    # The full ARN cannot be known without asking AWS: its last six characters are random.
    [secret] = resources["secretsmanager:GetSecretValue"]
    assert secret.endswith(":secret:gopro/old-credentials-??????")
    [(_, key, condition)] = [entry for entry in found if entry[0] == "kms:Decrypt"]
    assert key == "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    # Without a bucket key S3 gives KMS the object's ARN.
    context = json.loads(condition)["StringLike"]["kms:EncryptionContext:aws:s3:arn"]
    assert context == [bucket, f"{bucket}/gopro-videos/*"]


def test_the_rows_that_policies_name_are_those_that_the_functions_write() -> None:
    assert run_ledger.LOCK == LOCK_PARTITION
    assert run_ledger._run_key("a-run").startswith(RUN_PARTITIONS.removesuffix("*"))
