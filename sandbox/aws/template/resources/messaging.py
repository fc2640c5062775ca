"""SNS and SQS."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.template.cloud import NO_ACTIONS, Cloud, emulates, only, tag_map, tags
from sandbox.aws.template.model import Created, Resource

_RECORDED_POLICY = {"PolicyDocument": NO_ACTIONS}


@emulates("AWS::SNS::Topic", applied=("TopicName", "DisplayName", "KmsMasterKeyId", "Subscription", "Tags"))
def topic(cloud: Cloud, resource: Resource) -> Created:
    """Create a topic and its inline subscriptions; published messages are kept for ``Account.notifications``."""
    properties = resource.properties
    client = cloud.client("sns")
    name = cloud.name_for(resource, properties.get("TopicName"), limit=256)
    attributes = {key: properties[key] for key in ("DisplayName", "KmsMasterKeyId") if key in properties}
    arn = client.create_topic(Name=name, Attributes=attributes, Tags=tags(properties))["TopicArn"]
    for subscription in properties.get("Subscription", []):
        only(resource, subscription, "Endpoint", "Protocol")
        _subscribe(cloud, resource, client, arn, subscription)
    return Created(arn, {"TopicArn": arn, "TopicName": name})


@emulates("AWS::SNS::Subscription", applied=("TopicArn", "Endpoint", "Protocol"))
def subscription(cloud: Cloud, resource: Resource) -> Created:
    """Subscribe an endpoint; e-mail is not sent."""
    arn = resource.properties["TopicArn"]
    return Created(_subscribe(cloud, resource, cloud.client("sns"), arn, resource.properties))


def _subscribe(cloud: Cloud, resource: Resource, client: Any, topic_arn: str, wanted: Any) -> str:
    made = client.subscribe(
        TopicArn=topic_arn, Protocol=wanted["Protocol"], Endpoint=wanted["Endpoint"], ReturnSubscriptionArn=True
    )
    cloud.record(resource, "Endpoint", "messages are collected, not delivered")
    return str(made["SubscriptionArn"])


@emulates("AWS::SNS::TopicPolicy", applied=("Topics",), recorded=_RECORDED_POLICY)
def topic_policy(_cloud: Cloud, resource: Resource) -> Created:
    """Record the policy; nothing enforces it."""
    return Created(resource.logical_id)


@emulates(
    "AWS::SQS::Queue",
    applied=(
        "QueueName", "MessageRetentionPeriod", "VisibilityTimeout", "DelaySeconds", "KmsMasterKeyId", "RedrivePolicy",
        "SqsManagedSseEnabled", "Tags",
    ),
)  # fmt: skip
def queue(cloud: Cloud, resource: Resource) -> Created:
    """Create a queue."""
    properties = resource.properties
    client = cloud.client("sqs")
    name = cloud.name_for(resource, properties.get("QueueName"), limit=80)
    attributes = {key: _text(value) for key, value in properties.items() if key not in ("QueueName", "Tags")}
    url = client.create_queue(QueueName=name, Attributes=attributes, tags=tag_map(properties))["QueueUrl"]
    return Created(url, {"Arn": cloud.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _text(value: Any) -> str:
    """Return an attribute as the API wants it: text, booleans in lower case."""
    return value if isinstance(value, str) else json.dumps(value)


@emulates("AWS::SQS::QueuePolicy", applied=("Queues",), recorded=_RECORDED_POLICY)
def queue_policy(_cloud: Cloud, resource: Resource) -> Created:
    """Record the policy; nothing enforces it."""
    return Created(resource.logical_id)
