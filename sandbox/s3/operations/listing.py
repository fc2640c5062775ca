"""The listings: ListBuckets, HeadBucket, ListObjectsV2, ListMultipartUploads, ListParts - all paged as S3 pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar
from urllib.parse import quote

from sandbox.s3.checksums import ALGORITHMS, b64
from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.message import Response
from sandbox.s3.model import OpenUpload, Part, StoredObject
from sandbox.s3.operations.context import PAGE, Context, quoted, timestamp, xml
from sandbox.s3.xml import Element

_Item = TypeVar("_Item", StoredObject, OpenUpload)


def list_buckets(context: Context) -> Response:
    """Every bucket's name."""
    buckets = [Element("Bucket", [Element("Name", name)]) for name in context.account.names()]
    owner = Element("Owner", [Element("ID", context.account.surroundings.account_id)])
    return xml("ListAllMyBucketsResult", [owner, Element("Buckets", buckets)])


def head_bucket(context: Context) -> Response:
    """Whether the bucket is there."""
    context.account.bucket(context.request.bucket)
    return Response(headers={"x-amz-bucket-region": context.account.surroundings.region})


class _Page(Generic[_Item]):
    """One page of keys: entries and common prefixes in key order, together at most ``limit``."""

    def __init__(self, items: Sequence[_Item], prefix: str, delimiter: str, limit: int) -> None:
        self.entries: list[_Item] = []
        self.prefixes: list[str] = []
        self.last = ""
        self.truncated = False
        for item in items:
            if not item.key.startswith(prefix):
                continue
            rolled = _common_prefix(item.key, prefix, delimiter)
            if rolled and self.prefixes and self.prefixes[-1] == rolled:
                continue
            if len(self.entries) + len(self.prefixes) >= limit:
                self.truncated = limit > 0
                return
            if rolled:
                self.prefixes.append(rolled)
            else:
                self.entries.append(item)
            self.last = rolled or item.key


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    if not delimiter:
        return ""
    head, found, _ = key[len(prefix) :].partition(delimiter)
    return prefix + head + found if found else ""


def _after(key: str, mark: str, delimiter: str) -> bool:
    """Whether a key comes after the place where the last page ended; a common prefix stands for all under it."""
    return key > mark and not (delimiter and mark.endswith(delimiter) and key.startswith(mark))


def list_objects(context: Context) -> Response:
    """One page of keys; the continuation token is the place where the page before ended."""
    query = context.request.query
    if query["list-type"] != "2":
        raise not_implemented("ListObjects version 1")
    text = _text_encoder(query)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = min(context.number("max-keys", PAGE), PAGE)
    items = context.bucket.objects.all()
    if token := query.get("continuation-token"):
        mark = _mark(token)
        items = [item for item in items if _after(item.key, mark, delimiter)]
    elif start := query.get("start-after"):
        items = [item for item in items if item.key > start]
    page = _Page(items, prefix, delimiter, limit)
    children = [Element("Name", context.request.bucket), Element("Prefix", text(prefix))]
    children += [Element("Delimiter", text(delimiter))] if delimiter else []
    children += [Element("MaxKeys", limit), Element("KeyCount", len(page.entries) + len(page.prefixes))]
    children += [Element("IsTruncated", page.truncated)]
    children += [Element("EncodingType", "url")] if "encoding-type" in query else []
    children += [Element("ContinuationToken", query["continuation-token"])] if "continuation-token" in query else []
    children += [Element("StartAfter", text(query["start-after"]))] if "start-after" in query else []
    children += [Element("NextContinuationToken", _token(page.last))] if page.truncated else []
    children += [_object_element(item, text) for item in page.entries]
    children += [Element("CommonPrefixes", [Element("Prefix", text(common))]) for common in page.prefixes]
    return xml("ListBucketResult", children)


def _object_element(item: StoredObject, text: Callable[[str], str]) -> Element:
    algorithms = [Element("ChecksumAlgorithm", name) for name in item.checksums]
    return Element(
        "Contents",
        [
            Element("Key", text(item.key)),
            Element("LastModified", timestamp(item.last_modified)),
            Element("ETag", quoted(item.etag)),
            *algorithms,
            Element("ChecksumType", item.checksum_type),
            Element("Size", item.size),
            Element("StorageClass", item.storage_class),
        ],
    )


def _token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _mark(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None


def _text_encoder(query: dict[str, str]) -> Callable[[str], str]:
    encoding = query.get("encoding-type")
    if encoding not in (None, "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type")
    return quote if encoding else str


def list_multipart_uploads(context: Context) -> Response:
    """One page of open uploads, by key and then by the time they were opened."""
    query = context.request.query
    text = _text_encoder(query)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = min(context.number("max-uploads", PAGE), PAGE)
    items = list(_uploads_after(context.bucket.uploads.all(), query, delimiter))
    page = _Page(items, prefix, delimiter, limit)
    children = [Element("Bucket", context.request.bucket), Element("KeyMarker", text(query.get("key-marker", "")))]
    children += [Element("UploadIdMarker", query.get("upload-id-marker", "")), Element("Prefix", text(prefix))]
    children += [Element("Delimiter", text(delimiter))] if delimiter else []
    children += [Element("MaxUploads", limit), Element("IsTruncated", page.truncated)]
    children += [Element("EncodingType", "url")] if "encoding-type" in query else []
    if page.truncated:
        ended_on_upload = bool(page.entries) and page.entries[-1].key == page.last
        children += [Element("NextKeyMarker", text(page.last))]
        children += [Element("NextUploadIdMarker", page.entries[-1].upload_id if ended_on_upload else "")]
    children += [_upload_element(upload, text) for upload in page.entries]
    children += [Element("CommonPrefixes", [Element("Prefix", text(common))]) for common in page.prefixes]
    return xml("ListMultipartUploadsResult", children)


def _uploads_after(uploads: list[OpenUpload], query: dict[str, str], delimiter: str) -> Iterator[OpenUpload]:
    mark, upload_mark = query.get("key-marker", ""), query.get("upload-id-marker", "")
    passed = not upload_mark
    for upload in uploads:
        if _after(upload.key, mark, delimiter):
            yield upload
        elif upload.key == mark and upload_mark:
            if passed:
                yield upload
            passed = passed or upload.upload_id == upload_mark


def _upload_element(upload: OpenUpload, text: Callable[[str], str]) -> Element:
    checksum = (
        [Element("ChecksumAlgorithm", upload.algorithm), Element("ChecksumType", upload.checksum_type)]
        if upload.algorithm
        else []
    )
    return Element(
        "Upload",
        [
            Element("Key", text(upload.key)),
            Element("UploadId", upload.upload_id),
            Element("StorageClass", upload.description.storage_class),
            Element("Initiated", timestamp(upload.initiated)),
            *checksum,
        ],
    )


def list_parts(context: Context) -> Response:
    """One page of an upload's parts, with their checksums where the upload has an algorithm."""
    request = context.request
    upload = context.bucket.uploads.get(request.query["uploadId"], request.key)
    context.meets(upload.description.encryption)
    limit = min(context.number("max-parts", PAGE), PAGE)
    marker = context.number("part-number-marker", 0)
    parts = [part for part in context.bucket.uploads.parts(upload) if part.number > marker]
    shown = parts[:limit]
    children = [Element("Bucket", request.bucket), Element("Key", upload.key), Element("UploadId", upload.upload_id)]
    children += [Element("StorageClass", upload.description.storage_class), Element("PartNumberMarker", marker)]
    children += [Element("NextPartNumberMarker", shown[-1].number)] if shown else []
    children += [Element("MaxParts", limit), Element("IsTruncated", len(parts) > len(shown) > 0)]
    if upload.algorithm:
        children += [Element("ChecksumAlgorithm", upload.algorithm), Element("ChecksumType", upload.checksum_type)]
    return xml("ListPartsResult", children + [_part_element(upload, part) for part in shown])


def _part_element(upload: OpenUpload, part: Part) -> Element:
    fields = [
        Element("PartNumber", part.number),
        Element("LastModified", timestamp(part.last_modified)),
        Element("ETag", quoted(part.etag)),
        Element("Size", part.size),
    ]
    if upload.algorithm:
        fields.append(Element(ALGORITHMS[upload.algorithm].element, b64(bytes.fromhex(part.digest))))
    return Element("Part", fields)
