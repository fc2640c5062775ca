"""One pass over a claimed medium: what it has found, and what its row will say."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from cloud_sync_common.edges.table import Row
from cloud_sync_common.models import Medium, Piece, PieceId, Resolution, Status
from cloud_sync_common.rules.events import DownloadEvent
from cloud_sync_common.rules.extra_pieces import RAW_PHOTO
from cloud_sync_common.rules.late_files import is_look, side_files_due
from cloud_sync_common.rules.listing_row import signature
from cloud_sync_common.rules.naming import RECORD
from cloud_sync_common.rules.record import record_piece
from cloud_sync_common.services.archiving.work import Advance
from cloud_sync_common.services.claims import Claim
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.stats import TransferStats

logger = logging.getLogger(__name__)

NAMED_MOST = 20
"""Missing extra pieces that a medium's row names; a burst may have thousands, and a row 400 KB at most."""


def stalled_after(before: int, moved: int, advance: Advance) -> int:
    """How many passes in a row, ``before`` and this one, have moved nothing of the medium.

    A pass that only handed work over, or planned anew, is not counted: what comes of it, the next one sees. Neither can
    go on for ever: nothing is handed over again before something has come of it, and each plan's parts are smaller.
    """
    if moved:
        return 0
    return before if advance.ranges or advance.is_planned_anew else before + 1


@dataclass(slots=True)
class Pass:
    """What a pass knows; ``begun`` is monotonic time, ``moved`` bytes that no write has reported yet.

    ``rows`` are the pieces' by id, ``missing`` the extra pieces that could not be had, each with its reason.
    """

    event: DownloadEvent
    medium: Medium
    claim: Claim
    deadline: Deadline
    begun: float
    stats: TransferStats = field(default_factory=TransferStats)
    resolution: Resolution = field(default_factory=lambda: Resolution(()))
    rows: dict[PieceId, Row] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    moved: int = 0

    @property
    def row(self) -> Row:
        """The medium's row as claimed."""
        return self.claim.row

    @property
    def signature(self) -> str:
        """The listing's signature of what is copied."""
        return signature(self.medium)

    @property
    def has_moved_nothing(self) -> bool:
        """Neither this pass nor an earlier one of this run has."""
        return not self.moved and not self.row["bytes_transferred"]

    @property
    def is_look(self) -> bool:
        """Everything but late files is archived and proven."""
        return is_look(self.row, self.signature)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All there is to archive: originals, what GoPro made of them, and the record."""
        return (*self.resolution.pieces, record_piece())

    @property
    def lone_size(self) -> int | None:
        """The listing's size where it is that of one single original."""
        originals = [piece for piece in self.resolution.pieces if not piece.is_extra]
        return self.medium.file_size if len(originals) == 1 else None

    def is_done_before(self, piece: Piece) -> bool:
        """A look leaves alone what is proven for this signature.

        So does whatever comes back for an original that GoPro may have by now: the record has counters that change, and
        would be archived anew by each run.
        """
        comes_back = piece.label == RECORD and self.row.get("synced_signature") == self.signature
        return (self.is_look or comes_back) and self._is_proven(piece.piece_id)

    def miss(self, piece: Piece, error: Exception) -> None:
        """Note that an extra piece could not be had; one that is archived for this signature is not missing."""
        if self._is_proven(piece.piece_id):
            return
        reason = f"{piece.piece_id}: {type(error).__name__}: {error}"
        logger.warning("an extra piece is missing: %s", reason, extra={"media_id": self.event.media_id})
        self.missing.append(reason)

    def synced_facts(self, side_file_days: int, now: int) -> Row:
        """What the row says of a medium whose originals are all proven; ``None`` removes a fact."""
        archived = [
            (piece, self.rows[piece.piece_id])
            for piece in self.pieces
            if self.rows[piece.piece_id].get("status") == Status.COMPLETED
        ]
        absent = [piece_id for piece_id in self.resolution.absent if not self._is_proven(piece_id)]
        return {
            "synced_signature": self.signature,
            "fallback": self.resolution.fallback or None,
            "note": None,
            "reason": None,
            "attempts": None,
            "not_ready_since": None,
            "piece_count": len(archived),
            "archived_bytes": sum(row["size"] for _, row in archived),
            "listed_size_differs": self._size_differs(archived) or None,
            "superseded": self._superseded() or None,
            "side_files_missing": self.missing[:NAMED_MOST] or None,
            "side_files_due": side_files_due(
                self.row, self.medium, side_file_days, now, absent=bool(absent), failed=bool(self.missing)
            ),
        }

    def _is_proven(self, piece_id: PieceId) -> bool:
        """Archived as the listing shows the medium now; a changed medium has side files of its own."""
        row = self.rows.get(piece_id, {})
        return (row.get("status"), row.get("signature")) == (Status.COMPLETED, self.signature)

    def _superseded(self) -> int:
        """Older versions of files that are kept beside the newest; a record that changed makes no changed medium."""
        return sum(len(row.get("superseded_keys", ())) for row in self.rows.values() if row.get("label") != RECORD)

    def _size_differs(self, archived: list[tuple[Piece, Row]]) -> bool:
        """The listing's size is advisory, and counts no RAW: what the source itself served is the truth."""
        size = sum(row["size"] for piece, row in archived if not piece.is_extra and piece.label != RAW_PHOTO)
        if self.resolution.fallback or self.medium.file_size in (None, size):
            return False
        logger.warning(
            "the listing's size differs from the source's; the source's is the truth",
            extra={"media_id": self.event.media_id, "listed": self.medium.file_size, "archived": size},
        )
        return True
