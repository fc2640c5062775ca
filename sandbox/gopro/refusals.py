"""Refusals on order, worded as GoPro's API and its CDN word theirs."""

from __future__ import annotations

from sandbox.gopro.messages import API_CONTENT_TYPE, Response, json_response, reason, xml_error
from sandbox.wire.orders import Refusal

_CDN_CODES = {403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed", 416: "InvalidRange", 503: "SlowDown"}
_XML = "application/xml"


def refused(refusal: Refusal, *, at_cdn: bool) -> Response:
    """Return the answer that the refusal asks for; without a code the status gives one, ``body`` replaces the words."""
    if refusal.body is not None:
        response = Response(refusal.status, {"Content-Type": _XML if at_cdn else API_CONTENT_TYPE}, refusal.body)
    elif at_cdn:
        code = refusal.code or _CDN_CODES.get(refusal.status, reason(refusal.status).replace(" ", ""))
        response = xml_error(refusal.status, code, reason(refusal.status))
    else:
        code = refusal.code or reason(refusal.status).lower().replace(" ", "_")
        response = json_response(refusal.status, {"error": code, "error_description": reason(refusal.status)})
    response.headers |= refusal.headers
    return response
