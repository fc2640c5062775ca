"""AWS in this process (moto), with the table and buckets as the stack makes them, and errors put on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.stub import Stubber
from moto import mock_aws

from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket
from cloud_sync_common.edges.table import Table
from cloud_sync_common.edges.tracker import Tracker
from tests.support.tables import make_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "eu-central-1"
TABLE, RUNS, SECRET_NAME = "Tracker", "runs-bucket", "gopro/credentials"
_IDENTITY: dict[str, Any] = {
    "aws_access_key_id": "AKIATEST",
    "aws_secret_access_key": "not-a-real-secret",
    "region_name": REGION,
}


@cache
def make_client(service: Any) -> Any:
    """A client with made-up credentials that tries everything once; shared, because making one takes so long."""
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}), **_IDENTITY)


class Account:
    """An AWS account that lives as long as ``account()``'s block."""

    def __init__(self) -> None:
        self.dynamodb: DynamoDBClient = make_client("dynamodb")
        make_table(self.dynamodb, TABLE)
        self.table = Table(self.dynamodb, TABLE)
        self.tracker = Tracker(self.table)
        self.ledger = RunLedger(self.table)

    def runs(self) -> RunsBucket:
        """The runs bucket, made when first asked for."""
        s3 = make_client("s3")
        s3.create_bucket(Bucket=RUNS, CreateBucketConfiguration={"LocationConstraint": REGION})
        return RunsBucket(s3, RUNS)

    def rows(self) -> list[dict[str, Any]]:
        """Every row of the table, as DynamoDB holds it."""
        return list(self.dynamodb.scan(TableName=TABLE)["Items"])


@contextmanager
def account() -> Iterator[Account]:
    """A fresh account with an empty table."""
    with mock_aws():
        yield Account()


@contextmanager
def failing_table(operation: str, code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> Iterator[Table]:
    """A table whose next call is answered with this error; ``reasons`` are a cancelled transaction's."""
    client = make_client("dynamodb")
    fields = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else None
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, service_error_code=code, http_status_code=status, modeled_fields=fields)
        yield Table(client, TABLE)
