"""An UpdateItem that fails half-way leaves its first half.

Wrong: moto changes the stored item attribute by attribute; one that outgrows 400 KB is refused with ValidationException
and keeps the attributes that were set before. Seen: ``SET a = :small, b = :huge`` is refused, and ``a`` is there.
Repaired: what fails puts the item back as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

from sandbox.aws.repairs.dynamodb_items import Snapshot
from sandbox.aws.repairs.patching import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Make UpdateItem all or nothing within the block."""
    original = DynamoDBBackend.update_item

    def update_item(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **named: Any) -> Any:
        before = Snapshot()
        before.add(self.get_table(table_name), key)
        try:
            return original(self, table_name, key, *rest, **named)
        except BaseException:
            before.restore()
            raise

    with replaced(DynamoDBBackend, "update_item", update_item):
        yield
