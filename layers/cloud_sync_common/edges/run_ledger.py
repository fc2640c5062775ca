"""Runs and the run lock: rows of their own in the tracker's table.

``RUN#<run id> / RUN``  a run: when it began, its stop flag, GoPro's last pause, how it ended; the table's TTL ends it
``LOCK / LOCK``         the run lock; there only while a run holds it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud_sync_common.edges.table import Change, Row, Table
from cloud_sync_common.errors import LeaseLost
from cloud_sync_common.models import SCHEMA

RUN = "RUN"
LOCK = "LOCK"


class RunLedger:
    """Typed access to run rows and the lock. Errors: see ``Table``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, run_id: str, facts: Mapping[str, Any]) -> None:
        """Write the run's row; doing it again changes nothing but the facts."""
        self._table.update(
            Change(_run_key(run_id), RUN, sets={**facts, "schema": SCHEMA}, defaults={"status": "RUNNING"})
        )

    def end(self, run_id: str, facts: Mapping[str, Any]) -> None:
        """Write how the run ended."""
        self._table.update(Change(_run_key(run_id), RUN, sets={**facts, "schema": SCHEMA}))

    def run(self, run_id: str) -> Row | None:
        """The run's row, strongly consistent, or ``None`` (a dry run has none)."""
        return self._table.get(_run_key(run_id), RUN)

    def raise_stop_flag(self, run_id: str, error: str, reason: str) -> None:
        """Say that the run cannot go on; the first reason stays."""
        self._table.update(
            Change(
                _run_key(run_id), RUN, sets={"schema": SCHEMA}, defaults={"stop_error": error, "stop_reason": reason}
            )
        )

    def count_odd_medium(self, run_id: str, media_id: str) -> int:
        """Note a medium whose answers have an unknown shape; how many distinct ones this run has met."""
        return self._table.add_to_set(_run_key(run_id), RUN, "odd_media", media_id)

    def pause(self, run_id: str, until: int) -> None:
        """Note until when (Unix seconds) GoPro wants to be left alone by all of this run; the latest moment stays."""
        sets = {"pause_until": until, "schema": SCHEMA}
        condition = "attribute_not_exists(#pause_until) OR #pause_until < :pause_until"
        try:
            self._table.update(Change(_run_key(run_id), RUN, sets=sets, condition=condition))
        except LeaseLost:
            return

    def take_lock(self, owner: str, facts: Mapping[str, Any], *, instead_of: str | None = None) -> bool:
        """Take the lock if it is free or already ours, or if ``instead_of`` (a dead owner) still holds it."""
        row = {**facts, "media_id": LOCK, "record": LOCK, "status": "HELD", "schema": SCHEMA, "lock_owner": owner}
        try:
            self._table.put(
                row,
                "attribute_not_exists(media_id) OR lock_owner = :owner OR lock_owner = :dead",
                {":owner": owner, ":dead": instead_of or owner},
            )
        except LeaseLost:
            return False
        return True

    def lock(self) -> Row | None:
        """The lock's row, strongly consistent, or ``None`` when no run holds it."""
        return self._table.get(LOCK, LOCK)

    def release_lock(self, owner: str) -> None:
        """Give the lock back if ``owner`` holds it; otherwise nothing happens."""
        try:
            self._table.delete(LOCK, LOCK, "attribute_not_exists(media_id) OR lock_owner = :owner", {":owner": owner})
        except LeaseLost:
            return


def _run_key(run_id: str) -> str:
    return f"RUN#{run_id}"
