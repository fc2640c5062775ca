"""What one function of a run tells all others through the run's row: that it cannot go on, that GoPro wants a pause."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_sync_common.edges.pace import Pace, nobody
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.table import Row
from cloud_sync_common.errors import RunError, RunStopped


@contextmanager
def honouring_the_stop_flag(ledger: RunLedger, run_id: str) -> Iterator[Row]:
    """Refuse to begin under a raised flag (``RunStopped``), and raise it for a ``RunError`` of the block.

    Gives the run's row, empty if there is none.
    """
    run = ledger.run(run_id) or {}
    if "stop_error" in run:
        raise RunStopped(f"this run was stopped: {run['stop_error']}")
    with raising_the_stop_flag(ledger, run_id):
        yield run


@contextmanager
def raising_the_stop_flag(ledger: RunLedger, run_id: str) -> Iterator[None]:
    """Raise the run's flag for a ``RunError`` of the block, which goes on to the workflow."""
    try:
        yield
    except RunError as error:
        ledger.raise_stop_flag(run_id, type(error).__name__, str(error))
        raise


@contextmanager
def sharing_the_pace(pace: Pace, ledger: RunLedger, run_id: str, run: Row) -> Iterator[None]:
    """Keep the pause that ``run``, the run's row, speaks of, and write there what GoPro asks for during the block.

    An untroubled block costs no call of the table.
    """
    pace.learn(run.get("pause_until", 0))
    pace.tell = lambda until: ledger.pause(run_id, math.ceil(until))
    try:
        yield
    finally:
        pace.tell = nobody
