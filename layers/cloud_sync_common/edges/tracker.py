"""The sync tracker: which media and pieces are archived, under way or failed, and who works on them.

Rows (partition key ``media_id``, sort key ``record``; ``docs/ARCHITECTURE.md`` lists attributes and conditions):

``<media id> / MEDIUM``      a medium: listing facts, status, lease, result
``<media id> / PIECE#<id>``  one file of it: key, size, validator, upload id, checksum

The index ``by-run`` (``run_id``, ``status``) holds the media and pieces that a run has touched. Runs and the run lock
are in the same table and in ``run_ledger``.

A claim increments the medium's ``generation``; every later write of the medium or a piece is conditional on it, so that
a late writer loses with ``LeaseLost``. A failed read raises: nothing here ever answers "partly".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cloud_sync_common.edges.table import Change, Row, Table, projection, serialized
from cloud_sync_common.errors import LeaseLost
from cloud_sync_common.models import SCHEMA, MediaId, PieceId, Status

MEDIUM = "MEDIUM"
PIECE_PREFIX = "PIECE#"
RUN_INDEX = "by-run"
SYNCED_FACTS = ("media_id", "status", "synced_signature", "fallback", "note", "facts_hash", "side_files_due")
REPORTED_FACTS = (
    *("media_id", "record", "status", "run_id", "completed_run_id", "reason", "note", "fallback", "synced_signature"),
    *("signature", "piece_count", "bytes_transferred", "piece_id", "label", "position", "key", "size", "crc64nvme"),
    *("quality", "not_ready_since", "side_files_due", "side_files_missing", "superseded"),
)
"""What a run's report is made of."""


class Tracker:
    """Typed access to media and pieces; knows shapes and conditions, decides nothing. Errors: see ``Table``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def medium(self, media_id: MediaId) -> Row | None:
        """The medium's row, strongly consistent, or ``None``."""
        return self._table.get(media_id, MEDIUM)

    def media(self, media_ids: Iterable[MediaId]) -> dict[MediaId, Row]:
        """The rows of many media, strongly consistent; ids without a row are absent."""
        rows = self._table.batch_get((media_id, MEDIUM) for media_id in media_ids)
        return {MediaId(row["media_id"]): row for row in rows}

    def synced_facts(self, media_ids: Iterable[MediaId]) -> dict[MediaId, Row]:
        """As ``media``, but only what tells whether a medium is synced and known: a library's worth fits in memory."""
        rows = self._table.batch_get(((media_id, MEDIUM) for media_id in media_ids), SYNCED_FACTS)
        return {MediaId(row.pop("media_id")): row for row in rows}

    def pieces(self, media_id: MediaId) -> dict[PieceId, Row]:
        """Every piece row of one medium, strongly consistent."""
        rows = self._table.query(
            KeyConditionExpression="media_id = :id AND begins_with(#record, :piece)",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues=serialized({":id": media_id, ":piece": PIECE_PREFIX}),
            ConsistentRead=True,
        )
        return {PieceId(row["piece_id"]): row for row in rows}

    def piece(self, media_id: MediaId, piece_id: PieceId) -> Row | None:
        """One piece's row, strongly consistent, or ``None``."""
        return self._table.get(media_id, PIECE_PREFIX + piece_id)

    def touched_by(self, run_id: str) -> Iterator[Row]:
        """The medium and piece rows that a run has touched, from the index: may lag by seconds, never invents."""
        return self._table.query(
            IndexName=RUN_INDEX,
            KeyConditionExpression="run_id = :run",
            **projection(REPORTED_FACTS),
            ExpressionAttributeValues=serialized({":run": run_id}),
        )

    def record_listing(self, media_id: MediaId, facts: Mapping[str, Any]) -> None:
        """Store what the listing says of a medium. Idempotent; status, lease and results are left alone."""
        self._table.update(
            Change(
                media_id,
                MEDIUM,
                sets={**facts, "schema": SCHEMA},
                defaults={"status": Status.LISTED, "first_listed_at": facts["listed_at"]},
            )
        )

    def forget_synced(self, media_id: MediaId) -> None:
        """Have a medium looked at again although nothing has changed. What is archived stays what it is."""
        self._table.update(Change(media_id, MEDIUM, sets={"schema": SCHEMA}, removes=("synced_signature",)))

    def claim(
        self,
        media_id: MediaId,
        *,
        seen: int,
        owner: str,
        instead_of: str | None = None,
        now: int,
        expires: int,
        facts: Mapping[str, Any],
    ) -> int:
        """Take the lease and return the new generation.

        ``seen`` is the generation that the caller has read (0: never claimed); ``now`` and ``expires`` are seconds
        since the epoch. ``instead_of`` is a former owner that is known to be dead: its lease counts as expired.
        Raises ``LeaseLost`` when somebody claimed meanwhile or holds a live lease.
        """
        self._table.update(
            Change(
                media_id,
                MEDIUM,
                sets={
                    **facts,
                    "schema": SCHEMA,
                    "status": Status.IN_PROGRESS,
                    "lease_owner": owner,
                    "lease_expires_at": expires,
                    "generation": seen + 1,
                },
                condition=(
                    "(attribute_not_exists(#generation) OR #generation = :seen) AND "
                    "(attribute_not_exists(#lease_owner) OR #lease_owner IN (:lease_owner, :dead)"
                    " OR #lease_expires_at < :now)"
                ),
                values={"seen": seen, "now": now, "dead": instead_of or owner},
            )
        )
        return seen + 1

    def update_medium(self, media_id: MediaId, generation: int, facts: Mapping[str, Any]) -> None:
        """Write facts about a claimed medium; the lease stays."""
        self._table.update(
            Change(media_id, MEDIUM, sets=facts, condition="#generation = :held", values={"held": generation})
        )

    def finish_medium(self, media_id: MediaId, generation: int, status: Status, facts: Mapping[str, Any]) -> None:
        """Write a final status and give the lease back. Facts that are ``None`` are removed from the row."""
        kept, gone = _split(facts)
        self._table.update(
            Change(
                media_id,
                MEDIUM,
                sets={**kept, "status": status},
                removes=("lease_owner", "lease_expires_at", *gone),
                condition="#generation = :held",
                values={"held": generation},
            )
        )

    def fail_unfinished(self, media_id: MediaId, *, run_id: str, seen: int, now: int, facts: Mapping[str, Any]) -> bool:
        """Mark a medium FAILED whose function died, if this run or nobody works on it. False if somebody does.

        The generation goes up from ``seen``, so that a function which is still running after all loses its lease.
        """
        change = Change(
            media_id,
            MEDIUM,
            sets={**facts, "schema": SCHEMA, "status": Status.FAILED, "run_id": run_id, "generation": seen + 1},
            removes=("lease_owner", "lease_expires_at", "not_ready_since"),
            condition=(
                "(attribute_not_exists(#generation) OR #generation = :seen) AND "
                "(attribute_not_exists(#lease_owner) AND #status <> :completed OR #lease_owner = :run_id"
                " OR #lease_expires_at < :now OR attribute_not_exists(#status))"
            ),
            values={"seen": seen, "completed": Status.COMPLETED, "now": now},
        )
        try:
            self._table.update(change)
        except LeaseLost:
            return False
        return True

    def write_piece(self, media_id: MediaId, piece_id: PieceId, generation: int, facts: Mapping[str, Any]) -> None:
        """Write facts about a piece under the medium's generation, in one transaction. ``None`` removes a fact.

        Raises ``LeaseLost`` when the medium has a newer generation.
        """
        kept, gone = _split(facts)
        self._table.update_checked(
            (media_id, MEDIUM, "generation = :held", {":held": generation}),
            Change(
                media_id,
                PIECE_PREFIX + piece_id,
                sets={**kept, "schema": SCHEMA, "piece_id": piece_id},
                removes=gone,
            ),
        )


def _split(facts: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    kept = {name: value for name, value in facts.items() if value is not None}
    return kept, tuple(name for name, value in facts.items() if value is None)
