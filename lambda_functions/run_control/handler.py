"""Lambda entry of ``run_control``: begins a run, records a failure, ends a run."""

from __future__ import annotations

from typing import Any

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.rules.events import parse_control, parse_execution, parse_failure
from cloud_sync_common.wiring import LambdaContext, guarded, wiring


@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Carry out ``event["action"]``: ``begin``, ``record_failure`` or ``end``."""
    del context
    run_control = wiring().run_control
    match parse_control(event):
        case "begin":
            return run_control.begin(parse_execution(event), event.get("input"))
        case "record_failure":
            failure = parse_failure(event)
            return run_control.record_failure(failure.run_id, failure.media_id, failure.error)
        case "end":
            return run_control.end(parse_execution(event), event.get("error") or {})
        case action:
            raise InvalidInput(f"unknown action {action!r}; run_control knows begin, record_failure and end")
