"""The service behind ``multipart_uploader``."""

from __future__ import annotations

from cloud_sync_common.services.uploading import Uploader
from cloud_sync_common.wiring.byte_path import archive, mover
from cloud_sync_common.wiring.gopro import provider
from cloud_sync_common.wiring.process import Wiring


def uploader(wired: Wiring) -> Uploader:
    """Uploads one range of parts."""
    return Uploader(
        wired.tracker,
        wired.ledger,
        wired.kept(provider),
        wired.credentials,
        wired.kept(archive),
        wired.kept(mover),
    )
