"""The service behind ``media_lister``."""

from __future__ import annotations

from cloud_sync_common.services.listing import Lister
from cloud_sync_common.wiring.clocks import now_text
from cloud_sync_common.wiring.gopro import provider
from cloud_sync_common.wiring.process import Wiring


def lister(wired: Wiring) -> Lister:
    """Lists GoPro's library."""
    return Lister(wired.kept(provider), wired.credentials, wired.tracker, wired.ledger, wired.runs, now_text)
