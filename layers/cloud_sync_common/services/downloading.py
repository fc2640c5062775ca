"""``video_downloader``: what is still missing for this medium, and everything of it that fits into this invocation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import (
    CloudSyncError,
    MediumError,
    MediumNotFound,
    MediumRefused,
    NoProgress,
    RangesUnsupported,
    RunError,
    SchemaChanged,
    SizeUnproven,
    SourceGone,
    SourceThrottled,
    SourceUnavailable,
    TransferError,
    TransientError,
    UnsafeUrl,
    WrongContent,
)
from cloud_sync_common.gopro_provider import GoProProvider
from cloud_sync_common.models import Outcome, Piece, PieceId, Status
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.rules.attributes import PROVIDER
from cloud_sync_common.rules.events import DownloadEvent
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.media_rows import SOURCE_DELETED, is_synced, medium_of
from cloud_sync_common.rules.naming import RECORD
from cloud_sync_common.rules.outcomes import download_result, range_event
from cloud_sync_common.services.archiving.piece_archiver import PieceArchiver
from cloud_sync_common.services.archiving.record import RecordArchiver
from cloud_sync_common.services.archiving.work import Advance, NothingServed, PieceWork
from cloud_sync_common.services.claims import Claims
from cloud_sync_common.services.passes import Pass, stalled_after
from cloud_sync_common.services.stop_flag import honouring_the_stop_flag, sharing_the_pace
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.urls import PieceUrls

logger = logging.getLogger(__name__)

ODD_MEDIA_MOST = 2
"""Media whose answers have an unknown shape before that is taken for a changed API and stops the run (ADR 8)."""


FORGIVEN = (
    *(SourceUnavailable, TransferError, MediumNotFound, MediumRefused, SchemaChanged, SizeUnproven, RangesUnsupported),
    *(UnsafeUrl, WrongContent, NothingServed),
)
"""What GoPro may do to an extra piece without harm to the medium: it is looked for again."""

_OVER: Row = {"not_ready_since": None, "side_files_due": None}
"""Nothing more is to come."""

_NOTHING_DONE = Advance(done=False, moved=0)


@dataclass(frozen=True, slots=True)
class Downloader:
    """Claims a medium, resolves its pieces and brings each as far as possible. Edges are passed in."""

    tracker: Tracker
    ledger: RunLedger
    claims: Claims
    provider: GoProProvider
    credentials: Callable[[], Credentials]
    archiver: PieceArchiver
    records: RecordArchiver
    metrics: MetricsPublisher
    monotonic: Callable[[], float]
    environment: str
    max_stalled_passes: int
    side_file_days: int

    def run(self, event: DownloadEvent, deadline: Deadline, lease_seconds: int) -> dict[str, Any]:
        """Do one pass and say what is left: one of the outcomes of ``models.Outcome``.

        Raises ``RunError`` after raising the run's stop flag, and ``TransientError`` for the workflow's Retry.
        Whatever is wrong with this medium alone is its result, not an exception.
        """
        begun = self.monotonic()
        with (
            honouring_the_stop_flag(self.ledger, event.run_id) as run,
            sharing_the_pace(self.provider.api.pace, self.ledger, event.run_id, run),
        ):
            row = self.tracker.medium(event.media_id) or {}
            medium = medium_of(row, event)
            if is_synced(row, signature(medium)):
                return download_result(event.media_id, Outcome.ALREADY_SYNCED)
            claim = self.claims.take(event.media_id, row, event.run_id, event.filename, lease_seconds)
            if claim is None:
                return download_result(event.media_id, Outcome.BUSY)
            return self._advance(Pass(event, medium, claim, deadline, begun))

    def _advance(self, this: Pass) -> dict[str, Any]:
        try:
            return self._sync_or_find_gone(this)
        except NothingServed:
            return self._not_ready(this, "GoPro serves an empty file")
        except MediumError as error:
            return self._fail(this, error)
        except (SourceUnavailable, SourceThrottled, TransferError) as error:
            if not this.is_look:
                raise
            return self._fail(this, error)
        except SchemaChanged as error:
            if self.ledger.count_odd_medium(this.event.run_id, this.event.media_id) <= ODD_MEDIA_MOST:
                return self._fail(this, error)
            self._give_back(this)
            raise
        except RunError:
            self._give_back(this)
            raise

    def _sync_or_find_gone(self, this: Pass) -> dict[str, Any]:
        try:
            return self._sync(this)
        except (MediumNotFound, SourceGone) as error:
            if self.provider.api.medium_exists(this.event.media_id, self.credentials()):
                raise SourceGone("GoPro lists the medium, but not its file") from error
            return self._source_deleted(this)

    def _sync(self, this: Pass) -> dict[str, Any]:
        this.resolution = self.provider.resolve_pieces(this.medium, self.credentials())
        if this.resolution.not_ready is not None:
            return self._not_ready(this, this.resolution.not_ready)
        # Pieces are only ever written under a claim: before the first one there is nothing to read.
        this.rows = self.tracker.pieces(this.event.media_id) if this.claim.generation > 1 else {}
        for piece in this.pieces:
            try:
                advance = self._archive(this, piece)
            except DeadlineReached:
                return self._more(this)
            this.moved += advance.moved
            if not advance.done:
                return self._more(this, piece.piece_id, advance)
        return self._complete(this)

    def _archive(self, this: Pass, piece: Piece) -> Advance:
        """Bring one piece further; an extra one that GoPro does not serve is missing, and nothing else."""
        row = this.rows.setdefault(piece.piece_id, {})
        if this.is_done_before(piece):
            return Advance(done=True, moved=0)
        if piece.is_extra and this.row["stalled_passes"] >= self.max_stalled_passes:
            this.miss(piece, NoProgress("pass after pass moved nothing"))
            return Advance(done=True, moved=0)
        archiver = self.records if piece.label == RECORD else self.archiver
        try:
            return archiver.advance(self._work(this, piece, row))
        except FORGIVEN as error:
            if not piece.is_extra:
                raise
            this.miss(piece, error)
            return Advance(done=True, moved=0)

    def _work(self, this: Pass, piece: Piece, row: Row) -> PieceWork:
        return PieceWork(
            medium=this.medium,
            signature=this.signature,
            piece=piece,
            row=row,
            generation=this.claim.generation,
            run_id=this.event.run_id,
            urls=PieceUrls(piece, lambda: self._resolve_again(this), this.stats.budget),
            deadline=this.deadline,
            stats=this.stats,
            lone_size=None if piece.is_extra else this.lone_size,
            stalled_passes=this.row["stalled_passes"],
        )

    def _resolve_again(self, this: Pass) -> dict[PieceId, Piece]:
        pieces = self.provider.resolve_pieces(this.medium, self.credentials()).pieces
        return {piece.piece_id: piece for piece in pieces}

    # How a pass ends

    def _complete(self, this: Pass) -> dict[str, Any]:
        facts = this.synced_facts(self.side_file_days, self.claims.now())
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

    def _still_synced(self, this: Pass, reason: str) -> dict[str, Any]:
        """What goes wrong in a look for late files takes nothing from what is archived; the row names it."""
        logger.warning("late files could not be looked for: %s", reason, extra={"media_id": this.event.media_id})
        is_over = this.row["side_files_due"] <= self.claims.now()
        facts: Row = {"reason": None, "side_files_missing": [reason], **(_OVER if is_over else {})}
        return self._finish(this, Outcome.ALREADY_SYNCED, Status.COMPLETED, facts)

    def _not_ready(self, this: Pass, reason: str) -> dict[str, Any]:
        """The row keeps when this began: each run tries again, and after some days a person should know."""
        if this.is_look:
            return self._still_synced(this, reason)
        facts = {"reason": reason, "not_ready_since": this.row.get("not_ready_since", self.claims.now())}
        return self._finish(this, Outcome.NOT_READY, Status.NOT_READY, facts)

    def _source_deleted(self, this: Pass) -> dict[str, Any]:
        """GoPro no longer has it. What was archived before stays archived, and is no deletion."""
        if "archived_bytes" in this.row:
            facts: Row = {"synced_signature": this.signature, "reason": None, **_OVER}
            return self._finish(this, Outcome.ALREADY_SYNCED, Status.COMPLETED, facts)
        facts = {"note": SOURCE_DELETED, "reason": None, "attempts": None, **_OVER, **self._completion(this)}
        return self._finish(this, Outcome.SOURCE_DELETED, Status.COMPLETED, facts)

    def _completion(self, this: Pass) -> Row:
        return {"completed_at": self.claims.now_text(), "completed_run_id": this.event.run_id}

    def _finish(self, this: Pass, outcome: Outcome, status: Status, facts: Row) -> dict[str, Any]:
        self.tracker.finish_medium(
            this.event.media_id, this.claim.generation, status, {**self._progress(this), **facts}
        )
        logger.info(
            "medium %s",
            outcome.value,
            extra={"media_id": this.event.media_id, "run_id": this.event.run_id, "reason": facts.get("reason")},
        )
        return download_result(this.event.media_id, outcome)

    def _fail(self, this: Pass, error: CloudSyncError) -> dict[str, Any]:
        name = type(error).__name__
        if this.is_look:
            return self._still_synced(this, f"{name}: {error}")
        attempts = this.row.get("attempts", 0) + 1
        facts = {"reason": f"{name}: {error}", "attempts": attempts, "not_ready_since": None}
        result = self._finish(this, Outcome.FAILED, Status.FAILED, facts)
        self.metrics.record_sync_failure(provider=PROVIDER, environment=self.environment, error_type=name)
        return result

    def _more(self, this: Pass, piece_id: PieceId | None = None, advance: Advance = _NOTHING_DONE) -> dict[str, Any]:
        """CONTINUE or TRANSFER, unless pass after pass has moved nothing."""
        stalled = stalled_after(this.row["stalled_passes"], this.moved, advance)
        if stalled > self.max_stalled_passes:
            why = f": {advance.hindrance}" if advance.hindrance else ""
            return self._fail(this, NoProgress(f"{stalled} passes in a row moved nothing{why}"))
        event, generation = this.event, this.claim.generation
        self.tracker.update_medium(event.media_id, generation, {**self._progress(this), "stalled_passes": stalled})
        if piece_id is None or not advance.ranges:
            return download_result(event.media_id, Outcome.CONTINUE)
        events = [range_event(event.run_id, event.media_id, piece_id, generation, parts) for parts in advance.ranges]
        return download_result(event.media_id, Outcome.TRANSFER, ranges=events, max_concurrency=len(events))

    def _give_back(self, this: Pass) -> None:
        """A stopped run is no attempt of the medium: its lease ends here. The run's own error matters more."""
        before = Status.COMPLETED if this.claim.before == Status.COMPLETED else Status.LISTED
        try:
            self.tracker.finish_medium(
                this.event.media_id, this.claim.generation, before, {**self._progress(this), "run_id": None}
            )
        except TransientError as error:
            logger.warning("the lease could not be given back: %s", error, extra={"media_id": this.event.media_id})

    def _progress(self, this: Pass) -> Row:
        this.row["bytes_transferred"] += this.moved
        this.moved = 0
        return {"bytes_transferred": this.row["bytes_transferred"], "updated_at": self.claims.now_text()}
