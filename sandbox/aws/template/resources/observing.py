"""Logs, alarms, dashboards and rules: kept or recorded; nothing here watches anything."""

from __future__ import annotations

from sandbox.aws.template.cloud import REGISTRY, Cloud, Emulation, emulates, given, tag_map
from sandbox.aws.template.model import Created, Resource


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


def _recorded(why: str) -> Emulation:
    def handler(cloud: Cloud, resource: Resource) -> Created:
        cloud.record(resource, "*", why)
        name = cloud.name_for(resource, None)
        return Created(name, {"Arn": cloud.arn("sandbox", f"not-emulated/{name}")})

    return Emulation(handler, frozenset(), {"*": why})


REGISTRY.update({
    "AWS::CloudWatch::Alarm": _recorded("metrics are kept, no alarm watches them"),
    "AWS::CloudWatch::CompositeAlarm": _recorded("metrics are kept, no alarm watches them"),
    "AWS::CloudWatch::Dashboard": _recorded("there is no console to show it"),
    "AWS::Logs::MetricFilter": _recorded("logs are written to files and not filtered"),
    "AWS::Logs::QueryDefinition": _recorded("there is no console to run it"),
    "AWS::Events::Rule": _recorded("no events are routed"),
    "AWS::Budgets::Budget": _recorded("nothing costs anything"),
})  # fmt: skip
