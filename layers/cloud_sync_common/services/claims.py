"""The lease on a medium: who may work on it, and since when this run does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import LeaseLost
from cloud_sync_common.models import MediaId

LEASE_MARGIN_SECONDS = 300
"""Beyond the longest task: clocks differ, and a killed function's last write may still be on its way."""

ATTEMPTS = 3
"""Claims in one invocation: a lost answer of the first one looks like somebody else's claim until it is read again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A medium that is ours: ``row`` as the tracker now has it but for status and lease; ``before`` the old status."""

    row: Row
    generation: int
    before: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """Takes leases. ``now`` is in seconds since the epoch, ``now_text`` the same as RFC 3339."""

    tracker: Tracker
    ledger: RunLedger
    now: Callable[[], int]
    now_text: Callable[[], str]

    def take(self, media_id: MediaId, row: Row, run_id: str, filename: str, seconds: int) -> Claim | None:
        """Claim the medium for this run, or ``None`` while another run works on it.

        The facts of a run (bytes, stalled passes, begin) start anew with its first claim.
        """
        for _ in range(ATTEMPTS):
            facts = self._facts(row, run_id, filename)
            try:
                generation = self.tracker.claim(
                    media_id,
                    seen=row.get("generation", 0),
                    owner=run_id,
                    instead_of=self._dead_owner(row, run_id),
                    now=self.now(),
                    expires=self.now() + seconds + LEASE_MARGIN_SECONDS,
                    facts=facts,
                )
            except LeaseLost:
                row = self.tracker.medium(media_id) or {}
                if row.get("lease_owner") != run_id:
                    return None
            else:
                return Claim({**row, **facts}, generation, row.get("status"))
        return None

    def _facts(self, row: Row, run_id: str, filename: str) -> Row:
        facts: Row = {"run_id": run_id, "filename": filename, "updated_at": self.now_text()}
        if row.get("run_id") != run_id or "begun_at" not in row:
            facts |= {"bytes_transferred": 0, "stalled_passes": 0, "begun_at": self.now()}
        return facts

    def _dead_owner(self, row: Row, run_id: str) -> str | None:
        """The lease's owner if that is another run which is known to be over."""
        owner = row.get("lease_owner")
        if owner is None or owner == run_id:
            return None
        run = self.ledger.run(str(owner))
        return str(owner) if run is not None and run.get("status") != "RUNNING" else None
