"""When runs start, who is told, and what a deployment says about itself."""

from __future__ import annotations

import json

from cloud_sync_common.rules.run_request import RunRequest, parse_run_request
from tests.infrastructure.synthesis import Template
from tests.infrastructure.test_permissions import readable


def test_a_run_starts_every_night_in_the_owners_zone(template: Template, chosen: Template) -> None:
    schedule = template.properties("Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}
    assert schedule["State"] == "ENABLED"
    other = chosen.properties("Scheduler::Schedule")
    assert other["ScheduleExpression"] == "rate(6 hours)"
    assert other["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert other["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert other["State"] == "DISABLED"


def test_a_start_that_fails_is_tried_again_and_then_kept(template: Template) -> None:
    target = template.properties("Scheduler::Schedule")["Target"]
    assert readable(target["DeadLetterConfig"]) == {"Arn": "<ScheduleDeadLetters.Arn>"}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    queue = template.properties("SQS::Queue", "Schedule")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_start_asks_for_a_whole_run_of_this_machine(template: Template) -> None:
    target = template.properties("Scheduler::Schedule")["Target"]
    assert readable(target["Arn"]) == "<SyncStateMachine>"
    assert readable(target["RoleArn"]) == "<ScheduleRole.Arn>"
    assert parse_run_request(json.loads(target["Input"])) == RunRequest()


def test_the_schedule_is_in_the_group_that_its_role_is_for(template: Template) -> None:
    # Scheduler names the group, not the schedule, when it assumes the role: see test_trust.
    assert not {"GroupName", "Name", "KmsKeyArn"} & set(template.properties("Scheduler::Schedule"))


def test_the_schedule_has_no_end(template: Template, chosen: Template) -> None:
    for of in (template, chosen):
        assert not {"StartDate", "EndDate"} & set(of.properties("Scheduler::Schedule"))


def test_a_person_is_told_only_if_there_is_an_address(template: Template, chosen: Template) -> None:
    assert not template.of_type("SNS::Subscription")
    subscription = chosen.properties("SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "someone@example.com")


def test_the_topic_and_the_queue_refuse_plain_http(template: Template) -> None:
    for kind, prefix in (("SNS::TopicPolicy", ""), ("SQS::QueuePolicy", "Schedule")):
        [statement] = template.properties(kind, prefix)["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_another_stage_is_another_stack_of_the_same_shape(template: Template, chosen: Template) -> None:
    added = {name for name in chosen.document["Resources"] if name not in template.document["Resources"]}
    assert {chosen.document["Resources"][name]["Type"] for name in added} == {"AWS::SNS::Subscription"}
    assert chosen.properties("Logs::LogGroup", "SyncLogs")["LogGroupName"].endswith("/GoProCloudSync-test")
