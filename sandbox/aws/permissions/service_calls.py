"""What AWS's services do with the stack's roles: Lambda, Step Functions, Scheduler and EventBridge in users' names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox.aws.permissions.actions import SECURE
from sandbox.aws.permissions.model import Context, Need, OwnCall, ServiceCall
from sandbox.aws.permissions.policies import EVENTS
from sandbox.aws.permissions.stack import Deployed, Stack
from sandbox.aws.targets import Firing

_LOG_DELIVERY = (
    "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
    "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups",
)  # fmt: skip
"""Step Functions developer guide, "Using CloudWatch Logs to log execution history": none has a resource level."""

_TRACING = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
"""Step Functions developer guide, "Trace Step Functions request data in AWS X-Ray"."""


def lambda_itself(stack: Stack, ran: Iterable[str]) -> list[ServiceCall]:
    """Return what Lambda did with the roles of the functions that ran, by their physical names: logs, traces, network.

    Source: Lambda developer guide, "Using source function ARN to control function access behavior" (which of them carry
    it: those for network interfaces do not) and "Visualize Lambda function invocations using AWS X-Ray".
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
    source = {**SECURE, "lambda:sourcefunctionarn": (function.created.attributes["Arn"],)}
    needs = [Need(f"logs:{action}", (stream,), source) for action in ("CreateLogStream", "PutLogEvents")]
    if all(each.created.ref != group for each in stack.of("AWS::Logs::LogGroup")):
        needs.append(Need("logs:CreateLogGroup", (stack.arn("logs", f"log-group:{group}"),), source))
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        needs += [Need(f"xray:{action}", ("*",), source) for action in ("PutTraceSegments", "PutTelemetryRecords")]
    return (*needs, *_interface_needs(properties.get("VpcConfig", {}), stack))


def _interface_needs(vpc: Mapping[str, Any], stack: Stack) -> Iterator[Need]:
    """Give what Lambda needs for a function's network interfaces in a VPC; nothing without one.

    Source: Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC", execution role; the
    resources are those of the service authorization reference for EC2.
    """
    if not vpc:
        return
    interface = stack.arn("ec2", "network-interface/any")
    subnets = [stack.arn("ec2", f"subnet/{each}") for each in vpc["SubnetIds"]]
    groups = [stack.arn("ec2", f"security-group/{each}") for each in vpc["SecurityGroupIds"]]
    for resource in (interface, *subnets, *groups):
        yield Need("ec2:CreateNetworkInterface", (resource,), SECURE)
    for action in ("DeleteNetworkInterface", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"):
        yield Need(f"ec2:{action}", (interface,), SECURE)
    for action in ("DescribeNetworkInterfaces", "DescribeSubnets"):
        yield Need(f"ec2:{action}", ("*",), SECURE)


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
    for firing in _of(firings, "scheduler"):
        needs = [Need("states:StartExecution", (firing.target_arn,), SECURE)]
        if firing.dead_letter_arn is not None:
            needs.append(_letter(firing.dead_letter_arn, SECURE))
        calls.append(ServiceCall(firing.role_arn, "Scheduler", tuple(needs)))
    return calls


def events_itself(firings: Iterable[Firing]) -> list[ServiceCall]:
    """Return what EventBridge did with the roles of the rules that were fired: starting their targets.

    Source: EventBridge user guide, "Using identity-based policies", on Step Functions as a target.
    """
    return [
        ServiceCall(firing.role_arn, "EventBridge", (Need("states:StartExecution", (firing.target_arn,), SECURE),))
        for firing in _of(firings, "events")
    ]


def buried_letters(firings: Iterable[Firing], account: str) -> list[OwnCall]:
    """Return what EventBridge did in its own name: a rule's dead letters need the queue's policy, not a role.

    Source: EventBridge user guide, "Using dead-letter queues to process undelivered events", "Granting permissions to
    the dead-letter queue".
    """
    return [
        OwnCall(EVENTS, (_letter(firing.dead_letter_arn, _from(firing.source_arn, account)),))
        for firing in _of(firings, "events")
        if firing.dead_letter_arn is not None
    ]


def _of(firings: Iterable[Firing], service: str) -> list[Firing]:
    """Return the firings of a service's own resources: ``arn:aws:events:...`` or ``arn:aws:scheduler:...``."""
    return [firing for firing in firings if firing.source_arn.split(":")[2] == service]


def _letter(queue_arn: str, context: Context) -> Need:
    return Need("sqs:SendMessage", (queue_arn,), context, (queue_arn,))


def _from(source_arn: str, account: str) -> Context:
    return {**SECURE, "aws:sourcearn": (source_arn,), "aws:sourceaccount": (account,)}
