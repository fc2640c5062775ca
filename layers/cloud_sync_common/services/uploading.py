"""``multipart_uploader``: the missing parts of one range of one open upload. Nothing else, and no tracker write."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloud_sync_common.edges.archive import Archive, UploadGone
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.table import Row
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.errors import RangesUnsupported
from cloud_sync_common.gopro_provider import GoProProvider
from cloud_sync_common.models import Medium, ObjectKey, Piece, PieceId, Source, UploadId
from cloud_sync_common.rules.attributes import is_media_name
from cloud_sync_common.rules.events import DownloadEvent, UploadEvent
from cloud_sync_common.rules.media_rows import medium_of
from cloud_sync_common.services.archiving.multipart import is_usable
from cloud_sync_common.services.stop_flag import honouring_the_stop_flag, sharing_the_pace
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartJob, PartMover
from cloud_sync_common.transfer.planning import PartPlan
from cloud_sync_common.transfer.source import RangeIgnored
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.streams import multipart_upload_stream
from cloud_sync_common.transfer.urls import PieceUrls

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Uploader:
    """Moves parts; the downloader's next pass finds out from ListParts what came of it."""

    tracker: Tracker
    ledger: RunLedger
    provider: GoProProvider
    credentials: Callable[[], Credentials]
    archive: Archive
    mover: PartMover

    def run(self, event: UploadEvent, deadline: Deadline) -> dict[str, Any]:
        """Upload what ListParts does not show of the range.

        ``UPLOADED``: all of it is there. ``PARTIAL``: the deadline came first. ``STALE``: the medium was claimed again,
        or the piece or its upload is gone; nothing was done. Raises ``RunError`` after raising the run's stop flag,
        and ``TransientError``.
        """
        with (
            honouring_the_stop_flag(self.ledger, event.run_id) as run,
            sharing_the_pace(self.provider.api.pace, self.ledger, event.run_id, run),
        ):
            return {"outcome": self._upload(event, deadline), "media_id": event.media_id, "piece_id": event.piece_id}

    def _upload(self, event: UploadEvent, deadline: Deadline) -> str:
        medium_row = self.tracker.medium(event.media_id) or {}
        row = self.tracker.piece(event.media_id, event.piece_id) or {}
        if medium_row.get("generation") != event.generation or not row.get("upload_id"):
            return "STALE"
        medium = medium_of(medium_row, _as_download(event))
        piece = self._pieces(medium).get(event.piece_id)
        if piece is None:
            return "STALE"
        plan = PartPlan(row["size"], row["part_size"])
        stats = TransferStats()
        job = self._job(row, piece, medium, stats)
        numbers = range(event.first_part, min(event.last_part, plan.count) + 1)
        try:
            held = self.archive.parts(job.key, job.upload_id)
            missing = [n for n in numbers if n not in held or not is_usable(held[n], plan)]
            sent = multipart_upload_stream(self.mover, job, plan, missing, deadline, stats)
        except RangeIgnored:
            raise RangesUnsupported("the source serves no ranges, so that its parts cannot be shared out") from None
        except UploadGone:
            logger.warning("the upload is gone", extra={"media_id": event.media_id})
            return "STALE"
        return "UPLOADED" if len(sent) == len(missing) else "PARTIAL"

    def _job(self, row: Row, piece: Piece, medium: Medium, stats: TransferStats) -> PartJob:
        urls = PieceUrls(piece, lambda: self._pieces(medium), stats.budget)
        source = Source(row["size"], row.get("validator"), ranges=True, is_media=is_media_name(piece.filename))
        return PartJob(ObjectKey(row["key"]), UploadId(row["upload_id"]), source, urls)

    def _pieces(self, medium: Medium) -> dict[PieceId, Piece]:
        pieces = self.provider.resolve_pieces(medium, self.credentials()).pieces
        return {piece.piece_id: piece for piece in pieces}


def _as_download(event: UploadEvent) -> DownloadEvent:
    return DownloadEvent(event.run_id, event.media_id, "", None, None)
