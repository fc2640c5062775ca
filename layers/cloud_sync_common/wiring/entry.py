"""What every handler begins and ends with."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Protocol, TypeVar

from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.wiring.process import Wiring, wiring


class LambdaContext(Protocol):
    """What the handlers use of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        ...


Service = TypeVar("Service")
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def served_by(
    build: Callable[[Wiring], Service],
) -> Callable[[Callable[[Service, dict[str, Any], LambdaContext], dict[str, Any]]], Handler]:
    """Make a handler of what serves an event with the service that ``build`` makes of the environment.

    Each invocation begins anew, and no secret leaves with an exception: Lambda writes an exception's words into the
    log and into the execution's history, past every logger.
    """

    def decorate(serve: Callable[[Service, dict[str, Any], LambdaContext], dict[str, Any]]) -> Handler:
        @wraps(serve)
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            wired = wiring()
            wired.new_invocation()
            try:
                return serve(wired.kept(build), event, context)
            except Exception as error:  # noqa: BLE001 - whatever it is, it goes on
                raise wired.redaction.error(error) from None

        _build_ahead(build)
        return handler

    return decorate


def _build_ahead(build: Callable[[Wiring], object]) -> None:
    """In Lambda, build while the function initialises: with a whole processor, whatever its memory (ADR 17).

    A setting that is wrong must not end the initialisation, which would hide its name from the workflow: it is not
    kept, so that the first invocation meets it again and raises it.
    """
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        with suppress(InvalidInput):
            wiring().kept(build)
