"""What S3 answers when it refuses: code, status and message, and the XML that carries them.

Codes, statuses and messages are those of the S3 API reference ("Error responses") and, where that is silent, what
public conformance suites recorded from the service itself. No message repeats a signature or a token.
"""

from __future__ import annotations

from sandbox.s3.xml import Element, render

_TABLE: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "BadRequest": (400, "An error occurred when parsing the HTTP request."),
    "ConditionalRequestConflict": (
        409,
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size"),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size"),
    "IncompleteBody": (400, "The request body terminated unexpectedly"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": (403, "The AWS Access Key Id you provided does not exist in our records."),
    "InvalidArgument": (400, "Invalid Argument"),
    "InvalidChunkSizeError": (403, "Only the last chunk is allowed to have a size less than 8192 bytes"),
    "InvalidDigest": (400, "The Content-MD5 you specified was invalid."),
    "InvalidObjectState": (403, "The operation is not valid for the object's storage class"),
    "InvalidPart": (
        400,
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
    ),
    "InvalidPartOrder": (
        400,
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    ),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidRequest": (400, "Invalid Request"),
    "InvalidStorageClass": (400, "The storage class you specified is not valid"),
    "InvalidTag": (400, "The tag provided was not a valid tag."),
    "InvalidURI": (400, "Couldn't parse the specified URI."),
    "KMS.DisabledException": (400, "The request was rejected because the specified KMS key is not enabled."),
    "KMS.KMSInvalidStateException": (
        400,
        "The request was rejected because the state of the specified KMS key is not valid for this request.",
    ),
    "KMS.NotFoundException": (400, "The request was rejected because the specified KMS key was not found."),
    "KeyTooLongError": (400, "Your key is too long"),
    "MalformedTrailerError": (
        400,
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    ),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    "MaxMessageLengthExceeded": (400, "Your request was too big."),
    "MetadataTooLarge": (400, "Your metadata headers exceed the maximum allowed metadata size"),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "NotImplemented": (501, "A header or query you provided implies functionality that is not implemented"),
    "NotModified": (304, "Not Modified"),
    "OperationAborted": (
        409,
        "A conflicting conditional operation is currently in progress against this resource. Try again.",
    ),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestHeaderSectionTooLarge": (400, "Your request header section exceeds the maximum allowed size."),
    "RequestTimeTooSkewed": (403, "The difference between the request time and the current time is too large."),
    "RequestTimeout": (
        400,
        "Your socket connection to the server was not read from or written to within the timeout period. Idle "
        "connections will be closed.",
    ),
    "ServiceUnavailable": (503, "Service is unable to handle request."),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
    ),
    "SlowDown": (503, "Please reduce your request rate."),
    "XAmzContentSHA256Mismatch": (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
}


class S3Error(Exception):
    """A refusal as S3 words it.

    ``code`` must be one that the table knows; ``status`` overrides the table's (200 gives S3's notorious "200 OK with
    an error inside" of a long Complete); ``fields`` are the extra elements of the body.
    """

    def __init__(self, code: str, message: str | None = None, *, status: int | None = None, **fields: str) -> None:
        usual_status, usual_message = _TABLE[code]
        super().__init__(f"{code}: {message or usual_message}")
        self.code = code
        self.status = status or usual_status
        self.message = message or usual_message
        self.fields = fields

    @classmethod
    def of(cls, code: str, status: int) -> S3Error:
        """An error that may be none of the table's: one that somebody wants S3 to answer."""
        if code in _TABLE:
            return cls(code, status=status)
        error = cls("InternalError", code, status=status)
        error.code = code
        return error

    def body(self, resource: str, request_id: str) -> bytes:
        """The XML document that S3 sends with this error."""
        fields = {"Code": self.code, "Message": self.message, **self.fields}
        fields |= {"Resource": resource, "RequestId": request_id}
        return render(Element("Error", [Element(name, value) for name, value in fields.items()]), namespace=False)


def not_implemented(what: str) -> S3Error:
    """The refusal of something that S3 can do and this server cannot: it never pretends."""
    return S3Error("NotImplemented", f"{what} is not implemented by the sandbox's S3")
