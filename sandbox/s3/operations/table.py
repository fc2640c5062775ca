"""Which request means which operation, and what it may carry. Everything else is refused by name, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.s3.checksums import ALGORITHMS
from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.message import Request, Response
from sandbox.s3.model import MAX_KEY_BYTES
from sandbox.s3.operations import complete, listing, multipart, objects
from sandbox.s3.operations.context import Context

_ALWAYS = frozenset(
    ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent", "x-amz-expected-bucket-owner"]
)
_BODY = frozenset(["x-amz-trailer", "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm"])
_DESCRIPTION = frozenset(
    [
        "x-amz-storage-class",
        "x-amz-tagging",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-meta-",
    ]
)
_CHECKSUM = frozenset(algorithm.header for algorithm in ALGORITHMS.values())
_CONDITIONS = frozenset({"if-match", "if-none-match"})
# Conditions and ranges change what a request means: where they are not listed they are refused, as x-amz-* are.
_WATCHED = frozenset(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"])


@dataclass(frozen=True)
class Operation:
    """One operation: how its request looks and who answers it.

    ``headers`` are the ``x-amz-`` headers and conditions it understands; one ending in ``-`` stands for all under it.
    """

    name: str
    method: str
    scope: str
    handler: Callable[[Context], Response]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()

    def fits(self, request: Request, scope: str) -> bool:
        """Whether a request means this operation."""
        names = request.query.keys()
        fits = (self.method, self.scope) == (request.method, scope)
        return fits and self.required <= names <= self.required | self.optional

    def check_headers(self, request: Request) -> None:
        """Raises NotImplemented for a header that would change the meaning and is not understood here."""
        known = _ALWAYS | self.headers
        prefixes = tuple(name for name in known if name.endswith("-"))
        for name in request.headers:
            watched = name.startswith("x-amz-") or name in _WATCHED
            if watched and name not in known and not name.startswith(prefixes):
                raise not_implemented(f"The header {name} of {self.name}")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VERSION = _words("versionId")
_READ = _CONDITIONS | {"x-amz-checksum-mode", "range"}

OPERATIONS = (
    Operation("ListBuckets", "GET", "service", listing.list_buckets),
    Operation("HeadBucket", "HEAD", "bucket", listing.head_bucket),
    Operation(
        "ListObjectsV2",
        "GET",
        "bucket",
        listing.list_objects,
        _words("list-type"),
        _words("prefix delimiter max-keys start-after continuation-token encoding-type"),
    ),
    Operation(
        "ListMultipartUploads",
        "GET",
        "bucket",
        listing.list_multipart_uploads,
        _words("uploads"),
        _words("prefix delimiter max-uploads key-marker upload-id-marker encoding-type"),
    ),
    Operation("PutObject", "PUT", "object", objects.put_object, headers=_BODY | _DESCRIPTION | _CHECKSUM | _CONDITIONS),
    Operation("GetObject", "GET", "object", objects.get_object, optional=_VERSION, headers=_READ),
    Operation("HeadObject", "HEAD", "object", objects.head_object, optional=_VERSION, headers=_READ),
    Operation("GetObjectTagging", "GET", "object", objects.get_object_tagging, _words("tagging"), _VERSION),
    Operation(
        "GetObjectAttributes",
        "GET",
        "object",
        objects.get_object_attributes,
        _words("attributes"),
        _VERSION,
        _words("x-amz-object-attributes x-amz-max-parts x-amz-part-number-marker"),
    ),
    Operation(
        "CreateMultipartUpload",
        "POST",
        "object",
        multipart.create_multipart_upload,
        _words("uploads"),
        headers=_DESCRIPTION | {"x-amz-checksum-algorithm", "x-amz-checksum-type"},
    ),
    Operation(
        "UploadPart",
        "PUT",
        "object",
        multipart.upload_part,
        _words("uploadId partNumber"),
        headers=_BODY | _CHECKSUM,
    ),
    Operation(
        "CompleteMultipartUpload",
        "POST",
        "object",
        complete.complete_multipart_upload,
        _words("uploadId"),
        headers=_CHECKSUM | _CONDITIONS | {"x-amz-mp-object-size", "x-amz-checksum-type"},
    ),
    Operation(
        "ListParts",
        "GET",
        "object",
        listing.list_parts,
        _words("uploadId"),
        _words("max-parts part-number-marker"),
    ),
    Operation("AbortMultipartUpload", "DELETE", "object", multipart.abort_multipart_upload, _words("uploadId")),
    Operation("DeleteObject", "DELETE", "object", objects.refuse_to_delete, optional=_VERSION),
    Operation("DeleteObjects", "POST", "bucket", objects.refuse_to_delete, _words("delete"), headers=_BODY | _CHECKSUM),
)


def operation_for(request: Request) -> Operation:
    """The operation that a request means; raises NotImplemented naming what was asked, KeyTooLongError."""
    scope = "object" if request.key else "bucket" if request.bucket else "service"
    for operation in OPERATIONS:
        if operation.fits(request, scope):
            operation.check_headers(request)
            if len(request.key.encode()) > MAX_KEY_BYTES:
                raise S3Error("KeyTooLongError", MaxSizeAllowed=str(MAX_KEY_BYTES))
            return operation
    asked = "&".join(sorted(request.query))
    raise not_implemented(f"{request.method} of a{'n object' if scope == 'object' else ' ' + scope} with ?{asked}")
