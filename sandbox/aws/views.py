"""What can be seen of an account from outside: plain data out of moto's and the engine's own."""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.utilities import dynamo_to_dict
from moto.sns.models import sns_backends
from moto.stepfunctions.models import stepfunctions_backends

from sandbox.aws.deployment import ExecutionSummary
from sandbox.aws.moto_server import ACCOUNT_ID
from sandbox.aws.repairs.dynamodb_items import items_of
from sandbox.aws.rows import plain_row
from sandbox.aws.stepfunctions.engine import Engine
from sandbox.aws.stepfunctions.records import iso


def executions_of(machine_arn: str, region: str) -> list[ExecutionSummary]:
    """Return every execution of a state machine, oldest first."""
    machines = stepfunctions_backends[ACCOUNT_ID][region].state_machines
    found = next(each for each in machines if each.arn == machine_arn)
    return [
        ExecutionSummary(each.name, each.execution_arn, each.status, each.start_date, each.stop_date)
        for each in found.executions
    ]


def history_of(engine: Engine, arn: str) -> list[dict[str, Any]]:
    """Return the event histories of an execution and its children as plain JSON data, the parent's first."""
    parent = engine.find(arn)
    return [
        {**event, "timestamp": iso(event["timestamp"]), "executionArn": each.arn}
        for each in (parent, *parent.children)
        for event in each.history.events()
    ]


def rows_of(table_name: str, region: str) -> list[dict[str, Any]]:
    """Return every row of a table as plain JSON data, by key.

    Not by Scan: moto sorts the whole table for each page, which takes hours with 100,000 rows.
    """
    table = dynamodb_backends[ACCOUNT_ID][region].tables[table_name]
    rows = [plain_row(dynamo_to_dict(item.attrs)) for item in items_of(table)]
    return sorted(rows, key=lambda row: [row[name] for name in table.table_key_attrs])


def notifications_of(topic_arn: str, region: str) -> list[dict[str, Any]]:
    """Return the messages published to a topic, oldest first."""
    topic = sns_backends[ACCOUNT_ID][region].topics[topic_arn]
    return [{"message_id": sent[0], "message": sent[1], "subject": sent[2]} for sent in topic.sent_notifications]
