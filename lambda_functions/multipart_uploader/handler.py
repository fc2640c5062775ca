"""Lambda entry of ``multipart_uploader``: one range of parts of one open upload."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.rules.events import parse_upload
from cloud_sync_common.wiring import LambdaContext, deadline_of, guarded, wiring


@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Upload the range's missing parts; see ``Uploader.run``."""
    return wiring().uploader.run(parse_upload(event), deadline_of(context))
