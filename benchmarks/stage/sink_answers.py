"""What the sink answers, and the one document that it reads: S3's REST dialect (Amazon S3 API Reference)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from xml.sax.saxutils import escape

from benchmarks.stage.sink_state import CRC64NVME, Listed, Received, Refused, Upload

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
_ISO_DATE = "2026-01-01T00:00:00.000Z"
_OWNER = "<ID>benchmark</ID><DisplayName>benchmark</DisplayName>"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; ``length`` is what HEAD announces instead of the body's."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = None

    def encoded(self, *, with_body: bool) -> bytes:
        """As it goes over the wire."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}", f"Date: {formatdate(usegmt=True)}"]
        lines += ["Server: benchmark-sink", "x-amz-request-id: benchmark", "x-amz-id-2: benchmark"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append("Content-Type: application/xml")
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body) if self.length is None else self.length}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head + self.body if with_body else head


def error(refused: Refused) -> Answer:
    """An error document."""
    document = f"<Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>"
    return Answer(refused.status, body=_declared(document))


def stored(received: Received, *, checksum: bool) -> Answer:
    """PutObject's or UploadPart's answer."""
    shown = {"x-amz-checksum-crc64nvme": received.crc64nvme} if checksum else {}
    return Answer(200, {"ETag": received.etag, **shown})


def head(received: Received | None) -> Answer:
    """HeadObject's answer."""
    if received is None:
        return Answer(404)
    headers = {
        "ETag": received.etag,
        "Last-Modified": _DATE,
        "Accept-Ranges": "bytes",
        "x-amz-checksum-crc64nvme": received.crc64nvme,
        "x-amz-checksum-type": "FULL_OBJECT",
    }
    return Answer(200, headers, length=received.size)


def location() -> Answer:
    """GetBucketLocation's answer: us-east-1 is empty."""
    return _document("LocationConstraint", "")


def empty_list(bucket: str) -> Answer:
    """ListObjectsV2's answer: nothing is ever listed."""
    content = f"<Name>{escape(bucket)}</Name><Prefix/><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys>"
    return _document("ListBucketResult", f"{content}<IsTruncated>false</IsTruncated>")


def uploads(bucket: str, open_uploads: Mapping[str, Upload]) -> Answer:
    """ListMultipartUploads' answer: all of them, whatever the prefix."""
    content = "".join(
        f"<Upload><Key>{escape(upload.key)}</Key><UploadId>{upload_id}</UploadId>"
        f"<Initiator>{_OWNER}</Initiator><Owner>{_OWNER}</Owner>"
        f"<StorageClass>STANDARD</StorageClass><Initiated>{_ISO_DATE}</Initiated></Upload>"
        for upload_id, upload in open_uploads.items()
    )
    opening = f"<Bucket>{escape(bucket)}</Bucket><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>"
    return _document("ListMultipartUploadsResult", opening + content)


def created(bucket: str, key: str, upload_id: str, algorithm: str, kind: str) -> Answer:
    """CreateMultipartUpload's answer."""
    given = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    content = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
    return _document("InitiateMultipartUploadResult", content, {name: value for name, value in given.items() if value})


def parts(bucket: str, upload_id: str, upload: Upload, held: Mapping[int, Received]) -> Answer:
    """ListParts' answer: all of them in one page."""
    shown = upload.algorithm == CRC64NVME
    content = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(upload.key)}</Key><UploadId>{upload_id}</UploadId>"
    content += f"<Initiator>{_OWNER}</Initiator><Owner>{_OWNER}</Owner><StorageClass>STANDARD</StorageClass>"
    content += f"<PartNumberMarker>0</PartNumberMarker><MaxParts>{len(held)}</MaxParts>"
    content += f"<NextPartNumberMarker>{max(held, default=0)}</NextPartNumberMarker><IsTruncated>false</IsTruncated>"
    if upload.algorithm:
        content += f"<ChecksumAlgorithm>{escape(upload.algorithm)}</ChecksumAlgorithm>"
        content += f"<ChecksumType>{escape(upload.kind)}</ChecksumType>"
    for number, part in held.items():
        checksum = f"<ChecksumCRC64NVME>{part.crc64nvme}</ChecksumCRC64NVME>" if shown else ""
        content += f"<Part><PartNumber>{number}</PartNumber><LastModified>{_ISO_DATE}</LastModified>"
        content += f"<ETag>{escape(part.etag)}</ETag><Size>{part.size}</Size>{checksum}</Part>"
    return _document("ListPartsResult", content)


def completed(bucket: str, key: str, whole: Received, *, checksum: bool) -> Answer:
    """CompleteMultipartUpload's answer."""
    content = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><ETag>{escape(whole.etag)}</ETag>"
    if checksum:
        content += f"<ChecksumCRC64NVME>{whole.crc64nvme}</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
    return _document("CompleteMultipartUploadResult", content)


def listed_parts(document: bytes) -> list[Listed]:
    """The parts that Complete's document names; ``Refused`` if it is none."""
    try:
        named = ET.fromstring(document).findall("{*}Part")  # noqa: S314 - it comes from a program that is measured
        return [Listed(int(part.findtext("{*}PartNumber", "")), part.findtext("{*}ETag", "")) for part in named]
    except (ET.ParseError, ValueError):
        raise Refused("MalformedXML") from None


def _document(name: str, content: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, headers or {}, _declared(f'<{name} xmlns="{_NAMESPACE}">{content}</{name}>'))


def _declared(document: str) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + document.encode()
