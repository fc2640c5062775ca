"""Refusals that were ordered from outside, in S3's own words."""

from __future__ import annotations

from sandbox.s3.errors import S3Error
from sandbox.s3.message import Response
from sandbox.wire.orders import Refusal

_CONDITIONAL = ("PutObject", "CompleteMultipartUpload")
_USUAL = {
    400: "RequestTimeout",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "OperationAborted",
    412: "PreconditionFailed",
    416: "InvalidRange",
    500: "InternalError",
    501: "NotImplemented",
    503: "SlowDown",
}


def refusal_code(refusal: Refusal, operation: str) -> str:
    """The error code of an ordered refusal: the one it names, or the one that S3 sends with such a status.

    A status of 200 is S3's "200 OK with an error inside" of a long CompleteMultipartUpload.
    """
    if refusal.code:
        return refusal.code
    if refusal.status == 409 and operation in _CONDITIONAL:
        return "ConditionalRequestConflict"
    if refusal.status == 404 and operation in ("UploadPart", "CompleteMultipartUpload", "ListParts"):
        return "NoSuchUpload"
    return _USUAL.get(refusal.status, "InternalError")


def refusal_response(refusal: Refusal, operation: str, resource: str, request_id: str) -> Response:
    """The answer that an ordered refusal asks for; its own body, if it has one, goes out as it is."""
    headers = {"Content-Type": "application/xml"}
    if refusal.body is not None:
        return Response(refusal.status, headers | dict(refusal.headers), refusal.body)
    error = S3Error.of(refusal_code(refusal, operation), refusal.status)
    body = b"" if refusal.status in (204, 304) else error.body(resource, request_id)
    return Response(refusal.status, headers | dict(refusal.headers), body)
