"""Lambda entry of ``multipart_uploader``: one range of parts of one open upload."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.rules.events import parse_upload
from cloud_sync_common.services.uploading import Uploader
from cloud_sync_common.wiring.entry import LambdaContext, served_by
from cloud_sync_common.wiring.time_left import deadline_of
from cloud_sync_common.wiring.uploader import uploader


@served_by(uploader)
def handler(service: Uploader, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Upload the range's missing parts; see ``Uploader.run``."""
    return service.run(parse_upload(event), deadline_of(context))
