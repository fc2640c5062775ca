"""Step Functions, EventBridge Scheduler and EventBridge's rules."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.asl_gate import UnsupportedDefinition, admit
from sandbox.aws.event_pattern import problem_of
from sandbox.aws.template.cloud import Cloud, emulates, given, only, tags
from sandbox.aws.template.model import Created, DeployError, Resource


@emulates(
    "AWS::StepFunctions::StateMachine",
    applied=(
        "StateMachineName", "StateMachineType", "DefinitionString", "DefinitionSubstitutions", "RoleArn", "Tags",
    ),
    recorded={
        "LoggingConfiguration": "the history and every state's input and output are kept instead",
        "TracingConfiguration": "every execution is traced; sampling is not emulated",
        "EncryptionConfiguration": "the definition is kept in memory, unencrypted",
    },
)  # fmt: skip
def state_machine(cloud: Cloud, resource: Resource) -> Created:
    """Create a state machine; a definition beyond the verified features is refused before anything runs."""
    properties = resource.properties
    if properties.get("StateMachineType", "STANDARD") != "STANDARD":
        raise DeployError(f"{resource.logical_id}: only STANDARD state machines are emulated")
    definition = _definition(resource)
    name = cloud.name_for(resource, properties.get("StateMachineName"), limit=80)
    made = cloud.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps(definition),
        roleArn=properties["RoleArn"],
        type="STANDARD",
        tags=tags(properties, "key", "value"),
    )
    arn = made["stateMachineArn"]
    return Created(arn, {"Arn": arn, "Name": name})


def _definition(resource: Resource) -> dict[str, Any]:
    text = resource.properties["DefinitionString"]
    for name, value in resource.properties.get("DefinitionSubstitutions", {}).items():
        # As CloudFormation does it: inside of JSON strings, so the value has to be escaped like one.
        text = text.replace(f"${{{name}}}", json.dumps(value)[1:-1])
    try:
        definition: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise DeployError(f"{resource.logical_id}: the definition is not JSON: {error}") from None
    try:
        admit(definition)
    except UnsupportedDefinition as error:
        raise DeployError(f"{resource.logical_id}: {error}") from error
    return definition


@emulates(
    "AWS::Scheduler::Schedule",
    applied=(
        "Name", "GroupName", "Description", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow",
        "State", "Target", "KmsKeyArn",
    ),
)  # fmt: skip
def schedule(cloud: Cloud, resource: Resource) -> Created:
    """Create a schedule; it fires when ``Account.fire_schedule`` is called."""
    properties = resource.properties
    target = properties["Target"]
    only(resource, target, "Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig")
    name = cloud.name_for(resource, properties.get("Name"))
    same = {key: key for key in properties if key != "Name"}
    made = cloud.client("scheduler").create_schedule(Name=name, **given(properties, **same))
    cloud.record(resource, "*", "schedules do not fire by themselves: --scheduled does it by hand")
    return Created(name, {"Arn": made["ScheduleArn"]})


@emulates("AWS::Events::Rule", applied=("Name", "Description", "EventPattern", "State", "Targets", "Tags"))
def rule(cloud: Cloud, resource: Resource) -> Created:
    """Create a rule on the default bus; it fires when ``Account.fire_rules`` is called."""
    properties = resource.properties
    problem = problem_of(properties.get("EventPattern"))
    if problem is not None:
        raise DeployError(f"{resource.logical_id}: {problem}")
    for target in properties.get("Targets", []):
        only(resource, target, "Arn", "RoleArn", "Id", "Input", "RetryPolicy", "DeadLetterConfig")
        if ":stateMachine:" not in target["Arn"] or "RoleArn" not in target:
            raise DeployError(f"{resource.logical_id}: only state machines with a RoleArn are emulated as targets")
    name = cloud.name_for(resource, properties.get("Name"))
    client = cloud.client("events")
    arn = client.put_rule(
        Name=name,
        EventPattern=json.dumps(properties["EventPattern"]),
        Tags=tags(properties),
        **given(properties, Description="Description", State="State"),
    )["RuleArn"]
    if properties.get("Targets"):
        client.put_targets(Rule=name, Targets=properties["Targets"])
    cloud.record(resource, "*", "rules do not fire by themselves: the sandbox starts runs itself")
    return Created(name, {"Arn": arn})
