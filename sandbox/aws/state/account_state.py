"""The kept account as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.aws.state import compared, executions, items, secrets, shape
from sandbox.aws.state.store import Store
from sandbox.aws.stepfunctions.records import Clock, utc_now
from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.model import NotEmulated

FILE = "account.sqlite"

_SECRET_FOR = "secret-for"  # noqa: S105 - the name of a fact

_MADE_FOR = "made-for"

_FORGOTTEN = (
    "notifications of former invocations are not kept",
    "traces of former invocations are not kept",
    "function logs of former invocations are not kept",
    "of former executions the end is kept, not the history",
)


class AccountState:
    """An account's tables, secrets and executions in ``folder``; close it after everything that writes to them.

    The folder is one process's at a time; whoever opens it takes care of that. Raises ``StateError``.
    """

    def __init__(self, folder: Path, clock: Clock = utc_now) -> None:
        self._store = Store(folder / FILE)
        self._clock = clock
        self.items = items.ItemJournal(self._store)
        """To be told of every write to DynamoDB."""
        self.executions = executions.ExecutionJournal(self._store)
        """To be told of every start and end of an execution."""
        self.compared = compared.ComparedObjects(self._store)
        """What former comparisons have read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def keeping_secrets(self) -> Iterator[None]:
        """Write down every change of a secret within the block."""
        with secrets.kept(self._store):
            yield

    def reopen(self, cloud: Cloud) -> None:
        """Put everything back into the account that has just been deployed; before anything runs in it.

        Raises ``StateError`` if the stack has another shape than the one that the account was made for.
        """
        shape.check(self._store, cloud)
        items.restore(self._store, cloud.account_id, cloud.region)
        secrets.restore(self._store, cloud.account_id, cloud.region)
        executions.restore(self._store, cloud.account_id, cloud.region, self._clock())

    def made_for(self, source: str) -> str:
        """Return what the account was made for, which is ``source`` if nobody has said so yet."""
        known = self._store.fact(_MADE_FOR)
        if known is None:
            self._store.set_fact(_MADE_FOR, source)
        return known or source

    def secret(self, server: str) -> str | None:
        """Return the current value of the stack's secret if it was stored for ``server`` (a URL), else ``None``."""
        return secrets.current_value(self._store) if self._store.fact(_SECRET_FOR) == server else None

    @contextmanager
    def new_secret(self, server: str) -> Iterator[None]:
        """Note that the value stored within the block is for ``server``: no other one gets it unless it is given again.

        Killed half-way, it is for nobody.
        """
        self._store.set_fact(_SECRET_FOR, "")
        yield
        self._store.set_fact(_SECRET_FOR, server)

    def not_kept(self) -> list[NotEmulated]:
        """Return what of an account is not kept, for the list of what is not emulated."""
        return [NotEmulated("--state", "kept account", "*", why) for why in _FORGOTTEN]

    def close(self) -> None:
        """Close the file; idempotent."""
        self._store.close()
