"""State machines, schedules and rules, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import Created, Resource
from sandbox.aws.template.readback.check import present, reads, tags_of
from sandbox.aws.template.resolver import substituted


@reads("AWS::StepFunctions::StateMachine")
def state_machine(cloud: Cloud, resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a state machine; text and substitutions count as applied when the resolved definition is the service's."""
    client = cloud.client("stepfunctions")
    held = client.describe_state_machine(stateMachineArn=created.ref)
    asked = resource.properties
    wanted = substituted(asked["DefinitionString"], asked.get("DefinitionSubstitutions", {}))
    same = {name: asked[name] for name in ("DefinitionString", "DefinitionSubstitutions") if name in asked}
    return {
        "StateMachineName": held["name"],
        "StateMachineType": held["type"],
        "RoleArn": held["roleArn"],
        "Tags": tags_of(client.list_tags_for_resource(resourceArn=created.ref)["tags"], "key", "value"),
        **(same if json.loads(held["definition"]) == json.loads(wanted) else {"DefinitionString": held["definition"]}),
    }


@reads("AWS::Scheduler::Schedule")
def schedule(cloud: Cloud, resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a schedule."""
    group = resource.properties.get("GroupName", "default")
    held: Mapping[str, Any] = cloud.client("scheduler").get_schedule(Name=created.ref, GroupName=group)
    return held


@reads("AWS::Events::Rule")
def rule(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a rule with its targets."""
    client = cloud.client("events")
    held = client.describe_rule(Name=created.ref)
    return present(
        Name=held["Name"],
        Description=held.get("Description"),
        State=held["State"],
        EventPattern=json.loads(held["EventPattern"]),
        Targets=client.list_targets_by_rule(Rule=created.ref)["Targets"],
        Tags=tags_of(client.list_tags_for_resource(ResourceARN=held["Arn"])["Tags"]),
    )
