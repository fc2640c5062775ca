"""DynamoDB loses updates when two requests come at once.

Wrong: moto reads, changes and stores an item without a lock; 200 concurrent ``ADD n 1`` gave 199. Seen with threads
against the server; rare, so the repair's test watches for two actions at work at the same time instead.
Repaired: one re-entrant lock around every DynamoDB action (a transaction calls other actions). Under the same lock a
journal learns what was written, before the answer leaves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.patching import replaced

_SUCCEEDED = 200

Journal = Callable[[DynamoHandler], None]
"""Called with the handler of an action that has succeeded; what it raises becomes the answer (500)."""


def unwritten(_handler: DynamoHandler) -> None:
    """Be the journal of an account that is forgotten."""


@contextmanager
def installed(journal: Journal = unwritten) -> Iterator[None]:
    """Serialise DynamoDB's actions within the block."""
    lock = threading.RLock()
    original = DynamoHandler.call_action

    def call_action(self: DynamoHandler) -> Any:
        with lock:
            answer = original(self)
            if answer[0] == _SUCCEEDED:
                journal(self)
            return answer

    with replaced(DynamoHandler, "call_action", call_action):
        yield
