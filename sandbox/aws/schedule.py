"""Does by hand what EventBridge Scheduler does when a schedule is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.aws.targets import Firing, Letter, deliver, new_start
from sandbox.aws.template.model import DeployError


def fire(client: Callable[[str], Any], name: str | None = None) -> Firing:
    """Call the target of a schedule (of the only one, without a name) with its input, whatever the schedule's state.

    Raises ``DeployError`` if there is no such schedule or its target is not a state machine.
    """
    schedule = _schedule(client("scheduler"), name)
    start = new_start(schedule["Arn"], schedule["Target"], otherwise="{}")
    facts = {
        "EXECUTION_ID": start.id,
        "IS_PAYLOAD_TRUNCATED": "false",
        "SCHEDULED_TIME": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "SCHEDULE_ARN": start.source_arn,
        "TARGET_ARN": str(start.target["Arn"]),
    }
    return deliver(client, start, Letter(start.input, facts))


def _schedule(scheduler: Any, name: str | None) -> Any:
    pages = scheduler.get_paginator("list_schedules").paginate()
    found = [each for page in pages for each in page["Schedules"] if name in (None, each["Name"])]
    if len(found) != 1:
        wanted = "schedules" if name is None else f"schedules named {name}"
        raise DeployError(f"the stack has {len(found)} {wanted}, expected one")
    return scheduler.get_schedule(Name=found[0]["Name"], GroupName=found[0]["GroupName"])
