"""``video_downloader``: what is still missing for this medium, and everything of it that fits into this invocation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import (
    CloudSyncError,
    MediumError,
    MediumNotFound,
    NoProgress,
    RunError,
    SchemaChanged,
    SourceGone,
    TransientError,
)
from cloud_sync_common.gopro_provider import GoProProvider
from cloud_sync_common.models import Medium, Outcome, Piece, PieceId, Resolution, Status
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.rules.attributes import PROVIDER
from cloud_sync_common.rules.events import DownloadEvent
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import SOURCE_DELETED, is_synced, medium_of
from cloud_sync_common.rules.outcomes import download_result, range_event
from cloud_sync_common.rules.parts import PartRange
from cloud_sync_common.services.archiving.piece_archiver import PieceArchiver
from cloud_sync_common.services.archiving.work import NothingServed, PieceWork
from cloud_sync_common.services.claims import Claim, Claims
from cloud_sync_common.services.stop_flag import honouring_the_stop_flag
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.engine import TransferStats
from cloud_sync_common.transfer.urls import PieceUrls

logger = logging.getLogger(__name__)

ODD_MEDIA_MOST = 2
"""Media whose answers have an unknown shape before that is taken for a changed API and stops the run (ADR 8)."""


@dataclass(slots=True)
class _Pass:
    """One pass over a claimed medium."""

    event: DownloadEvent
    medium: Medium
    claim: Claim
    deadline: Deadline
    begun: float
    stats: TransferStats = field(default_factory=TransferStats)
    resolution: Resolution = field(default_factory=lambda: Resolution(()))
    moved: int = 0

    @property
    def row(self) -> Row:
        """The medium's row as claimed."""
        return self.claim.row

    @property
    def has_moved_nothing(self) -> bool:
        """Neither this pass nor an earlier one of this run has."""
        return not self.moved and not self.row["bytes_transferred"]


@dataclass(frozen=True, slots=True)
class Downloader:
    """Claims a medium, resolves its pieces and brings each as far as possible. Edges are passed in."""

    tracker: Tracker
    ledger: RunLedger
    claims: Claims
    provider: GoProProvider
    credentials: Callable[[], Credentials]
    archiver: PieceArchiver
    metrics: MetricsPublisher
    monotonic: Callable[[], float]
    environment: str
    max_stalled_passes: int

    def run(self, event: DownloadEvent, deadline: Deadline, lease_seconds: int) -> dict[str, Any]:
        """Do one pass and say what is left: one of the outcomes of ``models.Outcome``.

        Raises ``RunError`` after raising the run's stop flag, and ``TransientError`` for the workflow's Retry.
        Whatever is wrong with this medium alone is its result, not an exception.
        """
        begun = self.monotonic()
        with honouring_the_stop_flag(self.ledger, event.run_id):
            row = self.tracker.medium(event.media_id) or {}
            medium = medium_of(row, event)
            if is_synced(row, signature(medium)):
                return download_result(event.media_id, Outcome.ALREADY_SYNCED)
            claim = self.claims.take(event.media_id, row, event.run_id, event.filename, lease_seconds)
            if claim is None:
                return download_result(event.media_id, Outcome.BUSY)
            return self._advance(_Pass(event, medium, claim, deadline, begun))

    def _advance(self, this: _Pass) -> dict[str, Any]:
        try:
            return self._sync_or_find_gone(this)
        except NothingServed:
            return self._finish(this, Outcome.NOT_READY, Status.NOT_READY, {"reason": "GoPro serves an empty file"})
        except MediumError as error:
            return self._fail(this, error)
        except SchemaChanged as error:
            if self.ledger.count_odd_medium(this.event.run_id, this.event.media_id) <= ODD_MEDIA_MOST:
                return self._fail(this, error)
            self._give_back(this)
            raise
        except RunError:
            self._give_back(this)
            raise

    def _sync_or_find_gone(self, this: _Pass) -> dict[str, Any]:
        try:
            return self._sync(this)
        except (MediumNotFound, SourceGone) as error:
            if self.provider.api.medium_exists(this.event.media_id, self.credentials()):
                raise SourceGone("GoPro lists the medium, but not its file") from error
            return self._source_deleted(this)

    def _sync(self, this: _Pass) -> dict[str, Any]:
        this.resolution = self.provider.resolve_pieces(this.medium, self.credentials())
        if this.resolution.not_ready is not None:
            reason = {"reason": this.resolution.not_ready}
            return self._finish(this, Outcome.NOT_READY, Status.NOT_READY, reason)
        # Pieces are only ever written under a claim: before the first one there is nothing to read.
        rows = self.tracker.pieces(this.event.media_id) if this.claim.generation > 1 else {}
        for piece in this.resolution.pieces:
            try:
                advance = self.archiver.advance(self._work(this, piece, rows.setdefault(piece.piece_id, {})))
            except DeadlineReached:
                return self._more(this)
            this.moved += advance.moved
            if not advance.done:
                return self._more(this, piece.piece_id, advance.ranges)
        return self._complete(this, sum(rows[piece.piece_id]["size"] for piece in this.resolution.pieces))

    def _work(self, this: _Pass, piece: Piece, row: Row) -> PieceWork:
        return PieceWork(
            medium=this.medium,
            signature=signature(this.medium),
            piece=piece,
            row=row,
            generation=this.claim.generation,
            run_id=this.event.run_id,
            urls=PieceUrls(piece, lambda: self._resolve_again(this)),
            deadline=this.deadline,
            stats=this.stats,
            lone_size=this.medium.file_size if len(this.resolution.pieces) == 1 else None,
        )

    def _resolve_again(self, this: _Pass) -> dict[PieceId, Piece]:
        pieces = self.provider.resolve_pieces(this.medium, self.credentials()).pieces
        return {piece.piece_id: piece for piece in pieces}

    # How a pass ends

    def _complete(self, this: _Pass, size: int) -> dict[str, Any]:
        facts: Row = {
            "synced_signature": signature(this.medium),
            "fallback": this.resolution.fallback or None,
            "note": None,
            "reason": None,
            "attempts": None,
            "piece_count": len(this.resolution.pieces),
            "archived_bytes": size,
            "listed_size_differs": self._size_differs(this, size) or None,
        }
        if "archived_bytes" in this.row and this.has_moved_nothing:
            return self._finish(this, Outcome.ALREADY_SYNCED, Status.COMPLETED, facts)
        result = self._finish(this, Outcome.COMPLETED, Status.COMPLETED, {**facts, **self._completion(this)})
        self.metrics.record_video_synced(
            provider=PROVIDER,
            environment=self.environment,
            bytes_transferred=this.row["bytes_transferred"],
            duration_seconds=max(self.monotonic() - this.begun, self.claims.now() - this.row["begun_at"]),
            time_to_first_byte=this.stats.time_to_first_byte,
        )
        return result

    def _size_differs(self, this: _Pass, size: int) -> bool:
        """The listing's size is advisory: what the source itself served is the truth (design.md 2)."""
        if this.resolution.fallback or this.medium.file_size in (None, size):
            return False
        logger.warning(
            "the listing's size differs from the source's; the source's is the truth",
            extra={"media_id": this.event.media_id, "listed": this.medium.file_size, "archived": size},
        )
        return True

    def _source_deleted(self, this: _Pass) -> dict[str, Any]:
        """GoPro no longer has it. What was archived before stays archived, and is no deletion."""
        if "archived_bytes" in this.row:
            facts: Row = {"synced_signature": signature(this.medium), "reason": None}
            return self._finish(this, Outcome.ALREADY_SYNCED, Status.COMPLETED, facts)
        facts = {"note": SOURCE_DELETED, "reason": None, "attempts": None, **self._completion(this)}
        return self._finish(this, Outcome.SOURCE_DELETED, Status.COMPLETED, facts)

    def _completion(self, this: _Pass) -> Row:
        return {"completed_at": self.claims.now_text(), "completed_run_id": this.event.run_id}

    def _finish(self, this: _Pass, outcome: Outcome, status: Status, facts: Row) -> dict[str, Any]:
        self.tracker.finish_medium(
            this.event.media_id, this.claim.generation, status, {**self._progress(this), **facts}
        )
        logger.info(
            "medium %s",
            outcome.value,
            extra={"media_id": this.event.media_id, "run_id": this.event.run_id, "reason": facts.get("reason")},
        )
        return download_result(this.event.media_id, outcome)

    def _fail(self, this: _Pass, error: CloudSyncError) -> dict[str, Any]:
        name = type(error).__name__
        facts = {"reason": f"{name}: {error}", "attempts": this.row.get("attempts", 0) + 1}
        result = self._finish(this, Outcome.FAILED, Status.FAILED, facts)
        self.metrics.record_sync_failure(provider=PROVIDER, environment=self.environment, error_type=name)
        return result

    def _more(self, this: _Pass, piece_id: PieceId | None = None, ranges: tuple[PartRange, ...] = ()) -> dict[str, Any]:
        """CONTINUE or TRANSFER, unless pass after pass has moved nothing."""
        stalled = 0 if this.moved else this.row["stalled_passes"] + 1
        if stalled > self.max_stalled_passes:
            return self._fail(this, NoProgress(f"{stalled} passes in a row moved nothing"))
        event, generation = this.event, this.claim.generation
        self.tracker.update_medium(event.media_id, generation, {**self._progress(this), "stalled_passes": stalled})
        if piece_id is None or not ranges:
            return download_result(event.media_id, Outcome.CONTINUE)
        events = [range_event(event.run_id, event.media_id, piece_id, generation, parts) for parts in ranges]
        return download_result(event.media_id, Outcome.TRANSFER, ranges=events, max_concurrency=len(events))

    def _give_back(self, this: _Pass) -> None:
        """A stopped run is no attempt of the medium: its lease ends here. The run's own error matters more."""
        before = Status.COMPLETED if this.claim.before == Status.COMPLETED else Status.LISTED
        try:
            self.tracker.finish_medium(
                this.event.media_id, this.claim.generation, before, {**self._progress(this), "run_id": None}
            )
        except TransientError as error:
            logger.warning("the lease could not be given back: %s", error, extra={"media_id": this.event.media_id})

    def _progress(self, this: _Pass) -> Row:
        this.row["bytes_transferred"] += this.moved
        this.moved = 0
        return {"bytes_transferred": this.row["bytes_transferred"], "updated_at": self.claims.now_text()}
