"""Lambda entry of ``video_downloader``: one pass over one medium."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.rules.events import parse_download
from cloud_sync_common.wiring import LambdaContext, deadline_of, guarded, seconds_left, wiring


@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Move what is missing of the medium and fits; see ``Downloader.run``."""
    return wiring().downloader.run(parse_download(event), deadline_of(context), seconds_left(context))
