"""A schedule fired by hand does what EventBridge Scheduler does: target, input, role, retries, dead letters."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from sandbox.aws.moto_server import MotoServer
from sandbox.aws.schedule import fire
from sandbox.aws.targets import Firing
from sandbox.aws.template.model import DeployError
from tests.sandbox.dynamodb_support import client_of

ROLE = "arn:aws:iam::123456789012:role/scheduler"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
GONE = "arn:aws:states:us-east-1:123456789012:stateMachine:gone"


class Account:
    """Schedules, a queue and a state machine; ``refusals`` are answered before StartExecution is let through."""

    def __init__(self, server: MotoServer) -> None:
        services = ("scheduler", "stepfunctions", "sqs")
        self.clients = {service: client_of(server, service) for service in services}
        self.queue = self.clients["sqs"].create_queue(QueueName="letters")["QueueUrl"]
        self.machine = self.clients["stepfunctions"].create_state_machine(
            name="m", definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}', roleArn=ROLE
        )["stateMachineArn"]
        self.calls: list[dict[str, Any]] = []

    def schedule(self, name: str = "daily", **target: Any) -> None:
        self.clients["scheduler"].create_schedule(
            Name=name,
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": self.machine, "RoleArn": ROLE, **target},
        )

    def refuse(self, times: int, code: str, status: int) -> None:
        """Answer the first calls of StartExecution with this error, at the wire."""

        def answer(request: Any, **_: Any) -> Any:
            self.calls.append(json.loads(request.body))
            if len(self.calls) > times:
                return None
            body = json.dumps({"__type": code, "message": "because"}).encode()
            response: Any = AWSResponse(request.url, status, HTTPHeaders(), None)
            response._content = body
            return response

        self.clients["stepfunctions"].meta.events.register("before-send.sfn.StartExecution", answer)

    def fire(self, name: str | None = None) -> Firing:
        return fire(self.clients.__getitem__, name)

    def letters(self) -> list[dict[str, Any]]:
        answer = self.clients["sqs"].receive_message(
            QueueUrl=self.queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        return [
            {name: value["StringValue"] for name, value in each["MessageAttributes"].items()} | {"body": each["Body"]}
            for each in answer.get("Messages", [])
        ]


@pytest.fixture
def account() -> Iterator[Account]:
    with closing(MotoServer()) as server:
        made = Account(server)
        yield made
        for client in made.clients.values():
            client.close()


@pytest.mark.verifies("scheduler.fire")
def test_the_target_is_started_with_its_input_under_its_role(account: Account) -> None:
    account.schedule(Input='{"limit": 3}')
    firing = account.fire()
    assert (firing.role_arn, firing.target_arn, firing.attempts, firing.error) == (ROLE, account.machine, 1, "")
    assert firing.execution is not None
    described = account.clients["stepfunctions"].describe_execution(executionArn=firing.execution.arn)
    assert described["input"] == '{"limit": 3}'
    assert str(uuid.UUID(described["name"])) == described["name"]


def test_two_firings_are_two_executions(account: Account) -> None:
    account.schedule()
    assert account.fire().execution != account.fire().execution


@pytest.mark.verifies("scheduler.dead-letters")
def test_a_target_that_is_gone_goes_to_the_dead_letters_at_once(account: Account) -> None:
    account.schedule(Arn=GONE, Input='{"a": 1}', DeadLetterConfig={"Arn": QUEUE})
    firing = account.fire()
    assert (firing.execution, firing.attempts, firing.error) == (None, 1, "StateMachineDoesNotExist")
    assert firing.dead_letter_arn == QUEUE
    (letter,) = account.letters()
    assert (letter["body"], letter["ERROR_CODE"], letter["TARGET_ARN"]) == (
        '{"a": 1}',
        "StateMachineDoesNotExist",
        GONE,
    )
    assert letter["SCHEDULE_ARN"] == firing.source_arn
    assert "EXHAUSTED_RETRY_CONDITION" not in letter


@pytest.mark.verifies("scheduler.retries")
def test_a_target_that_is_busy_is_tried_again_under_one_name(account: Account) -> None:
    account.schedule(RetryPolicy={"MaximumRetryAttempts": 2})
    account.refuse(2, "ThrottlingException", 400)
    assert account.fire().attempts == 3
    assert len({call["name"] for call in account.calls}) == 1


@pytest.mark.verifies("scheduler.retries")
def test_a_target_that_stays_broken_goes_to_the_dead_letters_after_its_retries(account: Account) -> None:
    account.schedule(RetryPolicy={"MaximumRetryAttempts": 2}, DeadLetterConfig={"Arn": QUEUE})
    account.refuse(99, "ServiceUnavailable", 503)
    firing = account.fire()
    assert (firing.execution, firing.attempts) == (None, 3)
    (letter,) = account.letters()
    assert (letter["RETRY_ATTEMPTS"], letter["EXHAUSTED_RETRY_CONDITION"]) == ("2", "MaximumRetryAttempts")


def test_without_a_queue_a_failed_start_is_only_reported(account: Account) -> None:
    account.schedule(Arn=GONE)
    firing = account.fire()
    assert (firing.execution, firing.dead_letter_arn, account.letters()) == (None, None, [])


def test_one_of_several_schedules_has_to_be_named(account: Account) -> None:
    account.schedule("daily")
    account.schedule("weekly", Input='{"limit": 1}')
    with pytest.raises(DeployError, match="2 schedules, expected one"):
        account.fire()
    assert account.fire("weekly").execution is not None
    with pytest.raises(DeployError, match="0 schedules named hourly"):
        account.fire("hourly")


def test_a_target_of_another_kind_is_refused(account: Account) -> None:
    account.schedule(Arn="arn:aws:lambda:us-east-1:123456789012:function:f")
    with pytest.raises(DeployError, match="only state machines"):
        account.fire()
