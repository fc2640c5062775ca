"""A table like the tracker's in a moto server, and what the tests of its repairs say again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws.moto_server import MotoServer

REGION = "us-east-1"
TABLE = "tracker"


def client_of(server: MotoServer, service: str) -> Any:
    """A client that tries everything once."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs know literal names only
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, retries={"max_attempts": 0}),
    )


def create_tracker(dynamodb: Any) -> None:
    """The tracker's keys and index."""
    names = ("media_id", "record", "run_id", "status")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=[{"AttributeName": "media_id", "KeyType": "HASH"}, {"AttributeName": "record", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-run",
                "KeySchema": [
                    {"AttributeName": "run_id", "KeyType": "HASH"},
                    {"AttributeName": "status", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


@contextmanager
def tracker() -> Iterator[Any]:
    """A client of a fresh account that has the table."""
    with closing(MotoServer()) as server, closing(client_of(server, "dynamodb")) as dynamodb:
        create_tracker(dynamodb)
        yield dynamodb


def key(media_id: str, record: str = "MEDIUM") -> dict[str, Any]:
    return {"media_id": {"S": media_id}, "record": {"S": record}}


def put(dynamodb: Any, media_id: str, record: str = "MEDIUM", **attributes: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item={**key(media_id, record), **attributes})


def get(dynamodb: Any, media_id: str, record: str = "MEDIUM") -> dict[str, Any] | None:
    item: dict[str, Any] | None = dynamodb.get_item(TableName=TABLE, Key=key(media_id, record)).get("Item")
    return item


def refusal(call: Any, **arguments: Any) -> str:
    """The error's code, or an empty text if the call is answered."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
