"""When runs start, who is told, and what a deployment says about itself."""

from __future__ import annotations

from urllib.parse import unquote

from tests.infrastructure.synthesis import Template, text_of


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
    [queue] = template.of_type("SQS::Queue")
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    assert target["Input"] == "{}"
    properties = template.properties("SQS::Queue")
    assert properties["SqsManagedSseEnabled"] is True
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_schedules_role_serves_this_account_only(template: Template) -> None:
    [statement] = template.properties("IAM::Role", "ScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
    condition = statement["Condition"]["StringEquals"]
    assert condition["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert text_of(condition["aws:SourceArn"]).endswith(":schedule-group/default")


def test_a_person_is_told_only_if_there_is_an_address(template: Template, chosen: Template) -> None:
    assert not template.of_type("SNS::Subscription")
    subscription = chosen.properties("SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "someone@example.com")


def test_the_topic_and_the_queue_refuse_plain_http(template: Template) -> None:
    for kind in ("SNS::TopicPolicy", "SQS::QueuePolicy"):
        [statement] = template.properties(kind)["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_outputs_name_everything_a_person_needs(template: Template) -> None:
    outputs = {name: text_of(entry["Value"]) for name, entry in template.document["Outputs"].items()}
    assert {"StateMachineArn", "ArchiveBucketName", "RunsBucketName", "TableName", "SecretName"} <= set(outputs)
    assert {"TopicArn", "KeyArn", "StoreCookies", "StartRun"} <= set(outputs)
    for name, text in outputs.items():
        if name.endswith("Console"):
            assert text.startswith("https://<AWS::Region>.console.aws.amazon.com/")
    assert "gopro/credentials" in unquote(outputs["SecretConsole"])
    assert outputs["StoreCookies"].startswith("aws secretsmanager put-secret-value")
    assert "<SyncStateMachine81090156>" in outputs["StartRun"]


def test_another_stage_is_another_stack_of_the_same_shape(template: Template, chosen: Template) -> None:
    added = {name for name in chosen.document["Resources"] if name not in template.document["Resources"]}
    assert {chosen.document["Resources"][name]["Type"] for name in added} == {"AWS::SNS::Subscription"}
    assert chosen.properties("Logs::LogGroup", "SyncLogs")["LogGroupName"].endswith("/GoProCloudSync-test")
