"""The service behind ``video_downloader``."""

from __future__ import annotations

import time

from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.multipart import MultipartArchiver
from cloud_sync_common.services.archiving.piece_archiver import PieceArchiver
from cloud_sync_common.services.archiving.record import RecordArchiver
from cloud_sync_common.services.archiving.work import PieceRow, TransferLimits
from cloud_sync_common.services.claims import Claims
from cloud_sync_common.services.downloading import Downloader
from cloud_sync_common.wiring.byte_path import archive, mover
from cloud_sync_common.wiring.clocks import now, now_text
from cloud_sync_common.wiring.gopro import provider
from cloud_sync_common.wiring.process import Wiring


def downloader(wired: Wiring) -> Downloader:
    """Archives one medium a pass."""
    store, engine = wired.kept(archive), wired.kept(mover)
    gopro, limits = wired.kept(provider), transfer_limits(wired)
    row = PieceRow(wired.tracker, now_text)
    completion = Completion(store, row, wired.tracing)
    multipart = MultipartArchiver(store, row, engine, completion, limits)
    return Downloader(
        tracker=wired.tracker,
        ledger=wired.ledger,
        claims=Claims(wired.tracker, wired.ledger, now, now_text),
        provider=gopro,
        credentials=wired.credentials,
        archiver=PieceArchiver(store, row, engine, completion, multipart, limits),
        records=RecordArchiver(store, row, completion, gopro, wired.credentials, limits.storage_class),
        metrics=wired.metrics,
        monotonic=time.monotonic,
        environment=wired.environment.text("ENVIRONMENT"),
        max_stalled_passes=wired.environment.number("MAX_STALLED_PASSES"),
        side_file_days=wired.environment.number("SIDE_FILE_DAYS"),
    )


def transfer_limits(wired: Wiring) -> TransferLimits:
    """How pieces are moved."""
    return TransferLimits(
        multipart_threshold=wired.environment.number("MULTIPART_THRESHOLD"),
        bytes_per_function=wired.environment.number("BYTES_PER_FUNCTION"),
        max_functions=wired.environment.number("MAX_FUNCTIONS_PER_MEDIUM"),
        storage_class=wired.environment.text("STORAGE_CLASS"),
    )
