"""Lambda entry of ``video_downloader``: one pass over one medium."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.rules.events import parse_download
from cloud_sync_common.services.downloading import Downloader
from cloud_sync_common.wiring.downloader import downloader
from cloud_sync_common.wiring.entry import LambdaContext, served_by
from cloud_sync_common.wiring.time_left import deadline_of, seconds_left


@served_by(downloader)
def handler(service: Downloader, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Move what is missing of the medium and fits; see ``Downloader.run``."""
    return service.run(parse_download(event), deadline_of(context), seconds_left(context))
