"""DynamoDB."""

from __future__ import annotations

from typing import Any

from sandbox.aws.template.cloud import Cloud, emulates, given, tags
from sandbox.aws.template.model import Created, Resource


@emulates(
    "AWS::DynamoDB::Table",
    applied=(
        "TableName", "KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes", "ProvisionedThroughput", "DeletionProtectionEnabled",
        "PointInTimeRecoverySpecification", "TimeToLiveSpecification", "Tags",
    ),
    recorded={"SSESpecification": "the table is kept in memory, unencrypted"},
)  # fmt: skip
def table(cloud: Cloud, resource: Resource) -> Created:
    """Create a table; recovery and expiry are set as asked and have no effect here."""
    properties = resource.properties
    client = cloud.client("dynamodb")
    name = cloud.name_for(resource, properties.get("TableName"), limit=255)
    same = {key: key for key in (
        "KeySchema", "AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes",
        "ProvisionedThroughput", "DeletionProtectionEnabled",
    )}  # fmt: skip
    made = client.create_table(TableName=name, Tags=tags(properties), **given(properties, **same))["TableDescription"]
    _extras(cloud, client, resource, name)
    return Created(name, {"Arn": made["TableArn"]})


def _extras(cloud: Cloud, client: Any, resource: Resource, name: str) -> None:
    properties = resource.properties
    if "PointInTimeRecoverySpecification" in properties:
        specification = properties["PointInTimeRecoverySpecification"]
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
        cloud.record(resource, "PointInTimeRecoverySpecification", "set, but there is nothing to recover from")
    if "TimeToLiveSpecification" in properties:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
        cloud.record(resource, "TimeToLiveSpecification", "set, but rows do not expire here")
