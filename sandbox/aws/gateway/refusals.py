"""Errors as the services word them.

Source: Smithy's documents of the protocols ``awsJson1.0``, ``restJson1`` and ``awsQuery`` for the shapes; "Common
errors" in the services' API references for the codes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from xml.sax.saxutils import escape

from sandbox.aws.gateway.requests import ApiRequest, Protocol

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
"""Of answers that the gateway gives itself."""

_THROTTLED = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "sns": "Throttled",
    "lambda": "TooManyRequestsException",
    "sts": "Throttling",
}
_INTERNAL = {
    "dynamodb": "InternalServerError",
    "secretsmanager": "InternalServiceError",
    "kms": "KMSInternalException",
    "sns": "InternalError",
    "lambda": "ServiceException",
    "scheduler": "InternalServerException",
}
_DENIED = {"sns": "AuthorizationError", "sts": "AccessDenied", "sqs": "AccessDenied"}
_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. ``headers`` do not hold Content-Length or Connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def refusal(request: ApiRequest, status: int, code: str, message: str) -> Answer:
    """Word an error in the manner of the request's protocol; without ``code`` the usual one for the status."""
    code = code or default_code(request.service, status)
    headers = {"x-amzn-RequestId": REQUEST_ID}
    if request.protocol is Protocol.QUERY:
        fault = "Sender" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        )
        return Answer(status, {**headers, "Content-Type": "text/xml"}, text.encode())
    headers["x-amzn-ErrorType"] = code
    if request.protocol is Protocol.JSON:
        document = {"__type": code, "message": message}
        return Answer(status, {**headers, "Content-Type": "application/x-amz-json-1.0"}, json.dumps(document).encode())
    document = {"message": message}
    return Answer(status, {**headers, "Content-Type": "application/json"}, json.dumps(document).encode())


def default_code(service: str, status: int) -> str:
    """Return the code that a service most likely has for a status."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _DENIED.get(service, "AccessDeniedException")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "ServiceUnavailable"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _INTERNAL.get(service, "InternalFailure")
    return _THROTTLED.get(service, "ThrottlingException")


def unknown_key(request: ApiRequest) -> Answer:
    """Refuse a request whose access key was not issued here, as IAM does for a key that does not exist."""
    if request.access_key_id is None:
        message = "Request is missing Authentication Token"
        return refusal(request, HTTPStatus.FORBIDDEN, "MissingAuthenticationToken", message)
    message = "The security token included in the request is invalid."
    if request.protocol is Protocol.QUERY:
        return refusal(request, HTTPStatus.FORBIDDEN, "InvalidClientTokenId", message)
    status = HTTPStatus.BAD_REQUEST if request.protocol is Protocol.JSON else HTTPStatus.FORBIDDEN
    return refusal(request, status, "UnrecognizedClientException", message)


def error_code(answer: Answer) -> str | None:
    """Return the code of an error, never its message; ``None`` for an answer that is no error."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        return None
    headers = {name.lower(): value for name, value in answer.headers.items()}
    code = headers.get("x-amzn-errortype") or _code_in(answer.body)
    return code.rpartition("#")[2].partition(":")[0] if code else str(answer.status)


def _code_in(body: bytes) -> str | None:
    if found := _XML_CODE.search(body):
        return found[1].decode("utf-8", "replace")
    try:
        document = json.loads(body)
    except ValueError:
        return None
    kind = document.get("__type") or document.get("code") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else None
