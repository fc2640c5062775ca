"""Lambda entry of ``media_lister``: one slice of GoPro's listing."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.rules.events import parse_list
from cloud_sync_common.wiring import LambdaContext, deadline_of, guarded, wiring


@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """List until the listing ends or the time does; see ``Lister.run``."""
    return wiring().lister.run(parse_list(event), deadline_of(context))
