"""What AWS's services do with the stack's roles: Lambda, Step Functions and Scheduler work in their users' names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox.aws.permissions.actions import SECURE
from sandbox.aws.permissions.model import Need, ServiceCall
from sandbox.aws.permissions.stack import Deployed, Stack
from sandbox.aws.schedule import Firing

_LOG_DELIVERY = (
    "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
    "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups",
)  # fmt: skip
"""Step Functions developer guide, "Using CloudWatch Logs to log execution history": none has a resource level."""

_TRACING = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
"""Step Functions developer guide, "Trace Step Functions request data in AWS X-Ray"."""


def lambda_itself(stack: Stack, ran: Iterable[str]) -> list[ServiceCall]:
    """Return what Lambda did with the roles of the functions that ran, by their physical names: logs and traces.

    Source: Lambda developer guide, "Working with Lambda execution environment credentials" and "Visualize Lambda
    function invocations using AWS X-Ray".
    """
    names = set(ran)
    functions = [each for each in stack.of("AWS::Lambda::Function") if each.created.ref in names]
    return [
        ServiceCall(each.resource.properties["Role"], "Lambda itself", _own_needs(each, stack)) for each in functions
    ]


def _own_needs(function: Deployed, stack: Stack) -> tuple[Need, ...]:
    properties = function.resource.properties
    group = properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{function.created.ref}")
    stream = stack.arn("logs", f"log-group:{group}:log-stream:any")
    needs = [Need(f"logs:{action}", (stream,), SECURE) for action in ("CreateLogStream", "PutLogEvents")]
    if all(each.created.ref != group for each in stack.of("AWS::Logs::LogGroup")):
        needs.append(Need("logs:CreateLogGroup", (stack.arn("logs", f"log-group:{group}"),), SECURE))
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        needs += [Need(f"xray:{action}", ("*",), SECURE) for action in ("PutTraceSegments", "PutTelemetryRecords")]
    return tuple(needs)


def step_functions_itself(stack: Stack, history: Iterable[Mapping[str, Any]]) -> list[ServiceCall]:
    """Return what Step Functions did with the machine's role, from event histories (``Account.history_of``).

    Each event needs its ``executionArn``. S3 calls of ItemReader and ResultWriter are not among them: they are in the
    S3 server's own log, under the key that was issued to Step Functions. Logging and tracing count as soon as the
    machine has them switched on and anything ran.
    """
    events = list(history)
    calls = []
    for machine in stack.of("AWS::StepFunctions::StateMachine"):
        arn = machine.created.ref
        own = [event for event in events if _machine_of(event["executionArn"]) == arn.rpartition(":")[2]]
        needs = (*_event_needs(own, arn), *(_observing(machine) if own else ()))
        calls.append(ServiceCall(machine.resource.properties["RoleArn"], "Step Functions", needs))
    return calls


def _machine_of(execution_arn: str) -> str:
    """Return the machine's name from the ARN of an execution or of a Map Run's child (``machine/label``)."""
    return execution_arn.split(":")[6].partition("/")[0]


def _event_needs(events: Iterable[Mapping[str, Any]], machine_arn: str) -> Iterator[Need]:
    for event in events:
        execution, kind = event["executionArn"], event["type"]
        is_child = "/" in execution.split(":")[6]
        if kind == "TaskScheduled":
            parameters = json.loads(event["taskScheduledEventDetails"]["parameters"])
            yield Need("lambda:InvokeFunction", (parameters["FunctionName"],), SECURE)
        elif kind == "ExecutionStarted" and is_child:
            yield Need("states:StartExecution", (machine_arn,), SECURE)
            yield Need("states:DescribeExecution", _either(execution), SECURE)
        elif kind == "ExecutionAborted" and is_child:
            yield Need("states:StopExecution", _either(execution), SECURE)


def _either(child_arn: str) -> tuple[str, str]:
    """Return a child's own ARN and the one without its Map's label.

    The developer guide ("IAM policies for using Distributed Map states") grants these on ``execution:machine:*``,
    though a child's ARN is ``execution:machine/label:name``: which one is asked for is not documented.
    """
    start, _, name = child_arn.rpartition(":")
    return child_arn, f"{start.partition('/')[0]}:{name}"


def _observing(machine: Deployed) -> Iterator[Need]:
    properties = machine.resource.properties
    if properties.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF":
        yield from (Need(f"logs:{action}", ("*",), SECURE) for action in _LOG_DELIVERY)
    if properties.get("TracingConfiguration", {}).get("Enabled"):
        yield from (Need(f"xray:{action}", ("*",), SECURE) for action in _TRACING)


def scheduler_itself(firings: Iterable[Firing]) -> list[ServiceCall]:
    """Return what Scheduler did for the schedules that were fired: starting the target, keeping what never started.

    Source: EventBridge Scheduler user guide, "Setting up the execution role" and "Configuring a dead-letter queue".
    """
    calls = []
    for firing in firings:
        needs = [Need("states:StartExecution", (firing.target_arn,), SECURE)]
        if firing.dead_letter_arn is not None:
            needs.append(Need("sqs:SendMessage", (firing.dead_letter_arn,), SECURE, (firing.dead_letter_arn,)))
        calls.append(ServiceCall(firing.role_arn, "Scheduler", tuple(needs)))
    return calls
