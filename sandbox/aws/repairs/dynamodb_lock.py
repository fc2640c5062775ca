"""DynamoDB loses updates when two requests come at once.

Wrong: moto reads, changes and stores an item without a lock; 200 concurrent ``ADD n 1`` gave 199. Seen with threads
against the server; rare, so the repair's test watches for two actions at work at the same time instead.
Repaired: one re-entrant lock around every DynamoDB action (a transaction calls other actions).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.patching import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Serialise DynamoDB's actions within the block."""
    lock = threading.RLock()
    original = DynamoHandler.call_action

    def call_action(self: DynamoHandler) -> Any:
        with lock:
            return original(self)

    with replaced(DynamoHandler, "call_action", call_action):
        yield
