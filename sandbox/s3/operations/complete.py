"""CompleteMultipartUpload: the parts that the client names, checked and joined into an object."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from sandbox.s3.checksums import ALGORITHMS, COMPOSITE, DEFAULT, Algorithm, b64, whole_object
from sandbox.s3.disk import concatenate
from sandbox.s3.errors import S3Error
from sandbox.s3.message import Request, Response
from sandbox.s3.model import MAX_PARTS, MIN_PART_SIZE, OpenUpload, Part, StoredObject
from sandbox.s3.operations.context import Context, precondition, quoted, xml
from sandbox.s3.operations.multipart import algorithm_mismatch
from sandbox.s3.operations.objects import version
from sandbox.s3.receive import read_claim
from sandbox.s3.xml import Element, parse_records

_MAX_DOCUMENT = 4 * 1024 * 1024
_PART_FIELDS = {"PartNumber", "ETag"} | {algorithm.element for algorithm in ALGORITHMS.values()}


def complete_multipart_upload(context: Context) -> Response:
    """Make the object, if the list of parts, its size and its checksum are what the client says."""
    request, bucket = context.request, context.bucket
    upload = bucket.uploads.get(request.query["uploadId"], request.key)
    condition = precondition(request.headers)
    condition.check(bucket.objects.find(request.key))
    context.meets(upload.description.encryption)
    algorithm = ALGORITHMS[upload.algorithm] if upload.algorithm else DEFAULT
    listed = _read_list(request)
    # One upload is completed by one call at a time, and keeps its parts meanwhile; other uploads do not wait.
    with bucket.uploads.ending(upload), context.account.disk.aside() as joined:
        parts = _chosen_parts(listed, upload, algorithm, bucket.uploads.parts(upload))
        digests = [(bytes.fromhex(part.digest), part.size) for part in parts]
        checksum = whole_object(algorithm, upload.checksum_type, digests)
        size = sum(part.size for part in parts)
        _check_size(request, size)
        _check_checksum(request, upload, algorithm, checksum)
        concatenate([part.path for part in parts], joined)
        context.before_commit()
        new = StoredObject(
            key=upload.key,
            size=size,
            etag=_etag(parts),
            version_id=None,
            checksums={algorithm.name: checksum},
            checksum_type=upload.checksum_type,
            last_modified=context.now,
            path=joined,
            parts=len(parts),
            upload_id=upload.upload_id,
            composite_parts=_composite_parts(upload, parts),
            **vars(upload.description),
        )
        stored = bucket.objects.commit(new, condition)
    return _answer(context, stored)


def _answer(context: Context, stored: StoredObject) -> Response:
    checksums = [Element(ALGORITHMS[name].element, value) for name, value in stored.checksums.items()]
    children = [
        Element("Location", f"{context.request.raw_path}"),
        Element("Bucket", context.request.bucket),
        Element("Key", stored.key),
        Element("ETag", quoted(stored.etag)),
        *checksums,
        Element("ChecksumType", stored.checksum_type),
    ]
    return xml("CompleteMultipartUploadResult", children, {**stored.encryption, **version(stored)})


def _read_list(request: Request) -> list[dict[str, str]]:
    if not request.body.length:
        raise S3Error("InvalidRequest", "You must specify at least one part")
    try:
        listed = parse_records(request.body.read(_MAX_DOCUMENT), "CompleteMultipartUpload", "Part")
    except ValueError:
        raise S3Error("MalformedXML") from None
    if not 1 <= len(listed) <= MAX_PARTS:
        raise S3Error("MalformedXML")
    for entry in listed:
        complete = {"PartNumber", "ETag"} <= entry.keys() <= _PART_FIELDS
        if not complete or not (entry["PartNumber"].isascii() and entry["PartNumber"].isdigit()):
            raise S3Error("MalformedXML")
    return listed


def _chosen_parts(
    listed: list[dict[str, str]], upload: OpenUpload, algorithm: Algorithm, there: list[Part]
) -> list[Part]:
    numbers = [int(entry["PartNumber"]) for entry in listed]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise S3Error("InvalidPartOrder", UploadId=upload.upload_id)
    by_number = {part.number: part for part in there}
    chosen = [_matching(entry, upload, algorithm, by_number) for entry in listed]
    for part in chosen[:-1]:
        if part.size < MIN_PART_SIZE:
            raise S3Error(
                "EntityTooSmall",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(MIN_PART_SIZE),
                PartNumber=str(part.number),
                ETag=part.etag,
            )
    if upload.checksum_type == COMPOSITE and numbers != list(range(1, len(numbers) + 1)):
        # The user guide promises exactly this answer for gaps in a composite upload.
        raise S3Error("InternalError", "Parts with additional checksums must be numbered consecutively from 1.")
    return chosen


def _matching(entry: dict[str, str], upload: OpenUpload, algorithm: Algorithm, by_number: dict[int, Part]) -> Part:
    number, etag = int(entry["PartNumber"]), entry["ETag"].strip('"')
    wrong = S3Error("InvalidPart", UploadId=upload.upload_id, PartNumber=str(number), ETag=etag)
    part = by_number.get(number)
    if part is None or part.etag != etag:
        raise wrong
    given = entry.keys() - {"PartNumber", "ETag"}
    if not given:
        if upload.checksum_type == COMPOSITE:
            raise S3Error(
                "InvalidRequest",
                f"The upload was created using a {algorithm.name.lower()} checksum. The complete request must include "
                f"the checksum for each part. It was missing for part {number} in the request.",
            )
        return part
    # Where Create named no algorithm, S3 keeps no part checksum that a claim could match.
    if given != {algorithm.element} or not upload.algorithm:
        raise wrong
    if algorithm.parse(entry[algorithm.element]) != bytes.fromhex(part.digest):
        raise wrong
    return part


def _check_size(request: Request, size: int) -> None:
    claimed = request.headers.get("x-amz-mp-object-size")
    if claimed is not None and claimed != str(size):
        raise S3Error(
            "InvalidRequest",
            f"The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}",
        )


def _check_checksum(request: Request, upload: OpenUpload, algorithm: Algorithm, actual: str) -> None:
    claimed_type = request.headers.get("x-amz-checksum-type", upload.checksum_type).upper()
    if claimed_type != upload.checksum_type:
        raise S3Error(
            "BadDigest", f"The upload's checksum type is {upload.checksum_type}; the complete request says otherwise."
        )
    given = {name: value for name, value in request.headers.items() if name.startswith("x-amz-checksum-")}
    given.pop("x-amz-checksum-type", None)
    if upload.checksum_type == COMPOSITE:
        # The header carries the composite with or without its "-<parts>".
        given = {name: value.partition("-")[0] for name, value in given.items()}
        actual = actual.partition("-")[0]
    claim = read_claim(given)
    if claim is None:
        return
    if claim.algorithm is not algorithm:
        raise algorithm_mismatch(ALGORITHMS[upload.algorithm] if upload.algorithm else None, claim.algorithm)
    if claim.value != algorithm.parse(actual):
        raise S3Error("BadDigest", f"The {algorithm.name} you specified did not match the calculated checksum.")


def _composite_parts(upload: OpenUpload, parts: list[Part]) -> tuple[tuple[int, int, str], ...]:
    if upload.checksum_type != COMPOSITE:
        return ()
    return tuple((part.number, part.size, b64(bytes.fromhex(part.digest))) for part in parts)


def _etag(parts: list[Part]) -> str:
    joined = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"
