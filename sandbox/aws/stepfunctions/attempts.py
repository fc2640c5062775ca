"""Retry and Catch around the work of a Task or a Map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.aws.stepfunctions import dataflow, paths, templates
from sandbox.aws.stepfunctions.branch import Visit
from sandbox.aws.stepfunctions.errors import StatesError, matches
from sandbox.aws.stepfunctions.retry import Retries


def attempted(visit: Visit, work: Callable[[Visit], Any]) -> tuple[Any, str | None]:
    """Do ``work`` until it succeeds or no retrier takes its error; then catch the error or let it through."""
    services = visit.branch.services
    retries = Retries(visit.state.get("Retry", ()), services.rng, services.retry_scale)
    while True:
        visit.record.attempts += 1
        visit.retry_count = retries.total
        try:
            return dataflow.output(visit, work(visit)), visit.next
        except StatesError as error:
            wait = retries.next_wait(error.name)
            if wait is None:
                return _caught(visit, error)
            visit.record.retry_waits.append({"stated": wait.stated, "waited": wait.scaled})
            visit.branch.cancellation.sleep(wait.scaled)


def _caught(visit: Visit, error: StatesError) -> tuple[Any, str]:
    for catcher in visit.state.get("Catch", ()):
        if matches(error.name, catcher["ErrorEquals"]):
            visit.record.error, visit.record.cause = error.name, error.cause
            found = {"Error": error.name, "Cause": error.cause}
            data = paths.write(catcher.get("ResultPath", "$"), visit.data, found)
            return templates.check_size(data, f"The output of state '{visit.name}'"), catcher["Next"]
    raise error
