"""Lambda entry of ``run_control``: begins a run, records a failure, ends a run."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.rules.events import parse_control, parse_execution, parse_failure
from cloud_sync_common.services.run_control import RunControl
from cloud_sync_common.wiring.entry import LambdaContext, served_by
from cloud_sync_common.wiring.run_control import run_control


@served_by(run_control)
def handler(service: RunControl, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Carry out ``event["action"]``: ``begin``, ``record_failure`` or ``end``."""
    del context
    match parse_control(event):
        case "begin":
            return service.begin(parse_execution(event), event.get("input"))
        case "record_failure":
            failure = parse_failure(event)
            return service.record_failure(failure.run_id, failure.media_id, failure.error)
        case "end":
            return service.end(parse_execution(event), event.get("error") or {})
        case action:
            raise InvalidInput(f"unknown action {action!r}; run_control knows begin, record_failure and end")
