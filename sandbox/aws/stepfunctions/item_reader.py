"""ItemReader: the items of a Distributed Map from a JSON array in S3."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.stepfunctions import templates
from sandbox.aws.stepfunctions.branch import Visit
from sandbox.aws.stepfunctions.errors import ITEM_READER_FAILED, StatesError


def items_of(visit: Visit, data: Any) -> list[Any]:
    """Read the items; ``States.ItemReaderFailed`` when there is no such object or it is not a JSON array."""
    place = templates.fill(visit.state["ItemReader"]["Parameters"], data, visit.context())
    body = _read(visit, place["Bucket"], place["Key"])
    try:
        items = json.loads(body)
    except ValueError:
        raise StatesError(ITEM_READER_FAILED, f"{place['Key']} is not JSON") from None
    if not isinstance(items, list):
        raise StatesError(ITEM_READER_FAILED, f"{place['Key']} is not a JSON array")
    return items


def _read(visit: Visit, bucket: str, key: str) -> bytes:
    try:
        return visit.branch.services.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise StatesError(ITEM_READER_FAILED, f"S3 refuses to read s3://{bucket}/{key}: {code}") from None
    except BotoCoreError as error:
        raise StatesError(ITEM_READER_FAILED, f"Reading s3://{bucket}/{key} failed: {type(error).__name__}") from None
