"""CreateMultipartUpload, UploadPart and AbortMultipartUpload."""

from __future__ import annotations

import secrets

from sandbox.s3.checksums import ALGORITHMS, DEFAULT, Algorithm, b64
from sandbox.s3.describe import KMS, SSE, SSE_BUCKET_KEY, SSE_KEY, describe
from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.message import Request, Response
from sandbox.s3.model import MAX_PART_SIZE, MAX_PARTS, OpenUpload, Part
from sandbox.s3.operations.context import Context, quoted, xml
from sandbox.s3.operations.objects import opaque_etag, too_large
from sandbox.s3.receive import Claim, Receiver, read_claim
from sandbox.s3.xml import Element


def create_multipart_upload(context: Context) -> Response:
    """Open an upload; the bucket's defaults of this moment are the upload's for good."""
    request, bucket = context.request, context.bucket
    algorithm, checksum_type = _checksum_plan(request)
    upload = OpenUpload(
        upload_id=secrets.token_hex(32),
        key=request.key,
        algorithm=algorithm.name if algorithm else None,
        checksum_type=checksum_type,
        initiated=context.now,
        description=describe(request.headers, bucket.config, context.account.surroundings),
    )
    context.meets(upload.description.encryption)
    bucket.uploads.create(upload)
    headers = dict(upload.description.encryption)
    if algorithm:
        headers |= {"x-amz-checksum-algorithm": algorithm.name, "x-amz-checksum-type": checksum_type}
    children = [
        Element("Bucket", request.bucket),
        Element("Key", request.key),
        Element("UploadId", upload.upload_id),
    ]
    return xml("InitiateMultipartUploadResult", children, headers)


def _checksum_plan(request: Request) -> tuple[Algorithm | None, str]:
    name = request.headers.get("x-amz-checksum-algorithm")
    asked_type = request.headers.get("x-amz-checksum-type")
    if name is None:
        if asked_type:
            raise S3Error(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )
        return None, DEFAULT.types[0]
    algorithm = ALGORITHMS.get(name.upper())
    if algorithm is None:
        raise not_implemented(f"The checksum algorithm {name}")
    checksum_type = (asked_type or algorithm.types[0]).upper()
    if checksum_type not in algorithm.types:
        raise S3Error(
            "InvalidRequest",
            f"The {checksum_type} checksum type cannot be used with the {algorithm.name.lower()} checksum algorithm.",
        )
    return algorithm, checksum_type


def upload_part(context: Context) -> Response:
    """Keep one part; the same number again replaces it."""
    request = context.request
    number = _part_number(context)
    uploads = context.bucket.uploads
    upload = uploads.get(request.query["uploadId"], request.key)
    context.meets(upload.description.encryption)
    if request.body.length > MAX_PART_SIZE:
        raise too_large(request.body.length)
    claim = read_claim(request.headers)
    _check_claim(upload, claim)
    algorithm = ALGORITHMS[upload.algorithm] if upload.algorithm else DEFAULT
    encryption = upload.description.encryption
    receiver = Receiver(request.headers, algorithm, claim, md5=encryption[SSE] != KMS)
    with context.account.disk.aside() as path:
        received = receiver.receive(request.body, path, context.on_bytes)
        context.before_commit()
        etag = received.md5 if encryption[SSE] != KMS and received.md5 else opaque_etag()
        part = Part(number, received.size, etag, received.digest.hex(), context.now, path)
        uploads.put_part(upload, part)
    kept = {name: encryption[name] for name in (SSE, SSE_KEY, SSE_BUCKET_KEY) if name in encryption}
    shown = {algorithm.header: b64(received.digest)} if upload.algorithm or claim else {}
    return Response(headers={"ETag": quoted(etag), **kept, **shown})


def _part_number(context: Context) -> int:
    number = context.number("partNumber", 0)
    if not 1 <= number <= MAX_PARTS:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )
    return number


def _check_claim(upload: OpenUpload, claim: Claim | None) -> None:
    """A part's checksum is of the upload's algorithm; only for FULL_OBJECT may it be left to S3."""
    expected = ALGORITHMS[upload.algorithm] if upload.algorithm else None
    if claim is None:
        if expected and upload.checksum_type == "COMPOSITE":
            raise algorithm_mismatch(expected, None)
    elif claim.algorithm is not (expected or DEFAULT):
        raise algorithm_mismatch(expected, claim.algorithm)


def algorithm_mismatch(expected: Algorithm | None, actual: Algorithm | None) -> S3Error:
    """The refusal of a checksum of another algorithm than the upload's."""
    names = [algorithm.name.lower() if algorithm else "null" for algorithm in (expected, actual)]
    return S3Error(
        "InvalidRequest",
        f"Checksum Type mismatch occurred, expected checksum Type: {names[0]}, actual checksum Type: {names[1]}",
    )


def abort_multipart_upload(context: Context) -> Response:
    """End an upload without an object."""
    request = context.request
    uploads = context.bucket.uploads
    uploads.abort(uploads.get(request.query["uploadId"], request.key))
    return Response(204)
