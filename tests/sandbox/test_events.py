"""Secrets Manager's own event, and the rules that start something for it: fired by hand, as EventBridge would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from sandbox.aws.event_pattern import Event
from sandbox.aws.events import Secrets, send
from sandbox.aws.moto_server import MotoServer
from sandbox.aws.targets import Firing
from tests.sandbox.dynamodb_support import client_of

ROLE = "arn:aws:iam::123456789012:role/rule"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
GONE = "arn:aws:states:us-east-1:123456789012:stateMachine:gone"
FRESH = {"source": ["aws.secretsmanager"], "detail": {"name": ["cookies"], "labelUpdated": ["AWSCURRENT"]}}


class Account:
    """Two secrets that have a value, a state machine, a queue; rules as tests want them."""

    def __init__(self, server: MotoServer) -> None:
        services = ("events", "secretsmanager", "stepfunctions", "sqs")
        self.clients = {service: client_of(server, service) for service in services}
        self.secrets_manager = self.clients["secretsmanager"]
        for name in ("cookies", "other"):
            self.secrets_manager.create_secret(Name=name, SecretString="old")
        self.queue = self.clients["sqs"].create_queue(QueueName="letters")["QueueUrl"]
        self.machine = self.clients["stepfunctions"].create_state_machine(
            name="m", definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}', roleArn=ROLE
        )["stateMachineArn"]
        self.secrets = Secrets(self.clients.__getitem__, "us-east-1", "123456789012")

    def rule(self, pattern: dict[str, Any], state: str = "ENABLED", **target: Any) -> str:
        """Make a rule that starts the machine, and return its ARN."""
        events = self.clients["events"]
        arn: str = events.put_rule(Name="fresh", EventPattern=json.dumps(pattern), State=state)["RuleArn"]
        events.put_targets(Rule="fresh", Targets=[{"Id": "1", "Arn": self.machine, "RoleArn": ROLE, **target}])
        return arn

    def store(self, name: str = "cookies", **more: Any) -> str:
        """Store a new value and return its version."""
        version: str = self.secrets_manager.put_secret_value(SecretId=name, SecretString="new", **more)["VersionId"]
        return version

    def fire(self) -> list[Firing]:
        return [firing for event in self.secrets.moved() for firing in send(self.clients.__getitem__, event)]

    def input_of(self, firing: Firing) -> str:
        assert firing.execution is not None
        found = self.clients["stepfunctions"].describe_execution(executionArn=firing.execution.arn)
        return str(found["input"])


@pytest.fixture
def account() -> Iterator[Account]:
    with closing(MotoServer()) as server:
        made = Account(server)
        yield made
        for client in made.clients.values():
            client.close()


def told(events: list[Event]) -> list[tuple[str, str, str]]:
    return [(each["detail"]["name"], each["detail"]["labelUpdated"], each["detail"]["versionId"]) for each in events]


@pytest.mark.verifies("events.secrets")
def test_a_stored_value_is_told_with_name_label_and_version_and_never_itself(account: Account) -> None:
    version = account.store()
    (event,) = account.secrets.moved()
    assert told([event]) == [("cookies", "AWSCURRENT", version)]
    assert (event["source"], event["detail-type"]) == ("aws.secretsmanager", "Secret Label Updated")
    assert event["resources"] == [account.secrets_manager.describe_secret(SecretId="cookies")["ARN"]]
    assert event.keys() == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert "new" not in json.dumps(event)
    assert account.secrets.moved() == []


@pytest.mark.verifies("events.secrets")
def test_labels_that_are_moved_by_hand_are_told_and_the_silent_ones_never(account: Account) -> None:
    (old,) = account.secrets_manager.describe_secret(SecretId="cookies")["VersionIdsToStages"]
    new = account.store(VersionStages=["AWSPENDING", "mine"])
    assert told(account.secrets.moved()) == [("cookies", "mine", new)]
    account.secrets_manager.update_secret_version_stage(
        SecretId="cookies", VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old
    )
    assert told(account.secrets.moved()) == [("cookies", "AWSCURRENT", new)]


@pytest.mark.verifies("events.rules")
def test_a_rule_starts_its_target_with_its_own_input_under_its_role(account: Account) -> None:
    rule = account.rule(FRESH, Input='{"limit": 3}')
    account.store()
    (firing,) = account.fire()
    assert (firing.source_arn, firing.role_arn, firing.target_arn) == (rule, ROLE, account.machine)
    assert account.input_of(firing) == '{"limit": 3}'
    assert account.fire() == []


def test_a_target_without_an_input_gets_the_event(account: Account) -> None:
    account.rule(FRESH)
    version = account.store()
    (firing,) = account.fire()
    assert json.loads(account.input_of(firing))["detail"]["versionId"] == version


@pytest.mark.parametrize("secret", ["cookies", "other"])
@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
def test_only_enabled_rules_whose_pattern_matches_fire(account: Account, secret: str, state: str) -> None:
    account.rule(FRESH, state)
    account.store(secret)
    assert len(account.fire()) == (secret == "cookies" and state == "ENABLED")


@pytest.mark.verifies("events.rules")
def test_what_cannot_be_started_goes_to_the_rules_dead_letters_with_the_event(account: Account) -> None:
    rule = account.rule(FRESH, Arn=GONE, Input="{}", DeadLetterConfig={"Arn": QUEUE})
    version = account.store()
    (firing,) = account.fire()
    assert (firing.execution, firing.error, firing.dead_letter_arn) == (None, "StateMachineDoesNotExist", QUEUE)
    (letter,) = account.clients["sqs"].receive_message(QueueUrl=account.queue, MessageAttributeNames=["All"])[
        "Messages"
    ]
    facts = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert facts["RULE_ARN"] == rule
    assert (facts["TARGET_ARN"], facts["ERROR_CODE"]) == (GONE, "StateMachineDoesNotExist")
    assert json.loads(letter["Body"])["detail"]["versionId"] == version
