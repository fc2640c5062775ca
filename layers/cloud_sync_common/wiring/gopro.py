"""GoPro, for the functions that speak with it."""

from __future__ import annotations

from cloud_sync_common.gopro_provider import GoProProvider, source_settings
from cloud_sync_common.wiring.process import Wiring


def provider(wired: Wiring) -> GoProProvider:
    """GoPro as the environment names it."""
    return GoProProvider(settings=source_settings(wired.environment.values))
