"""What AWS's services do with the stack's roles, and the stack's policies put together."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sandbox.aws.permissions import PermissionsError
from sandbox.aws.permissions.service_calls import (
    buried_letters,
    events_itself,
    lambda_itself,
    scheduler_itself,
    step_functions_itself,
)
from sandbox.aws.permissions.stack import Stack, deployed_stack
from sandbox.aws.targets import Firing
from sandbox.aws.template.model import Created, Resource
from tests.sandbox.permissions_support import (
    ACCOUNT,
    BUCKET,
    EXECUTION,
    KEY,
    MACHINE,
    QUEUE,
    REGION,
    RULE,
    SCHEDULE,
    TOPIC,
    WORKER,
    allow,
    checked,
    machine_grants,
    made,
    refused,
    role_arn,
    s3_call,
    stack,
    without,
    worker_grants,
)

MEDIA = f"{BUCKET}/media/a"


@pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments"])
@pytest.mark.verifies("permissions.service-roles")
def test_lambda_needs_logs_and_traces_of_a_function_that_ran(action: str) -> None:
    assert refused(checked(stack(), *lambda_itself(stack(), ["worker"]))) == []
    lacking = stack(worker=without(worker_grants(), action))
    assert [name for name, _ in refused(checked(lacking, *lambda_itself(lacking, ["worker"])))] == [action]
    assert lambda_itself(lacking, []) == []


def test_lambda_creates_a_log_group_that_the_stack_does_not() -> None:
    found = stack(more=[made("AWS::Lambda::Function", "bare", WORKER, Role=role_arn("worker-role"))])
    [call] = lambda_itself(found, ["bare"])
    assert [need.action for need in call.needs] == ["logs:CreateLogStream", "logs:PutLogEvents", "logs:CreateLogGroup"]


CHILD = f"{EXECUTION}/Each:1"


def history() -> list[dict[str, Any]]:
    """Return events of a run with one child, which was stopped."""
    scheduled = {"parameters": json.dumps({"FunctionName": WORKER})}
    return [
        {"executionArn": f"{EXECUTION}:a", "type": "ExecutionStarted"},
        {"executionArn": f"{EXECUTION}:a", "type": "TaskScheduled", "taskScheduledEventDetails": scheduled},
        {"executionArn": CHILD, "type": "ExecutionStarted"},
        {"executionArn": CHILD, "type": "ExecutionAborted"},
    ]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("lambda:InvokeFunction", WORKER),
        ("states:StartExecution", MACHINE),
        ("states:DescribeExecution", CHILD),
        ("states:StopExecution", CHILD),
    ],
)
@pytest.mark.verifies("permissions.service-roles")
def test_the_state_machine_needs_what_its_states_do(action: str, resource: str) -> None:
    granted = stack()
    assert refused(checked(granted, *step_functions_itself(granted, history()))) == []
    lacking = stack(machine=without(machine_grants(), action))
    assert refused(checked(lacking, *step_functions_itself(lacking, history()))) == [(action, resource)]


def test_children_may_be_watched_under_their_own_name_too() -> None:
    own = [*without(machine_grants(), "states:DescribeExecution"), allow("states:Describe*", f"{EXECUTION}/Each:*")]
    found = stack(machine=own)
    assert refused(checked(found, *step_functions_itself(found, history()))) == []


def test_the_state_machines_own_s3_calls_are_those_under_its_key() -> None:
    read = s3_call("GetObject", "runs/manifest.json", access_key_id="AKIASTATES")
    assert refused(checked(stack(), read)) == []
    report = checked(stack(machine=without(machine_grants(), "s3:GetObject")), read)
    assert refused(report) == [("s3:GetObject", f"{BUCKET}/runs/manifest.json")]
    assert report.ungranted[0].principal == "the state machine"


def test_a_machine_that_logs_and_traces_needs_what_step_functions_asks_for() -> None:
    watched = made(
        "AWS::StepFunctions::StateMachine",
        f"{MACHINE}2",
        RoleArn=role_arn("machine"),
        LoggingConfiguration={"Level": "ALL"},
        TracingConfiguration={"Enabled": True},
    )
    found = stack(more=[watched])
    ran = [{"executionArn": f"{EXECUTION}2:a", "type": "ExecutionStarted"}]
    needed = {need.action for call in step_functions_itself(found, ran) for need in call.needs}
    assert {"logs:CreateLogDelivery", "xray:GetSamplingRules"} <= needed
    assert len(needed) == 12
    assert not any(call.needs for call in step_functions_itself(found, []))


@pytest.mark.verifies("permissions.service-roles")
def test_a_schedule_that_fired_needs_to_start_its_target() -> None:
    fired = Firing(SCHEDULE, role_arn("schedule"), MACHINE, attempts=1)
    report = checked(stack(), *scheduler_itself([fired]))
    assert [(grant.principal, grant.action) for grant in report.used] == [("the schedule", "states:StartExecution")]
    elsewhere = replace(fired, target_arn=f"{MACHINE}2")
    assert refused(checked(stack(), *scheduler_itself([elsewhere]))) == [("states:StartExecution", f"{MACHINE}2")]
    assert scheduler_itself([]) == []


def test_a_schedule_that_failed_to_start_needs_its_queue() -> None:
    failed = Firing(SCHEDULE, role_arn("schedule"), MACHINE, attempts=3, error="x", dead_letter_arn=QUEUE)
    assert refused(checked(stack(), *scheduler_itself([failed]))) == []
    elsewhere = replace(failed, dead_letter_arn=f"{QUEUE}2")
    assert refused(checked(stack(), *scheduler_itself([elsewhere]))) == [("sqs:SendMessage", f"{QUEUE}2")]


FIRED = Firing(RULE, role_arn("rule"), MACHINE, attempts=1)
BURIED = replace(FIRED, error="x", dead_letter_arn=QUEUE)


@pytest.mark.verifies("permissions.service-roles")
def test_a_rule_that_fired_needs_to_start_its_target() -> None:
    report = checked(stack(), *events_itself([FIRED]))
    assert [(grant.principal, grant.action) for grant in report.used] == [("the rule", "states:StartExecution")]
    elsewhere = replace(FIRED, target_arn=f"{MACHINE}2")
    assert refused(checked(stack(), *events_itself([elsewhere]))) == [("states:StartExecution", f"{MACHINE}2")]
    scheduled = replace(FIRED, source_arn=SCHEDULE)
    assert (events_itself([scheduled]), scheduler_itself([FIRED])) == ([], [])


def let_in(service: str = "events.amazonaws.com", **conditions: str) -> dict[str, Any]:
    """Return a queue policy's statement for a service, for the rule ``RULE`` of this account."""
    owned = {"StringEquals": {"aws:SourceArn": RULE, "aws:SourceAccount": ACCOUNT} | conditions}
    return allow("sqs:SendMessage", QUEUE, Principal={"Service": service}, Condition=owned)


@pytest.mark.verifies("permissions.resource-policies", "events.rules")
def test_a_rules_dead_letters_need_the_queues_own_policy() -> None:
    letters = buried_letters([BURIED, FIRED, replace(BURIED, source_arn=SCHEDULE)], ACCOUNT)
    assert len(letters) == 1
    assert refused(checked(stack(queue_policy=[let_in()]), *letters)) == []


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ([], "the resource's policy does not let the service in"),
        ([let_in("sns.amazonaws.com")], "the resource's policy does not let the service in"),
        ([let_in(**{"aws:SourceArn": f"{RULE}2"})], "the resource's policy does not let the service in"),
        ([let_in(**{"aws:SourceAccount": "1"})], "the resource's policy does not let the service in"),
        ([let_in(), {**let_in(), "Effect": "Deny", "Sid": "No"}], "denied by letters-policy/No"),
    ],
    ids=["nobody", "another service", "another rule", "another account", "denied"],
)
@pytest.mark.verifies("permissions.resource-policies")
def test_a_queue_that_does_not_let_the_rule_in_is_named(statements: list[dict[str, Any]], reason: str) -> None:
    report = checked(stack(queue_policy=statements), *buried_letters([BURIED], ACCOUNT))
    assert refused(report) == [("sqs:SendMessage", QUEUE)]
    assert report.ungranted[0].principal == "events.amazonaws.com"
    assert report.ungranted[0].reason.startswith(reason)


INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]


def in_vpc(interfaces: list[str], *more: dict[str, Any]) -> Stack:
    """Return the stack with one more function, which is in a VPC and has the worker's role."""
    vpc = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    logs = {"LogGroup": "w"}
    function = made(
        "AWS::Lambda::Function", "inside", f"{WORKER}2", Role=role_arn("worker-role"), VpcConfig=vpc, LoggingConfig=logs
    )
    return stack(worker=[*worker_grants(), *([allow(interfaces, "*")] if interfaces else []), *more], more=[function])


@pytest.mark.parametrize("action", INTERFACES)
@pytest.mark.verifies("permissions.service-roles")
def test_lambda_needs_network_interfaces_of_a_function_in_a_vpc(action: str) -> None:
    assert refused(checked(in_vpc(INTERFACES), *lambda_itself(in_vpc(INTERFACES), ["inside"]))) == []
    lacking = in_vpc([each for each in INTERFACES if each != action])
    assert {name for name, _ in refused(checked(lacking, *lambda_itself(lacking, ["inside"])))} == {action}


@pytest.mark.verifies("permissions.conditions")
def test_only_lambdas_calls_for_network_interfaces_do_not_carry_the_functions_arn() -> None:
    for_code = {"ArnLike": {"lambda:SourceFunctionArn": f"{WORKER}*"}}
    denied = [
        {**allow(actions, "*", Condition=for_code), "Effect": "Deny"} for actions in (INTERFACES, "logs:PutLogEvents")
    ]
    found = in_vpc(INTERFACES, *denied)
    assert {name for name, _ in refused(checked(found, *lambda_itself(found, ["inside"])))} == {"logs:PutLogEvents"}
    own = stack(worker=[*worker_grants(), {**allow("s3:GetObject", "*", Condition=for_code), "Effect": "Deny"}])
    assert refused(checked(own, s3_call("GetObject"))) == [("s3:GetObject", MEDIA)]


@pytest.mark.parametrize(
    ("operation", "parameters", "granted"),
    [
        ("PutObject", {"if-none-match": "*"}, True),
        ("CompleteMultipartUpload", {"if-none-match": "*"}, True),
        ("CreateMultipartUpload", {}, True),
        ("UploadPart", {}, True),
        ("PutObject", {}, False),
        ("CompleteMultipartUpload", {}, False),
    ],
)
@pytest.mark.verifies("permissions.conditions")
def test_what_makes_an_object_visible_can_be_made_to_carry_if_none_match(
    operation: str, parameters: dict[str, str], granted: bool
) -> None:
    put = [
        allow("s3:PutObject", f"{BUCKET}/media/*", Condition={"Null": {"s3:if-none-match": "false"}}),
        allow("s3:PutObject", f"{BUCKET}/media/*", Condition={"Bool": {"s3:ObjectCreationOperation": "false"}}),
    ]
    found = stack(worker=[*without(worker_grants(), "s3:PutObject"), *put])
    refusals = refused(checked(found, s3_call(operation, parameters=parameters)))
    assert refusals == ([] if granted else [("s3:PutObject", MEDIA)])


def test_a_managed_policy_and_a_foreign_role_are_refused() -> None:
    managed = made("AWS::IAM::Role", "x", role_arn("x"), ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"])
    with pytest.raises(PermissionsError, match=r"managed policy .*ReadOnlyAccess"):
        checked(stack(more=[managed]))
    foreign = made("AWS::Lambda::Function", "guest", WORKER, Role=role_arn("foreign"))
    found = stack(more=[foreign])
    with pytest.raises(PermissionsError, match="role/foreign is not part of the stack"):
        checked(found, *lambda_itself(found, ["guest"]))


def test_inline_policies_of_a_role_count() -> None:
    inline = [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow("sns:*", TOPIC)]}}]
    role = made("AWS::IAM::Role", "guest", role_arn("guest"), Policies=inline)
    function = made("AWS::Lambda::Function", "worker2", WORKER, Role=role_arn("guest"))
    report = checked(stack(more=[role, function]))
    assert [grant.action for grant in report.unused if grant.principal == "worker2"] == ["sns:*"]


def walked(resources: list[Resource], created: dict[str, list[Created]]) -> Stack:
    return deployed_stack({each.logical_id: each for each in resources}, created, region=REGION, account=ACCOUNT)


def test_resources_are_paired_with_what_they_became() -> None:
    resources = [Resource(name, "AWS::SNS::Topic", {}) for name in ("A", "B")]
    found = walked(resources, {"AWS::SNS::Topic": [Created("a"), Created("b")]})
    assert [(each.name, each.created.ref) for each in found.resources] == [("A", "a"), ("B", "b")]
    with pytest.raises(PermissionsError, match="B: it was not created"):
        walked(resources, {"AWS::SNS::Topic": [Created("a")]})


def test_a_topic_under_a_key_of_the_customers_is_not_guessed_at() -> None:
    topic = Resource("A", "AWS::SNS::Topic", {"KmsMasterKeyId": KEY})
    with pytest.raises(PermissionsError, match="A: who may use the key of its KmsMasterKeyId"):
        walked([topic], {"AWS::SNS::Topic": [Created("a")]})
    awss_own = Resource("A", "AWS::SNS::Topic", {"KmsMasterKeyId": "alias/aws/sns"})
    assert walked([awss_own], {"AWS::SNS::Topic": [Created("a")]}).resources
