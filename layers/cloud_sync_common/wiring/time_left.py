"""What Lambda's context says of the time."""

from __future__ import annotations

import time

from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.wiring.entry import LambdaContext


def deadline_of(context: LambdaContext) -> Deadline:
    """Until when this invocation may move bytes."""
    return Deadline.for_invocation(time.monotonic, context.get_remaining_time_in_millis())


def seconds_left(context: LambdaContext) -> int:
    """Whole seconds until this invocation is killed."""
    return context.get_remaining_time_in_millis() // 1000
