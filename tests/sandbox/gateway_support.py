"""moto behind the gateway, with a key of the sandbox's and a plan that tests change as they like."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self

import boto3
from botocore.config import Config

from sandbox.aws.gateway import ApiCall
from sandbox.aws.keys import AccessKey, KeyRing
from sandbox.aws.moto_server import MotoServer
from sandbox.wire.callers import Callers
from sandbox.wire.calls import Call
from sandbox.wire.orders import UNDISTURBED, Orders

REGION = "us-east-1"


class Bench:
    """A server, and one client for each service; ``orders`` are those of every call from now on."""

    def __init__(self, callers: Callers | None = None) -> None:
        self.keys = KeyRing()
        self.key = self.keys.issue("worker")
        self.orders = UNDISTURBED
        self.planned: list[Call] = []
        self._stack = ExitStack()
        self.server = MotoServer(plan=self._plan, callers=callers, keys=self.keys)
        self._stack.callback(self.server.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _plan(self, call: Call) -> Orders:
        self.planned.append(call)
        return self.orders

    def client(self, service: str, key: AccessKey | None = None) -> Any:
        chosen = key or self.key
        made = boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            region_name=REGION,
            endpoint_url=self.server.url,
            aws_access_key_id=chosen.id,
            aws_secret_access_key=chosen.secret,
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )
        self._stack.callback(made.close)
        return made

    def last(self) -> ApiCall:
        return self.server.calls()[-1]

    def table(self) -> Any:
        """Create the tracker's table with its index, and return the client."""
        dynamodb = self.client("dynamodb")
        names = ("media_id", "record", "run_id")
        dynamodb.create_table(
            TableName="t",
            KeySchema=[
                {"AttributeName": "media_id", "KeyType": "HASH"},
                {"AttributeName": "record", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-run",
                    "KeySchema": [{"AttributeName": "run_id", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        return dynamodb


def row(media_id: str, **more: str) -> dict[str, dict[str, str]]:
    """Return a typed row or key of the table."""
    return {name: {"S": value} for name, value in {"media_id": media_id, "record": "MEDIUM", **more}.items()}


def signed(service: str, target: str, access_key_id: str) -> dict[str, str]:
    """Return headers of a JSON request; nobody checks the signature."""
    credential = f"{access_key_id}/20260101/{REGION}/{service}/aws4_request"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}",
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.0",
    }
