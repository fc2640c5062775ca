"""The tracker: one table that knows what is archived, what is under way and which run holds the lock."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

RUN_INDEX = "by-run"
"""The index that a run's report is read from: partition ``run_id``, sort ``status``."""


class Tracker(Construct):
    """The table with key (``media_id``, ``record``) and index ``by-run``, or the adopted one of the same shape.

    It outlives the stack: without it the next run would look at every object again. Rows of locks and runs may carry
    ``expires_at`` (epoch seconds); rows of media never do, they are the truth about what is archived.

    A deployment that fails while it makes the stack leaves it, empty and free: its deletion protection would stop
    CloudFormation half-way through taking the rest back.
    """

    def __init__(self, scope: Construct, construct_id: str, *, existing_table: str) -> None:
        super().__init__(scope, construct_id)
        self.table: dynamodb.ITable
        if existing_table:
            self.table = dynamodb.Table.from_table_name(self, "Table", existing_table)
        else:
            self.table = self._new_table()

    def _new_table(self) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=_text("media_id"),
            sort_key=_text("record"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        table.add_global_secondary_index(
            index_name=RUN_INDEX,
            partition_key=_text("run_id"),
            sort_key=_text("status"),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        return table


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
