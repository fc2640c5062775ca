"""PutObject, GetObject, HeadObject, GetObjectTagging, GetObjectAttributes - and the refusal to delete."""

from __future__ import annotations

import re
import secrets
from email.utils import format_datetime

from sandbox.s3.checksums import ALGORITHMS, COMPOSITE, DEFAULT, FULL_OBJECT, b64
from sandbox.s3.describe import KMS, SSE, describe
from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.message import FilePart, Response
from sandbox.s3.model import MAX_PART_SIZE, StoredObject
from sandbox.s3.operations.context import PAGE, Context, precondition, quoted, xml
from sandbox.s3.receive import Receiver, read_claim
from sandbox.s3.xml import Element

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_COLD = ("GLACIER", "DEEP_ARCHIVE")


def put_object(context: Context) -> Response:
    """Store one object, if everything that was claimed about it is true."""
    request, bucket = context.request, context.bucket
    condition = precondition(request.headers)
    condition.check(bucket.objects.find(request.key))
    described = describe(request.headers, bucket.config, context.account.surroundings)
    context.meets(described.encryption)
    if request.body.length > MAX_PART_SIZE:
        raise too_large(request.body.length)
    claim = read_claim(request.headers)
    algorithm = claim.algorithm if claim else DEFAULT
    by_md5 = described.encryption[SSE] != KMS
    receiver = Receiver(request.headers, algorithm, claim, md5=by_md5)
    with context.account.disk.aside() as path:
        received = receiver.receive(request.body, path, context.on_bytes)
        context.before_commit()
        new = StoredObject(
            key=request.key,
            size=received.size,
            # With KMS, S3's ETag is no digest of the bytes: nobody may come to rely on it.
            etag=received.md5 if by_md5 and received.md5 else opaque_etag(),
            version_id=None,
            checksums={algorithm.name: b64(received.digest)},
            checksum_type=FULL_OBJECT,
            last_modified=context.now,
            path=path,
            **vars(described),
        )
        stored = bucket.objects.commit(new, condition)
    headers = {"ETag": quoted(stored.etag), **stored.encryption, **checksum_headers(stored), **version(stored)}
    return Response(headers=headers)


def get_object(context: Context) -> Response:
    """Stream one object or one range of it."""
    found = _find(context)
    _check_conditions(context, found)
    if found.storage_class in _COLD:
        raise S3Error("InvalidObjectState", StorageClass=found.storage_class)
    context.meets(found.encryption)
    return _content(context, found)


def head_object(context: Context) -> Response:
    """Everything about one object, or one range of it, but its bytes."""
    found = _find(context)
    _check_conditions(context, found)
    context.meets(found.encryption)
    return _content(context, found)


def _content(context: Context, found: StoredObject) -> Response:
    headers = _object_headers(context, found)
    span = _range(context.request.headers.get("range", ""), found.size)
    if span is None:
        return Response(headers=headers, body=FilePart(found.path, 0, found.size))
    start, end = span
    headers["Content-Range"] = f"bytes {start}-{end}/{found.size}"
    # The stored checksum is the whole object's; S3 leaves it out of an answer that holds less.
    for algorithm in ALGORITHMS.values():
        headers.pop(algorithm.header, None)
    headers.pop("x-amz-checksum-type", None)
    return Response(206, headers, FilePart(found.path, start, end - start + 1))


def get_object_tagging(context: Context) -> Response:
    """An object's tags."""
    found = _find(context)
    context.meets(found.encryption)
    tags = [Element("Tag", [Element("Key", key), Element("Value", value)]) for key, value in found.tags.items()]
    return xml("Tagging", [Element("TagSet", tags)], version(found))


def get_object_attributes(context: Context) -> Response:
    """The asked attributes, of the parts one page."""
    found = _find(context)
    asked = {name.strip() for name in context.request.headers.get("x-amz-object-attributes", "").split(",")}
    known = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}
    if not asked <= known:
        raise S3Error("InvalidArgument", "Invalid attribute name specified.", ArgumentName="x-amz-object-attributes")
    context.meets(found.encryption)
    checksums = [Element(ALGORITHMS[name].element, value) for name, value in found.checksums.items()]
    elements = [
        Element("ETag", found.etag),
        Element("Checksum", [*checksums, Element("ChecksumType", found.checksum_type)]),
        *([Element("ObjectParts", _parts(context, found))] if found.parts else []),
        Element("StorageClass", found.storage_class),
        Element("ObjectSize", found.size),
    ]
    headers = {"Last-Modified": format_datetime(found.last_modified, usegmt=True), **version(found)}
    return xml("GetObjectAttributesResponse", [element for element in elements if element.name in asked], headers)


def _parts(context: Context, found: StoredObject) -> list[Element]:
    """The number of parts; each with its checksum only for composite ones (S3 keeps no other part's after Complete)."""
    headers = context.request.headers
    limit = min(context.number("x-amz-max-parts", PAGE, headers), PAGE)
    marker = context.number("x-amz-part-number-marker", 0, headers)
    count = Element("PartsCount", found.parts)
    if found.checksum_type != COMPOSITE:
        return [count]
    (algorithm,) = (ALGORITHMS[name] for name in found.checksums)
    left = [part for part in found.composite_parts if part[0] > marker]
    shown = left[:limit]
    return [
        count,
        Element("PartNumberMarker", marker),
        Element("NextPartNumberMarker", shown[-1][0] if shown else 0),
        Element("MaxParts", limit),
        Element("IsTruncated", len(left) > len(shown) > 0),
        *(
            Element(
                "Part",
                [Element("PartNumber", number), Element("Size", size), Element(algorithm.element, checksum)],
            )
            for number, size, checksum in shown
        ),
    ]


def refuse_to_delete(context: Context) -> Response:
    """Nothing is ever deleted: no role of the pipeline may, so a call is a defect that has to be seen."""
    raise S3Error("AccessDenied", "The sandbox's S3 deletes nothing: no role of this pipeline is allowed to")


def _find(context: Context) -> StoredObject:
    request = context.request
    found = context.bucket.objects.find(request.key, request.query.get("versionId"))
    if found is None and "versionId" in request.query:
        raise S3Error("NoSuchVersion", Key=request.key)
    if found is None:
        raise S3Error("NoSuchKey", Key=request.key)
    return found


def _check_conditions(context: Context, found: StoredObject) -> None:
    headers = context.request.headers
    if "if-match" in headers and headers["if-match"].strip('"') not in ("*", found.etag):
        raise S3Error("PreconditionFailed", Condition="If-Match")
    if "if-none-match" in headers and headers["if-none-match"].strip('"') in ("*", found.etag):
        raise S3Error("NotModified")


def _object_headers(context: Context, found: StoredObject) -> dict[str, str]:
    mode = context.request.headers.get("x-amz-checksum-mode", "").upper()
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": quoted(found.etag),
        "Last-Modified": format_datetime(found.last_modified, usegmt=True),
        "Content-Type": found.content_type,
        **found.headers,
        **{f"x-amz-meta-{name}": value for name, value in found.metadata.items()},
        **found.encryption,
        **version(found),
    }
    if found.storage_class != "STANDARD":
        headers["x-amz-storage-class"] = found.storage_class
    if found.tags:
        headers["x-amz-tagging-count"] = str(len(found.tags))
    return headers | (checksum_headers(found) if mode == "ENABLED" else {})


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range; ``None`` where the header is to be ignored."""
    if "," in header:
        raise not_implemented("More than one range")
    matched = _RANGE.fullmatch(header)
    if not matched or matched.groups() == ("", ""):
        return None
    first, last = matched.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if first and last and int(last) < start:
        return None
    if start >= size or (not first and int(last) == 0):
        raise S3Error("InvalidRange", RangeRequested=header, ActualObjectSize=str(size))
    return start, end


def checksum_headers(stored: StoredObject) -> dict[str, str]:
    """The response headers with an object's checksum."""
    values = {ALGORITHMS[name].header: value for name, value in stored.checksums.items()}
    return {**values, "x-amz-checksum-type": stored.checksum_type}


def version(stored: StoredObject) -> dict[str, str]:
    """The response header with an object's version, where the bucket has versions."""
    return {"x-amz-version-id": stored.version_id} if stored.version_id else {}


def opaque_etag() -> str:
    """An ETag that says nothing about the bytes, as S3 gives under SSE-KMS."""
    return secrets.token_hex(16)


def too_large(size: int) -> S3Error:
    """The refusal of a payload above 5 GiB."""
    return S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(MAX_PART_SIZE))
