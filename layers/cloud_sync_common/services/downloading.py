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
    LeaseLost,
    MediumError,
    MediumNotFound,
    NoProgress,
    RunError,
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
from cloud_sync_common.services.archiving.piece_archiver import PieceArchiver
from cloud_sync_common.services.archiving.work import NothingServed, PieceWork
from cloud_sync_common.services.stop_flag import honouring_the_stop_flag
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.engine import TransferStats
from cloud_sync_common.transfer.urls import PieceUrls

logger = logging.getLogger(__name__)

LEASE_MARGIN_SECONDS = 300
"""Beyond the longest task: clocks differ, and a killed function's last write may still be on its way."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Wall time in whole seconds and as RFC 3339 text, and a monotonic clock."""

    now: Callable[[], int]
    text: Callable[[], str]
    monotonic: Callable[[], float]


@dataclass(slots=True)
class _Pass:
    """One pass over a claimed medium."""

    event: DownloadEvent
    medium: Medium
    row: Row
    generation: int
    deadline: Deadline
    stats: TransferStats
    resolution: Resolution = field(default_factory=lambda: Resolution(()))
    moved: int = 0
    begun: float = 0.0


@dataclass(frozen=True, slots=True)
class Downloader:
    """Claims a medium, resolves its pieces and brings each as far as possible. Edges are passed in."""

    tracker: Tracker
    ledger: RunLedger
    provider: GoProProvider
    credentials: Callable[[], Credentials]
    archiver: PieceArchiver
    metrics: MetricsPublisher
    clocks: Clocks
    environment: str
    max_stalled_passes: int

    def run(self, event: DownloadEvent, deadline: Deadline, lease_seconds: int) -> dict[str, Any]:
        """Do one pass and say what is left: one of the outcomes of ``models.Outcome``.

        Raises ``RunError`` after raising the run's stop flag, and ``TransientError`` for the workflow's Retry.
        Whatever is wrong with this medium alone is its result, not an exception.
        """
        with honouring_the_stop_flag(self.ledger, event.run_id):
            row = self.tracker.medium(event.media_id) or {}
            medium = medium_of(row, event)
            if is_synced(row, signature(medium)):
                return download_result(event.media_id, Outcome.ALREADY_SYNCED)
            generation = self._claim(event, row, lease_seconds)
            if generation is None:
                return download_result(event.media_id, Outcome.BUSY)
            begun = self.clocks.monotonic()
            this = _Pass(event, medium, row, generation, deadline, TransferStats(), begun=begun)
            return self._advance(this)

    # The lease

    def _claim(self, event: DownloadEvent, row: Row, lease_seconds: int) -> int | None:
        now = self.clocks.now()
        facts: Row = {"run_id": event.run_id, "filename": event.filename, "updated_at": self.clocks.text()}
        if row.get("run_id") != event.run_id:
            facts |= {"bytes_transferred": 0, "stalled_passes": 0}
        try:
            return self.tracker.claim(
                event.media_id,
                seen=row.get("generation", 0),
                owner=event.run_id,
                instead_of=self._dead_owner(row, event.run_id),
                now=now,
                expires=now + lease_seconds + LEASE_MARGIN_SECONDS,
                facts=facts,
            )
        except LeaseLost:
            return None

    def _dead_owner(self, row: Row, run_id: str) -> str | None:
        """The lease's owner if that is another run which is known to be over."""
        owner = row.get("lease_owner")
        if owner is None or owner == run_id:
            return None
        run = self.ledger.run(str(owner))
        return str(owner) if run is not None and run.get("status") != "RUNNING" else None

    # One pass

    def _advance(self, this: _Pass) -> dict[str, Any]:
        try:
            return self._sync(this)
        except (MediumNotFound, SourceGone) as error:
            if self.provider.api.medium_exists(this.event.media_id, self.credentials()):
                raise SourceGone("GoPro lists the medium, but not its file") from error
            return self._finish(this, Outcome.SOURCE_DELETED, Status.COMPLETED, {"note": SOURCE_DELETED})
        except NothingServed:
            return self._finish(this, Outcome.NOT_READY, Status.NOT_READY, {"reason": "GoPro serves an empty file"})
        except MediumError as error:
            return self._fail(this, error)
        except RunError:
            self._give_back(this)
            raise

    def _sync(self, this: _Pass) -> dict[str, Any]:
        this.resolution = self.provider.resolve_pieces(this.medium, self.credentials())
        if this.resolution.not_ready is not None:
            reason = {"reason": this.resolution.not_ready}
            return self._finish(this, Outcome.NOT_READY, Status.NOT_READY, reason)
        rows = self.tracker.pieces(this.event.media_id)
        whole = True
        for piece in this.resolution.pieces:
            try:
                advance = self.archiver.advance(self._work(this, piece, rows.get(piece.piece_id, {})))
            except DeadlineReached:
                return self._more(this, Outcome.CONTINUE)
            this.moved += advance.moved
            whole = whole and advance.done
            if advance.ranges:
                ranges = [
                    range_event(this.event.run_id, this.event.media_id, piece.piece_id, this.generation, parts)
                    for parts in advance.ranges
                ]
                return self._more(this, Outcome.TRANSFER, ranges)
            if not advance.done:
                return self._more(this, Outcome.CONTINUE)
        return self._complete(this)

    def _work(self, this: _Pass, piece: Piece, row: Row) -> PieceWork:
        lone = this.medium.file_size if len(this.resolution.pieces) == 1 else None
        return PieceWork(
            medium=this.medium,
            signature=signature(this.medium),
            piece=piece,
            row=row,
            generation=this.generation,
            run_id=this.event.run_id,
            urls=PieceUrls(piece, lambda: self._resolve_again(this)),
            deadline=this.deadline,
            stats=this.stats,
            lone_size=lone,
        )

    def _resolve_again(self, this: _Pass) -> dict[PieceId, Piece]:
        pieces = self.provider.resolve_pieces(this.medium, self.credentials()).pieces
        return {piece.piece_id: piece for piece in pieces}

    # How a pass ends

    def _complete(self, this: _Pass) -> dict[str, Any]:
        pieces = self.tracker.pieces(this.event.media_id)
        sizes = [pieces[piece.piece_id]["size"] for piece in this.resolution.pieces]
        facts: Row = {
            "synced_signature": signature(this.medium),
            "fallback": this.resolution.fallback or None,
            "note": None,
            "reason": None,
            "attempts": None,
            "piece_count": len(sizes),
            "archived_bytes": sum(sizes),
        }
        if this.medium.file_size not in (None, sum(sizes)) and not this.resolution.fallback:
            facts["listed_size_differs"] = True
            logger.warning(
                "the listing's size differs from the source's; the source's is the truth",
                extra={"media_id": this.event.media_id, "listed": this.medium.file_size, "archived": sum(sizes)},
            )
        result = self._finish(this, Outcome.COMPLETED, Status.COMPLETED, facts)
        self.metrics.record_video_synced(
            provider=PROVIDER,
            environment=self.environment,
            bytes_transferred=this.row.get("bytes_transferred", 0),
            duration_seconds=self.clocks.monotonic() - this.begun,
            time_to_first_byte=this.stats.time_to_first_byte,
        )
        return result

    def _finish(self, this: _Pass, outcome: Outcome, status: Status, facts: Row) -> dict[str, Any]:
        done: Row = {"completed_at": self.clocks.text(), "completed_run_id": this.event.run_id}
        self.tracker.finish_medium(
            this.event.media_id,
            this.generation,
            status,
            {**self._progress(this), **(done if status == Status.COMPLETED else {}), **facts},
        )
        logger.info(
            "medium %s",
            outcome.value,
            extra={"media_id": this.event.media_id, "run_id": this.event.run_id, "reason": facts.get("reason")},
        )
        return download_result(this.event.media_id, outcome)

    def _fail(self, this: _Pass, error: MediumError) -> dict[str, Any]:
        name = type(error).__name__
        facts = {"reason": f"{name}: {error}", "attempts": this.row.get("attempts", 0) + 1}
        result = self._finish(this, Outcome.FAILED, Status.FAILED, facts)
        self.metrics.record_sync_failure(provider=PROVIDER, environment=self.environment, error_type=name)
        return result

    def _more(self, this: _Pass, outcome: Outcome, ranges: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """CONTINUE or TRANSFER, unless pass after pass has moved nothing."""
        stalled = 0 if this.moved else this.row.get("stalled_passes", 0) + 1
        if stalled > self.max_stalled_passes:
            return self._fail(this, NoProgress(f"{stalled} passes in a row moved nothing"))
        self.tracker.update_medium(
            this.event.media_id, this.generation, {**self._progress(this), "stalled_passes": stalled}
        )
        return download_result(
            this.event.media_id, outcome, ranges=ranges or (), max_concurrency=max(1, len(ranges or ()))
        )

    def _give_back(self, this: _Pass) -> None:
        """A stopped run is no attempt of the medium: its lease ends here. The run's own error matters more."""
        try:
            self.tracker.finish_medium(this.event.media_id, this.generation, Status.LISTED, self._progress(this))
        except TransientError as error:
            logger.warning("the lease could not be given back: %s", error, extra={"media_id": this.event.media_id})

    def _progress(self, this: _Pass) -> Row:
        before = this.row.get("bytes_transferred", 0) if this.row.get("run_id") == this.event.run_id else 0
        this.row.update({"bytes_transferred": before + this.moved, "run_id": this.event.run_id})
        this.moved = 0
        return {"bytes_transferred": this.row["bytes_transferred"], "updated_at": self.clocks.text()}
