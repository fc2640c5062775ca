"""Does by hand what EventBridge Scheduler does when a schedule is due."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws.deployment import Execution
from sandbox.aws.template.model import DeployError

_RETRYABLE = 500
"""Answers from this status on are tried again, and throttled calls are; all others go to the dead letters at once."""

_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_EXHAUSTED = "MaximumRetryAttempts"


@dataclass(frozen=True, slots=True)
class Firing:
    """What came of a schedule that was due.

    ``role_arn`` is the role under which the target was called, ``target_arn`` what was called (StartExecution).
    ``execution`` is ``None`` when the target refused to the end: then ``error`` says why, and the input is in the
    queue ``dead_letter_arn``, unless the schedule has none.
    """

    schedule_arn: str
    role_arn: str
    target_arn: str
    attempts: int
    execution: Execution | None = None
    error: str = ""
    dead_letter_arn: str | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    """A schedule at its moment; ``id`` is Scheduler's own, the same for all attempts."""

    arn: str
    target: Mapping[str, Any]
    id: str
    moment: datetime

    @property
    def input(self) -> str:
        """What the target is given."""
        return str(self.target.get("Input", "{}"))

    @property
    def retries(self) -> int:
        """How often a refused call is repeated."""
        return int(self.target["RetryPolicy"]["MaximumRetryAttempts"])


def fire(client: Callable[[str], Any], name: str | None = None) -> Firing:
    """Call the target of a schedule (of the only one, without a name) with its input, whatever the schedule's state.

    The execution's name is a UUID: the target has no place for a name, so that it is the one that Step Functions would
    choose, and an attempt whose answer was lost does not start a second execution. Attempts follow each other at once:
    Scheduler would wait between them. Raises ``DeployError`` if there is no such schedule or its target is not a state
    machine.
    """
    due = _due(client("scheduler"), name)
    attempts, failure = _attempt(client("stepfunctions"), due)
    target, role = str(due.target["Arn"]), str(due.target["RoleArn"])
    if isinstance(failure, str):
        return Firing(due.arn, role, target, attempts, execution=Execution(failure))
    queue = due.target.get("DeadLetterConfig", {}).get("Arn")
    if queue is not None:
        _bury(client("sqs"), due, str(queue), failure, attempts)
    return Firing(due.arn, role, target, attempts, error=_code(failure), dead_letter_arn=queue)


def _due(scheduler: Any, name: str | None) -> _Due:
    pages = scheduler.get_paginator("list_schedules").paginate()
    found = [each for page in pages for each in page["Schedules"] if name in (None, each["Name"])]
    if len(found) != 1:
        wanted = "schedules" if name is None else f"schedules named {name}"
        raise DeployError(f"the stack has {len(found)} {wanted}, expected one")
    schedule = scheduler.get_schedule(Name=found[0]["Name"], GroupName=found[0]["GroupName"])
    target = schedule["Target"]
    if ":stateMachine:" not in target["Arn"]:
        raise DeployError(f"schedule {schedule['Name']}: only state machines are emulated as targets")
    return _Due(schedule["Arn"], target, str(uuid.uuid4()), datetime.now(UTC))


def _attempt(stepfunctions: Any, due: _Due) -> tuple[int, str | ClientError]:
    """The number of calls made, and the execution's ARN or the last refusal."""
    for attempt in range(1, due.retries + 2):
        try:
            started = stepfunctions.start_execution(stateMachineArn=due.target["Arn"], name=due.id, input=due.input)
        except ClientError as error:
            failure = error
            if not _may_pass(error):
                break
        else:
            return attempt, str(started["executionArn"])
    return attempt, failure


def _may_pass(error: ClientError) -> bool:
    return error.response["ResponseMetadata"]["HTTPStatusCode"] >= _RETRYABLE or _code(error) in _THROTTLED


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _bury(sqs: Any, due: _Due, queue: str, failure: ClientError, attempts: int) -> None:
    """Send the dead-letter event, with the attributes that Scheduler's user guide lists."""
    facts = {
        "ERROR_CODE": _code(failure),
        "ERROR_MESSAGE": str(failure.response["Error"].get("Message", "")),
        "EXECUTION_ID": due.id,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(attempts - 1),
        "SCHEDULED_TIME": due.moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SCHEDULE_ARN": due.arn,
        "TARGET_ARN": str(due.target["Arn"]),
        **({"EXHAUSTED_RETRY_CONDITION": _EXHAUSTED} if _may_pass(failure) else {}),
    }
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"],
        MessageBody=due.input,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in facts.items() if value
        },
    )
