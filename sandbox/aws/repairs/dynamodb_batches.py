"""BatchWriteItem takes more than DynamoDB does.

Wrong: 26 requests are carried out, and so are two requests for one key unless they are equal to the last letter.
Repaired: both are refused with ValidationException before anything is written. (BatchGetItem is right as it is.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.dynamodb_items import key_of
from sandbox.aws.repairs.patching import preceded

BATCH_WRITE_MOST = 25


@contextmanager
def installed() -> Iterator[None]:
    """Refuse batches that DynamoDB would refuse within the block."""
    with preceded(DynamoHandler, {"batch_write_item": _check}):
        yield


def _check(handler: DynamoHandler) -> None:
    count, keys = 0, set()
    for name, requests in handler.body["RequestItems"].items():
        table = handler.dynamodb_backend.get_table(name)
        count += len(requests)
        for request in requests:
            ((_, operation),) = request.items()
            keys.add(name + dynamo_json_dump(key_of(table, operation.get("Key") or operation["Item"])))
    if count > BATCH_WRITE_MOST:
        raise MockValidationException("Too many items requested for the BatchWriteItem call")
    if len(keys) < count:
        raise MockValidationException("Provided list of item keys contains duplicates")
