"""SNS, SQS, log groups and dashboards, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import Created, Resource
from sandbox.aws.template.readback.check import present, reads, tags_from, tags_of


@reads("AWS::SNS::Topic")
def topic(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a topic and its subscriptions."""
    client, arn = cloud.client("sns"), created.ref
    held = client.get_topic_attributes(TopicArn=arn)["Attributes"]
    subscriptions = client.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    return present(
        TopicName=arn.rsplit(":", 1)[1],
        DisplayName=held.get("DisplayName"),
        KmsMasterKeyId=held.get("KmsMasterKeyId"),
        Subscription=[{"Protocol": each["Protocol"], "Endpoint": each["Endpoint"]} for each in subscriptions],
        Tags=tags_of(client.list_tags_for_resource(ResourceArn=arn)["Tags"]),
    )


@reads("AWS::SNS::Subscription")
def subscription(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a subscription."""
    held = cloud.client("sns").get_subscription_attributes(SubscriptionArn=created.ref)["Attributes"]
    return present(TopicArn=held.get("TopicArn"), Protocol=held.get("Protocol"), Endpoint=held.get("Endpoint"))


@reads("AWS::SNS::TopicPolicy")
def topic_policy(_cloud: Cloud, resource: Resource, _created: Created) -> Mapping[str, Any]:
    """Return the topics that the recorded policy is for."""
    return {"Topics": resource.properties["Topics"]}


@reads("AWS::SQS::Queue")
def queue(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a queue."""
    client, url = cloud.client("sqs"), created.ref
    held = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = held.get("RedrivePolicy")
    return {
        **held,
        **present(RedrivePolicy=json.loads(redrive) if redrive else None),
        "QueueName": held["QueueArn"].rsplit(":", 1)[1],
        "Tags": tags_from(client.list_queue_tags(QueueUrl=url).get("Tags", {})),
    }


@reads("AWS::SQS::QueuePolicy")
def queue_policy(_cloud: Cloud, resource: Resource, _created: Created) -> Mapping[str, Any]:
    """Return the queues that the recorded policy is for."""
    return {"Queues": resource.properties["Queues"]}


@reads("AWS::Logs::LogGroup")
def log_group(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a log group."""
    client = cloud.client("logs")
    groups = client.describe_log_groups(logGroupNamePrefix=created.ref)["logGroups"]
    held = next(group for group in groups if group["logGroupName"] == created.ref)
    return present(
        LogGroupName=held["logGroupName"],
        RetentionInDays=held.get("retentionInDays"),
        KmsKeyId=held.get("kmsKeyId"),
        Tags=tags_from(client.list_tags_log_group(logGroupName=created.ref)["tags"]),
    )


@reads("AWS::CloudWatch::Dashboard")
def dashboard(cloud: Cloud, _resource: Resource, created: Created) -> Mapping[str, Any]:
    """Read a dashboard."""
    held = cloud.client("cloudwatch").get_dashboard(DashboardName=created.ref)
    return {"DashboardName": held["DashboardName"], "DashboardBody": held["DashboardBody"]}
