"""Every role may do exactly what is written here: a new action must be added to this table with its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infrastructure.synthesis import ROLES, Template, actions_of, as_list, text_of

OWN_LOGS_AND_TRACES = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
RUN_FILES = {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
TRANSFER = {
    "secretsmanager:GetSecretValue",
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:Query",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:GetObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "kms:GenerateDataKey",
    "kms:Decrypt",
}
EXPECTED = {
    "FunctionsRunControlRole": OWN_LOGS_AND_TRACES
    | RUN_FILES
    | {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query",
        "secretsmanager:DescribeSecret",
        "sns:Publish",
        "states:DescribeExecution",
    },
    "FunctionsMediaListerRole": OWN_LOGS_AND_TRACES
    | RUN_FILES
    | {
        "secretsmanager:GetSecretValue",
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:UpdateItem",
    },
    "FunctionsVideoDownloaderRole": OWN_LOGS_AND_TRACES | TRANSFER,
    "FunctionsMultipartUploaderRole": OWN_LOGS_AND_TRACES | TRANSFER,
    "SyncRole": {
        "lambda:InvokeFunction",
        "s3:GetObject",
        "s3:PutObject",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
        "states:StartExecution",
        "states:DescribeExecution",
        "states:StopExecution",
        "states:RedriveExecution",
        # What AWS asks for log delivery and tracing of a state machine; none has a resource level.
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
    },
    "ScheduleRole": {"states:StartExecution", "sqs:SendMessage"},
}


def _resources(template: Template, role: str, action: str) -> set[str]:
    return {
        text_of(resource)
        for statement in template.role_statements(role)
        if action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def _condition(template: Template, role: str, action: str) -> Any:
    [statement] = [entry for entry in template.role_statements(role) if action in as_list(entry["Action"])]
    return statement.get("Condition")


@pytest.mark.parametrize("role", sorted(EXPECTED))
def test_a_role_has_exactly_its_actions(template: Template, role: str) -> None:
    assert actions_of(template.role_statements(role)) == EXPECTED[role]


def test_there_is_no_other_role_and_no_managed_policy(template: Template) -> None:
    roles = template.of_type("IAM::Role")
    assert len(roles) == len(EXPECTED)
    for name, role in roles.items():
        assert any(name.startswith(expected) for expected in EXPECTED)
        assert not {"ManagedPolicyArns", "Policies", "RoleName"} & set(role["Properties"])


def test_nobody_may_delete_objects(template: Template, chosen: Template, adopted: Template) -> None:
    for of in (template, chosen, adopted):
        assert not [action for action in actions_of(list(of.allowed())) if action.startswith("s3:Delete")]


def test_no_action_is_a_wildcard(template: Template) -> None:
    assert not [action for action in actions_of(list(template.allowed())) if "*" in action]


def test_all_resources_only_where_aws_knows_no_resource(template: Template) -> None:
    for statement in template.allowed():
        if "*" in as_list(statement["Resource"]):
            assert {action.split(":")[0] for action in as_list(statement["Action"])} <= {"logs", "xray"}
            assert not {"logs:CreateLogStream", "logs:PutLogEvents"} & set(as_list(statement["Action"]))


@pytest.mark.parametrize("role", ["FunctionsVideoDownloaderRole", "FunctionsMultipartUploaderRole"])
def test_media_are_written_under_their_prefix_only(template: Template, role: str) -> None:
    objects = "<ArchiveBucket49F1AC64.Arn>/gopro-videos/*"
    for action in ("s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:AbortMultipartUpload"):
        assert _resources(template, role, action) == {objects}
    assert _condition(template, role, "s3:ListBucket") == {"StringLikeIfExists": {"s3:prefix": "gopro-videos/*"}}


@pytest.mark.parametrize("role", ["FunctionsVideoDownloaderRole", "FunctionsMultipartUploaderRole"])
def test_the_key_is_used_through_s3_only(template: Template, role: str) -> None:
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        assert _resources(template, role, action) == {"<Key9BCD29C7.Arn>"}
        condition = _condition(template, role, action)
        assert text_of(condition["StringEquals"]["kms:ViaService"]) == "s3.<AWS::Region>.<AWS::URLSuffix>"


@pytest.mark.parametrize("role", ["FunctionsRunControlRole", "FunctionsMediaListerRole", "SyncRole", "ScheduleRole"])
def test_only_the_transferring_functions_reach_media(template: Template, role: str) -> None:
    assert "ArchiveBucket" not in json.dumps(template.role_statements(role))


@pytest.mark.parametrize("role", ["FunctionsMediaListerRole", "FunctionsVideoDownloaderRole"])
def test_the_cookies_are_read_from_this_one_secret(template: Template, role: str) -> None:
    assert _resources(template, role, "secretsmanager:GetSecretValue") == {"<CredentialsSecret0F9342C7>"}


def test_an_adopted_secret_is_named_up_to_its_random_characters(adopted: Template) -> None:
    [arn] = _resources(adopted, "FunctionsMediaListerRole", "secretsmanager:GetSecretValue")
    assert arn.endswith(":secret:gopro/credentials-??????")


def test_only_the_lock_may_be_deleted_from_the_tracker(template: Template) -> None:
    assert _condition(template, "FunctionsRunControlRole", "dynamodb:DeleteItem") == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["LOCK"]}
    }


def test_the_index_of_runs_is_for_the_report(template: Template) -> None:
    for role in ROLES:
        found = _resources(template, f"Functions{role}Role", "dynamodb:Query")
        assert ("<TrackerTableDF8203A0.Arn>/index/by-run" in found) is (role == "RunControl")


@pytest.mark.parametrize("role", ["FunctionsRunControlRole", "FunctionsMediaListerRole", "SyncRole"])
def test_run_files_are_under_runs(template: Template, role: str) -> None:
    assert _resources(template, role, "s3:PutObject") == {"<RunsBucket7FD68A9D.Arn>/runs/*"}
    assert _resources(template, role, "s3:GetObject") == {"<RunsBucket7FD68A9D.Arn>/runs/*"}


@pytest.mark.parametrize("role", ROLES)
def test_a_function_writes_to_its_own_log_group_only(template: Template, role: str) -> None:
    [arn] = _resources(template, f"Functions{role}Role", "logs:PutLogEvents")
    assert arn.startswith(f"<Functions{role}Logs")


def test_the_map_handles_its_own_children_only(template: Template) -> None:
    executions = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<SyncStateMachine81090156.Name>"
    assert _resources(template, "SyncRole", "states:StartExecution") == {"<SyncStateMachine81090156>"}
    assert _resources(template, "SyncRole", "states:RedriveExecution") == {f"{executions}/SyncEachMedium:*"}
    for action in ("states:DescribeExecution", "states:StopExecution"):
        assert _resources(template, "SyncRole", action) == {f"{executions}:*", f"{executions}/SyncEachMedium:*"}


def test_run_control_looks_at_executions_of_this_machine_only(template: Template) -> None:
    [resource] = _resources(template, "FunctionsRunControlRole", "states:DescribeExecution")
    assert resource.endswith(":execution:<SyncStateMachine81090156.Name>:*")


@pytest.mark.parametrize(
    ("role", "service"),
    [
        *((f"Functions{role}Role", "lambda.amazonaws.com") for role in ROLES),
        ("SyncRole", "states.amazonaws.com"),
        ("ScheduleRole", "scheduler.amazonaws.com"),
    ],
)
def test_a_role_trusts_its_service_and_nobody_else(template: Template, role: str, service: str) -> None:
    [statement] = template.properties("IAM::Role", role)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": service}
    assert statement["Action"] == "sts:AssumeRole"
