"""TransactWriteItems forgets its client token, and copies the whole table.

Wrong: a request that is sent again with the same ClientRequestToken is carried out again, as every SDK does when an
answer got lost. And moto backs up each table as a whole for each transaction: seconds at 100,000 rows.
Seen: ``ADD n 1`` sent twice under one token gives 2.
Repaired: within ten minutes the same request is answered as before and another one under the same token is refused with
IdempotentParameterMismatchException (API reference of TransactWriteItems). Only the items named are backed up.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import dynamo_json_dump
from moto.dynamodb.responses import DynamoHandler

from sandbox.aws.repairs.dynamodb_items import Snapshot
from sandbox.aws.repairs.patching import replaced

TOKEN_SECONDS = 600.0
"""How long DynamoDB remembers a token after the request has been carried out."""


class _Mismatch(DynamodbException):
    """DynamoDB's answer to a token that has been used for something else."""

    def __init__(self) -> None:
        super().__init__(
            ERROR_TYPE_PREFIX + "IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, but non-identical request.",
        )


@contextmanager
def installed(clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Honour client tokens, and back up what is named only, within the block. ``clock`` is in seconds."""
    with ExitStack() as stack:
        stack.enter_context(replaced(DynamoHandler, "transact_write_items", _remembering(_Tokens(clock))))
        stack.enter_context(replaced(DynamoDBBackend, "transact_write_items", _backing_up()))
        yield


class _Tokens:
    """The tokens of the last ten minutes: a digest of the request, and the answer. Called under the DynamoDB lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, str, Any]] = {}

    def answer(self, token: str, digest: str) -> Any | None:
        """The answer of the same request; ``_Mismatch`` if the token was used for another."""
        self._forget_old()
        if token not in self._known:
            return None
        _, known, answer = self._known[token]
        if known != digest:
            raise _Mismatch
        return answer

    def remember(self, token: str, digest: str, answer: Any) -> None:
        """Note a request that has been carried out."""
        self._known[token] = (self._clock() + TOKEN_SECONDS, digest, answer)

    def _forget_old(self) -> None:
        now = self._clock()
        while self._known and next(iter(self._known.values()))[0] <= now:
            del self._known[next(iter(self._known))]


def _remembering(tokens: _Tokens) -> Any:
    original = DynamoHandler.transact_write_items

    def transact_write_items(self: DynamoHandler) -> Any:
        token = self.body.get("ClientRequestToken")
        if not token:
            return original(self)
        digest = hashlib.sha256(dynamo_json_dump(self.body["TransactItems"]).encode()).hexdigest()
        known = tokens.answer(token, digest)
        if known is not None:
            return known
        answer = original(self)
        tokens.remember(token, digest, answer)
        return answer

    return transact_write_items


def _backing_up() -> Any:
    original = DynamoDBBackend.transact_write_items

    def transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = Snapshot()
        for member in transact_items:
            for operation in member.values():
                if (table := self.tables.get(operation["TableName"])) is not None:
                    before.add(table, operation.get("Key") or operation["Item"])
        try:
            with _uncopied_tables():
                original(self, transact_items)
        except BaseException:
            before.restore()
            raise

    return transact_write_items


@contextmanager
def _uncopied_tables() -> Iterator[None]:
    """Let moto's copy of a table be the table itself within the block: its own rollback then changes nothing."""
    Table.__deepcopy__ = lambda self, _memo: self  # type: ignore[attr-defined]  # the hook of ``copy.deepcopy``
    try:
        yield
    finally:
        del Table.__deepcopy__  # type: ignore[attr-defined]
