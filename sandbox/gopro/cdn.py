"""The host of the files: checks the pre-signed URL, then serves the piece whole or in part."""

from __future__ import annotations

from email.utils import formatdate

from sandbox.gopro.library import Library, SimPiece
from sandbox.gopro.messages import Request, Response, xml_error
from sandbox.gopro.ranges import precondition_status, select_range
from sandbox.gopro.signing import Signer, piece_at


class Cdn:
    """Answers requests for pieces of one library, in the manner of CloudFront before S3."""

    def __init__(self, library: Library, signer: Signer) -> None:
        self._library = library
        self._signer = signer

    def answer(self, request: Request) -> Response:
        """Answer a GET or HEAD; the signature decides which of the two a URL is for."""
        if "Authorization" in request.headers:
            return xml_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        refusal = self._signer.refusal(request.method, request.path, request.query)
        if refusal is not None:
            return refusal
        piece = piece_at(self._library, request.path)
        if piece is None:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")
        try:
            return _serve(piece, request)
        except FileNotFoundError:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")


def _serve(piece: SimPiece, request: Request) -> Response:
    content = piece.content
    size, etag, last_modified = content.size, content.etag, formatdate(content.modified, usegmt=True)
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Last-Modified": last_modified}
    failed = precondition_status(request.headers, etag, last_modified)
    if failed == 304:
        return Response(304, headers)
    if failed is not None:
        return xml_error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    chosen = select_range(request.headers, size, etag, last_modified)
    if chosen.status == 416:
        refused = xml_error(416, "InvalidRange", "The requested range is not satisfiable")
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    if chosen.status == 206:
        headers["Content-Range"] = f"bytes {chosen.start}-{chosen.start + chosen.length - 1}/{size}"
    headers["Content-Type"] = "binary/octet-stream"
    return Response(chosen.status, headers, content.body(chosen.start, chosen.length))
