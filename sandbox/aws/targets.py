"""Starts the target of a schedule or a rule as its service does: attempts under one name, then the dead letters.

The same for EventBridge Scheduler and for EventBridge's rules (user guides, "Configuring a dead-letter queue" and
"How EventBridge retries delivering events"): what may pass is tried again, anything else is buried at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws.deployment import Execution
from sandbox.aws.template.model import DeployError

_RETRYABLE = 500
"""Answers from this status on are tried again, and throttled calls are; all others go to the dead letters at once."""

_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"})
_EXHAUSTED = "MaximumRetryAttempts"

MOST_RETRIES = 185
"""Of a target that says nothing about it (both services' RetryPolicy)."""


@dataclass(frozen=True, slots=True)
class Firing:
    """What came of a schedule that was due, or of a rule whose event happened.

    ``role_arn`` is the role under which the target was called, ``target_arn`` what was called (StartExecution).
    ``execution`` is ``None`` when the target refused to the end: then ``error`` says why, and the input is in the
    queue ``dead_letter_arn``, unless the target has none.
    """

    source_arn: str
    role_arn: str
    target_arn: str
    attempts: int
    execution: Execution | None = None
    error: str = ""
    dead_letter_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What a service writes to the queue of dead letters besides error and attempts."""

    body: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Start:
    """A state machine to start for the schedule or rule ``source_arn``; ``target`` is the target in the API's words.

    ``id`` is the execution's name, the same for all attempts: an attempt whose answer was lost starts no second one.
    """

    source_arn: str
    target: Mapping[str, Any]
    id: str
    input: str

    @property
    def retries(self) -> int:
        """How often a refused call is repeated."""
        return int(self.target.get("RetryPolicy", {}).get("MaximumRetryAttempts", MOST_RETRIES))


def new_start(source_arn: str, target: Mapping[str, Any], otherwise: str) -> Start:
    """Return what is to be started, with ``otherwise`` where the target has no input of its own.

    Its name is a UUID: the target has no place for a name, so that it is the one that Step Functions would choose.
    Raises ``DeployError`` if the target is not a state machine.
    """
    if ":stateMachine:" not in target["Arn"]:
        name = source_arn.rpartition("/")[2]
        raise DeployError(f"{name}: only state machines are emulated as targets, not {target['Arn']}")
    return Start(source_arn, target, str(uuid.uuid4()), str(target.get("Input", otherwise)))


def deliver(client: Callable[[str], Any], start: Start, letter: Letter) -> Firing:
    """Start the target, or bury ``letter``. Attempts follow each other at once: the services would wait between."""
    attempts, failure = _attempt(client("stepfunctions"), start)
    target, role = str(start.target["Arn"]), str(start.target["RoleArn"])
    if isinstance(failure, str):
        return Firing(start.source_arn, role, target, attempts, execution=Execution(failure))
    queue = start.target.get("DeadLetterConfig", {}).get("Arn")
    if queue is not None:
        _bury(client("sqs"), letter, str(queue), failure, attempts)
    return Firing(start.source_arn, role, target, attempts, error=_code(failure), dead_letter_arn=queue)


def _attempt(stepfunctions: Any, start: Start) -> tuple[int, str | ClientError]:
    """The number of calls made, and the execution's ARN or the last refusal."""
    for attempt in range(1, start.retries + 2):
        try:
            started = stepfunctions.start_execution(
                stateMachineArn=start.target["Arn"], name=start.id, input=start.input
            )
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


def _bury(sqs: Any, letter: Letter, queue: str, failure: ClientError, attempts: int) -> None:
    """Send the dead letter, with the attributes that both user guides list."""
    facts = {
        **letter.facts,
        "ERROR_CODE": _code(failure),
        "ERROR_MESSAGE": str(failure.response["Error"].get("Message", "")),
        "RETRY_ATTEMPTS": str(attempts - 1),
        **({"EXHAUSTED_RETRY_CONDITION": _EXHAUSTED} if _may_pass(failure) else {}),
    }
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"],
        MessageBody=letter.body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in facts.items() if value
        },
    )
