"""How one function's discovery that the run cannot go on reaches all others: a flag on the run's row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.errors import RunError, RunStopped


@contextmanager
def honouring_the_stop_flag(ledger: RunLedger, run_id: str) -> Iterator[None]:
    """Refuse to begin under a raised flag (``RunStopped``), and raise it for a ``RunError`` of the block."""
    run = ledger.run(run_id) or {}
    if "stop_error" in run:
        raise RunStopped(f"this run was stopped: {run['stop_error']}")
    with raising_the_stop_flag(ledger, run_id):
        yield


@contextmanager
def raising_the_stop_flag(ledger: RunLedger, run_id: str) -> Iterator[None]:
    """Raise the run's flag for a ``RunError`` of the block, which goes on to the workflow."""
    try:
        yield
    except RunError as error:
        ledger.raise_stop_flag(run_id, type(error).__name__, str(error))
        raise
