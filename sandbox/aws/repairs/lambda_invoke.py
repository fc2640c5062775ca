"""``Invoke`` wants Docker.

Wrong: moto starts a container for each invocation, or answers with a canned sentence where there is no Docker.
Repaired: the function host of the sandbox runs the function; the error header says what Lambda's would.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError

from sandbox.aws.functions.api import RequestTooLarge, TooManyRequests
from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.repairs.patching import replaced
from sandbox.aws.tracing.header import TraceHeader


class _Throttled(JsonRESTError):
    """Lambda's answer when the account's concurrency is used up."""

    code = 429

    def __init__(self, message: str) -> None:
        super().__init__("TooManyRequestsException", message)


class _TooLarge(JsonRESTError):
    """Lambda's answer to an event beyond the limit of a synchronous invocation."""

    code = 413

    def __init__(self, message: str) -> None:
        super().__init__("RequestEntityTooLargeException", message)


class _EventInvocation(JsonRESTError):
    """Asynchronous invocations are not emulated, and say so."""

    def __init__(self) -> None:
        super().__init__("NotImplemented", "The sandbox invokes synchronously only (InvocationType RequestResponse)")


@contextmanager
def installed(host: FunctionHost) -> Iterator[None]:
    """Send invocations made through the API to ``host`` within the block."""

    def invoke(
        self: LambdaFunction,
        body: str | bytes,
        request_headers: Any,
        response_headers: MutableMapping[str, str],
    ) -> bytes:
        if request_headers.get("x-amz-invocation-type", "RequestResponse") != "RequestResponse":
            raise _EventInvocation
        payload = body.encode("utf-8") if isinstance(body, str) else body
        try:
            trace = TraceHeader.parse(request_headers.get("x-amzn-trace-id", ""))
            result = host.invoke(self.function_name, payload or b"{}", trace)
        except TooManyRequests as error:
            raise _Throttled(str(error)) from None
        except RequestTooLarge as error:
            raise _TooLarge(str(error)) from None
        if result.function_error is not None:
            response_headers["x-amz-function-error"] = result.function_error
        return result.payload

    with replaced(LambdaFunction, "invoke", invoke):
        yield
