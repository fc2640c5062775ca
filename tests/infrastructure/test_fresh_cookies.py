"""Storing fresh cookies starts a run: on exactly that event, of exactly that secret, through exactly that rule."""

from __future__ import annotations

import json

from cloud_sync_common.rules.run_request import RunRequest, parse_run_request
from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import Template
from tests.infrastructure.test_permissions import readable
from tests.infrastructure.variants import EXAMPLES, SECRET

RULE = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:rule/GoProCloudSync-FreshCookies"


def test_the_rule_hears_of_new_cookies_and_of_nothing_else(template: Template) -> None:
    rule = template.properties("Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.secretsmanager"],
        "detail-type": ["Secret Label Updated"],
        "detail": {"name": ["gopro/credentials"], "labelUpdated": ["AWSCURRENT"]},
    }
    assert rule["State"] == "ENABLED"
    assert "EventBusName" not in rule


def test_the_rule_listens_for_the_stages_own_secret_or_the_adopted_one(chosen: Template, variant: Variant) -> None:
    adopted = variant(SECRET)
    for of, secret in ((chosen, "gopro/credentials-test"), (adopted, SECRET["existing_secret"])):
        assert of.properties("Events::Rule")["EventPattern"]["detail"]["name"] == [secret]


def test_it_starts_a_run_like_any_other(template: Template) -> None:
    [target] = template.properties("Events::Rule")["Targets"]
    schedule = template.properties("Scheduler::Schedule")["Target"]
    assert target["Arn"] == schedule["Arn"]
    assert target["Input"] == schedule["Input"]
    assert "InputPath" not in target
    assert "InputTransformer" not in target
    # The event itself would be refused as a run's input.
    assert parse_run_request(json.loads(target["Input"])) == RunRequest()


def test_a_start_that_fails_is_tried_again_and_then_kept(template: Template) -> None:
    [target] = template.properties("Events::Rule")["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    assert readable(target["DeadLetterConfig"]) == {"Arn": "<FreshCookiesDeadLetters.Arn>"}
    queue = template.properties("SQS::Queue", "FreshCookies")
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_its_queue_takes_messages_of_this_rule_only_and_over_tls_only(template: Template) -> None:
    policy = template.properties("SQS::QueuePolicy", "FreshCookies")
    assert readable(policy["Queues"]) == ["<FreshCookiesDeadLetters>"]
    assert readable(policy["PolicyDocument"]["Statement"]) == [
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sqs:*",
            "Resource": "<FreshCookiesDeadLetters.Arn>",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "<FreshCookiesDeadLetters.Arn>",
            "Condition": {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>", "aws:SourceArn": RULE}},
        },
    ]


def test_the_rule_has_the_name_that_its_role_and_its_queue_are_for(template: Template, chosen: Template) -> None:
    assert RULE.endswith(f":rule/{template.properties('Events::Rule')['Name']}")
    # 64 characters are EventBridge's limit, and the longest stage has 20.
    name = chosen.properties("Events::Rule")["Name"]
    assert name == "GoProCloudSync-test-FreshCookies"
    assert len(name.replace("test", "t" * 20)) <= 64


def test_without_the_setting_there_is_no_rule_no_role_and_no_queue(variant: Variant) -> None:
    _, off = EXAMPLES["run_on_fresh_cookies"]
    assert off == {"run_on_fresh_cookies": "false"}
    assert not [name for name in variant(off).document["Resources"] if name.startswith("FreshCookies")]
