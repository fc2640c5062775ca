"""The tracker's table, as the template describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_sync_common.edges.tracker import RUN_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def make_table(dynamodb: DynamoDBClient, name: str) -> None:
    """Create it."""
    attributes = ("media_id", "record", "run_id", "status")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in attributes],
        KeySchema=[
            {"AttributeName": "media_id", "KeyType": "HASH"},
            {"AttributeName": "record", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": RUN_INDEX,
                "KeySchema": [
                    {"AttributeName": "run_id", "KeyType": "HASH"},
                    {"AttributeName": "status", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
