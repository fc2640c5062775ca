"""The Task state with the resource ``lambda:invoke``."""

from __future__ import annotations

import json
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NoReturn

from sandbox.aws.functions.api import InvokeResult, RequestTooLarge, TooManyRequests, UnknownFunction
from sandbox.aws.stepfunctions import dataflow
from sandbox.aws.stepfunctions.branch import Visit
from sandbox.aws.stepfunctions.errors import RUNTIME, TIMEOUT, StatesError
from sandbox.aws.stepfunctions.records import as_text
from sandbox.aws.stepfunctions.templates import check_size, to_json
from sandbox.aws.tracing.attempts import Attempt, traced
from sandbox.aws.tracing.header import TraceHeader

DEFAULT_TIMEOUT = 99_999_999
"""Seconds; Step Functions' own default (and no Lambda function runs longer than 900)."""
MAX_CAUSE = 32_768
"""Characters of a cause (API reference of ``SendTaskFailure``)."""

_LAMBDA = {"resourceType": "lambda", "resource": "invoke"}


@dataclass(frozen=True, slots=True)
class _Event:
    """What goes to a function: its name or ARN, the payload, the state's place in the trace."""

    function: str
    payload: bytes
    trace: TraceHeader


def invoke(visit: Visit) -> Any:
    """Invoke the function once and return the result that ``lambda:invoke`` has."""
    parameters = dataflow.effective(visit)
    payload = to_json(parameters.get("Payload", {})).encode("utf-8")
    timeout = visit.state.get("TimeoutSeconds", DEFAULT_TIMEOUT)
    scheduled = {**_LAMBDA, "region": visit.branch.services.region, "parameters": to_json(parameters)}
    visit.branch.event("TaskScheduled", {**scheduled, "timeoutInSeconds": timeout})
    visit.branch.event("TaskStarted", _LAMBDA)
    try:
        with _traced(visit) as header:
            answer = _answer(visit, _Event(parameters["FunctionName"], payload, header), timeout)
            result = check_size(_result(answer), f"The result of state '{visit.name}'")
    except StatesError as error:
        kind = "TaskTimedOut" if error.name == TIMEOUT else "TaskFailed"
        visit.branch.note(kind, {**_LAMBDA, "error": error.name, "cause": error.cause})
        raise
    visit.branch.event("TaskSucceeded", {**_LAMBDA, **as_text("output", result)})
    return result


def _traced(visit: Visit) -> AbstractContextManager[TraceHeader]:
    services, execution = visit.branch.services, visit.branch.execution
    attempt = Attempt(visit.name, execution.arn, visit.branch.iteration)
    return traced(attempt, execution.trace, services.clock, services.traces)


def _answer(visit: Visit, event: _Event, timeout: float) -> InvokeResult:
    services = visit.branch.services
    future: Future[InvokeResult] = services.invocations.submit(
        services.invoke, event.function, event.payload, event.trace
    )
    try:
        return visit.branch.cancellation.wait_for(future, timeout)
    except TimeoutError:
        # As on AWS, the state gives up and the function runs on.
        raise StatesError(TIMEOUT, f"The function did not answer within TimeoutSeconds ({timeout})") from None
    except TooManyRequests as error:
        raise StatesError("Lambda.TooManyRequestsException", str(error)) from None
    except RequestTooLarge as error:
        raise StatesError("Lambda.RequestEntityTooLargeException", str(error)) from None
    except UnknownFunction as error:
        raise StatesError("Lambda.ResourceNotFoundException", str(error)) from None


def _result(answer: InvokeResult) -> dict[str, Any]:
    if answer.function_error is not None:
        raise _function_error(answer.payload)
    return {
        "ExecutedVersion": "$LATEST",
        "Payload": _payload(answer.payload),
        "SdkHttpMetadata": {"HttpStatusCode": 200},
        "SdkResponseMetadata": {"RequestId": answer.request_id},
        "StatusCode": 200,
    }


def _payload(answer: bytes) -> Any:
    """Python's runtime writes NaN and Infinity, and Python reads them; nobody else does: they are no JSON."""
    try:
        found = json.loads(answer or b"null", parse_constant=_no_json)
        to_json(found).encode("utf-8")  # half a surrogate pair is no text
    except ValueError as error:
        raise StatesError(RUNTIME, f"The function's answer is not JSON: {error}"[:MAX_CAUSE]) from None
    return found


def _no_json(word: str) -> NoReturn:
    raise ValueError(f"it has the number {word}")


def _function_error(payload: bytes) -> StatesError:
    text = payload.decode("utf-8", "replace")
    try:
        error = json.loads(payload)
    except ValueError:
        error = None
    kind = error.get("errorType") if isinstance(error, dict) else None
    if not isinstance(kind, str) or not kind:
        cause = f"Lambda did not return an error type. Returned payload: {text}"
        return StatesError("Lambda.Unknown", cause[:MAX_CAUSE])
    return StatesError(kind, text[:MAX_CAUSE])
