"""Logs, alarms and dashboards: kept or recorded; nothing here watches anything."""

from __future__ import annotations

import json

from sandbox.aws.template.cloud import REGISTRY, Cloud, Emulation, emulates, given, tag_map
from sandbox.aws.template.model import Created, DeployError, Resource


@emulates(
    "AWS::Logs::LogGroup",
    applied=("LogGroupName", "RetentionInDays", "KmsKeyId", "Tags"),
    recorded={"LogGroupClass": "logs are written to files"},
)
def log_group(cloud: Cloud, resource: Resource) -> Created:
    """Create a log group; functions write to files instead."""
    properties = resource.properties
    client = cloud.client("logs")
    name = cloud.name_for(resource, properties.get("LogGroupName"), limit=512)
    client.create_log_group(logGroupName=name, tags=tag_map(properties), **given(properties, KmsKeyId="kmsKeyId"))
    if "RetentionInDays" in properties:
        client.put_retention_policy(logGroupName=name, retentionInDays=properties["RetentionInDays"])
    cloud.record(resource, "*", "functions log to files")
    return Created(name, {"Arn": cloud.arn("logs", f"log-group:{name}:*")})


@emulates(
    "AWS::CloudWatch::Dashboard",
    applied=("DashboardName", "DashboardBody"),
    recorded={"Tags": "a dashboard's tags are not kept"},
)
def dashboard(cloud: Cloud, resource: Resource) -> Created:
    """Keep a dashboard; a body that is not JSON is refused, as CloudWatch refuses it."""
    name = cloud.name_for(resource, resource.properties.get("DashboardName"), limit=255)
    body = resource.properties["DashboardBody"]
    try:
        json.loads(body)
    except ValueError as error:
        raise DeployError(f"{resource.logical_id}: the dashboard's body is not JSON: {error}") from None
    cloud.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    cloud.record(resource, "*", "there is no console to show it")
    return Created(name)


def _recorded(why: str) -> Emulation:
    def handler(cloud: Cloud, resource: Resource) -> Created:
        cloud.record(resource, "*", why)
        name = cloud.name_for(resource, None)
        return Created(name, {"Arn": cloud.arn("sandbox", f"not-emulated/{name}")})

    return Emulation(handler, frozenset(), {"*": why})


REGISTRY.update({
    "AWS::CloudWatch::Alarm": _recorded("metrics are kept, no alarm watches them"),
    "AWS::CloudWatch::CompositeAlarm": _recorded("metrics are kept, no alarm watches them"),
    "AWS::Logs::MetricFilter": _recorded("logs are written to files and not filtered"),
    "AWS::Logs::QueryDefinition": _recorded("there is no console to run it"),
    "AWS::Budgets::Budget": _recorded("nothing costs anything"),
})  # fmt: skip
