"""Lambda entry of ``media_lister``: one slice of GoPro's listing."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.rules.events import parse_list
from cloud_sync_common.services.listing import Lister
from cloud_sync_common.wiring.entry import LambdaContext, served_by
from cloud_sync_common.wiring.lister import lister
from cloud_sync_common.wiring.time_left import deadline_of


@served_by(lister)
def handler(service: Lister, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """List until the listing ends or the time does; see ``Lister.run``."""
    return service.run(parse_list(event), deadline_of(context))
