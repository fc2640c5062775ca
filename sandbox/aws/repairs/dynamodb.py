"""All repairs of DynamoDB together, in the order in which they have to be made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sandbox.aws.repairs import (
    dynamodb_atomic,
    dynamodb_batches,
    dynamodb_expressions,
    dynamodb_lock,
    dynamodb_queries,
    dynamodb_transactions,
    dynamodb_types,
)
from sandbox.aws.repairs.dynamodb_lock import Journal, unwritten


@contextmanager
def installed(journal: Journal = unwritten, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Repair DynamoDB within the block; ``journal`` learns of every write, ``clock`` (seconds) ages client tokens."""
    with ExitStack() as stack:
        # The token first: a request that is answered from memory is not looked at again. Each later repair is outside.
        for repair in (dynamodb_atomic, dynamodb_batches, dynamodb_types, dynamodb_expressions, dynamodb_queries):
            stack.enter_context(repair.installed())
        stack.enter_context(dynamodb_transactions.installed(clock))
        stack.enter_context(dynamodb_lock.installed(journal))
        yield
