"""The archive bucket: objects that are written once, proven, and never overwritten or deleted.

S3 computes nothing we do not check: every upload is created with CRC64NVME over the full object, every part carries
its own as a trailer, Complete carries the combined one together with the object's size, and ``If-None-Match: *``
keeps whatever is under the key already. Sources: the S3 user guide's pages conditional-writes and
checking-object-integrity-upload, 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlencode

from cloud_sync_common.edges.aws_errors import AWS_ERRORS, Meaning, code_of, meaning_of, status_of
from cloud_sync_common.errors import ArchiveDenied, ArchiveRefused, ArchiveThrottled, ArchiveUnavailable, TransferError
from cloud_sync_common.models import ObjectKey, UploadId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import ChecksumAlgorithmType, StorageClassType

ALGORITHM: ChecksumAlgorithmType = "CRC64NVME"
DAMAGED_CODES = frozenset({"BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "InvalidChunkSizeError"})
CONFLICT_CODES = frozenset({"ConditionalRequestConflict", "OperationAborted"})
PARTS_CODES = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})


class StreamedBody(Protocol):
    """A forward-only body."""

    @property
    def error(self) -> Exception | None:
        """What its ``read`` raised, since botocore wraps that beyond recognition."""
        ...

    def read(self, amount: int = -1, /) -> bytes:
        """Up to ``amount`` bytes, empty at the end."""
        ...


class KeyTaken(Exception):
    """S3 has an object under this key already (412)."""


class WriteConflict(Exception):
    """Another conditional write of this key was under way (409); the upload has to be made anew."""


class UploadGone(Exception):
    """S3 does not know the upload id: completed, aborted or swept by the lifecycle rule."""


class PartsUnusable(Exception):
    """Complete refused the list of parts; they have to be looked at again."""


@dataclass(frozen=True, slots=True)
class ObjectAttributes:
    """What an object carries besides its bytes; the same on every retry of the same piece."""

    content_type: str
    storage_class: str
    metadata: Mapping[str, str]
    tags: Mapping[str, str]

    def arguments(self) -> dict[str, Any]:
        """The arguments shared by PutObject and CreateMultipartUpload. Encryption is the bucket's default."""
        storage_class: StorageClassType = self.storage_class  # type: ignore[assignment]  # validated by the settings
        return {
            "ContentType": self.content_type,
            "StorageClass": storage_class,
            "Metadata": dict(self.metadata),
            "Tagging": urlencode(self.tags),
        }


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """What HEAD says of an object. ``crc64nvme`` is ``None`` if S3 keeps no full-object checksum of that kind."""

    size: int
    crc64nvme: str | None
    metadata: Mapping[str, str]
    version_id: str | None


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that S3 holds. ``crc64nvme`` is ``None`` for a part that was sent without: it has to be sent again."""

    number: int
    size: int
    etag: str
    crc64nvme: str | None


@dataclass(slots=True)
class Archive:
    """The bucket's calls, typed. Never retries a call that carries a body: whoever holds the source does that.

    Raises ``ArchiveDenied``, ``ArchiveThrottled``, ``ArchiveUnavailable``, ``ArchiveRefused``, ``TransferError`` (a
    body damaged on the way), what the body itself raised, and ``KeyTaken``, ``WriteConflict``, ``UploadGone``,
    ``PartsUnusable`` where noted.
    """

    client: S3Client
    bucket: str
    body_client: S3Client = field(repr=False)
    """The same bucket through a client that never retries: its bodies cannot be rewound."""

    def head(self, key: ObjectKey) -> ArchivedObject | None:
        """The object under ``key``, or ``None``."""
        try:
            answer = self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except AWS_ERRORS as error:
            if status_of(error) == 404 and code_of(error) != "NoSuchBucket":
                return None
            raise _translated(error) from error
        full = answer.get("ChecksumType") == "FULL_OBJECT"
        return ArchivedObject(
            answer["ContentLength"],
            answer.get("ChecksumCRC64NVME") if full else None,
            answer["Metadata"],
            answer.get("VersionId"),
        )

    def put(self, key: ObjectKey, body: StreamedBody, size: int, attributes: ObjectAttributes) -> None:
        """Stream a whole object. Raises ``KeyTaken`` (412) or ``WriteConflict`` (409)."""
        with self._sending(body):
            self.body_client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=cast("IO[bytes]", body),
                ContentLength=size,
                ChecksumAlgorithm=ALGORITHM,
                IfNoneMatch="*",
                **attributes.arguments(),
            )

    def create_upload(self, key: ObjectKey, attributes: ObjectAttributes) -> UploadId:
        """Open a multipart upload."""
        with _translating():
            answer = self.client.create_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                ChecksumAlgorithm=ALGORITHM,
                ChecksumType="FULL_OBJECT",
                **attributes.arguments(),
            )
        return UploadId(_said(answer, "UploadId"))

    def open_uploads(self, key: ObjectKey) -> list[UploadId]:
        """Every upload that is open under exactly this key."""
        with _translating():
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=key)
            return [
                UploadId(upload["UploadId"])
                for page in pages
                for upload in page.get("Uploads", [])
                if upload["Key"] == key
            ]

    def parts(self, key: ObjectKey, upload_id: UploadId) -> dict[int, UploadedPart]:
        """The parts that S3 holds, by number: the only truth about progress. Raises ``UploadGone``."""
        with _translating():
            pages = self.client.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
            return {
                part["PartNumber"]: UploadedPart(
                    part["PartNumber"], part["Size"], part["ETag"], part.get("ChecksumCRC64NVME")
                )
                for page in pages
                for part in page.get("Parts", [])
            }

    def upload_part(
        self, key: ObjectKey, upload_id: UploadId, number: int, body: StreamedBody, size: int
    ) -> UploadedPart:
        """Stream one part; S3 refuses it if the trailer's checksum is not that of the bytes. Raises ``UploadGone``."""
        with self._sending(body):
            answer = self.body_client.upload_part(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=cast("IO[bytes]", body),
                ContentLength=size,
                ChecksumAlgorithm=ALGORITHM,
            )
        return UploadedPart(number, size, _said(answer, "ETag"), answer.get("ChecksumCRC64NVME"))

    def upload_held_part(
        self, key: ObjectKey, upload_id: UploadId, number: int, data: bytes | bytearray, crc64nvme: str
    ) -> UploadedPart:
        """Send one part that is held in memory (a stream of unknown length). Raises ``UploadGone``."""
        with _translating():
            answer = self.client.upload_part(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=cast("bytes", data),
                ChecksumCRC64NVME=crc64nvme,
            )
        return UploadedPart(number, len(data), _said(answer, "ETag"), answer.get("ChecksumCRC64NVME"))

    def complete(
        self, key: ObjectKey, upload_id: UploadId, parts: list[UploadedPart], size: int, crc64nvme: str
    ) -> None:
        """Make the object visible, if S3 agrees on size and checksum and the key is free.

        Not retried here, because a lost answer leads to HEAD. Raises ``KeyTaken``, ``WriteConflict``, ``UploadGone``,
        ``PartsUnusable``.
        """
        with _translating():
            self.body_client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC64NVME": part.crc64nvme or ""}
                        for part in parts
                    ]
                },
                ChecksumCRC64NVME=crc64nvme,
                ChecksumType="FULL_OBJECT",
                MpuObjectSize=size,
                IfNoneMatch="*",
            )

    def abort(self, key: ObjectKey, upload_id: UploadId) -> None:
        """Abort an upload; one that is gone already is fine."""
        try:
            with _translating():
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except UploadGone:
            return

    @contextmanager
    def _sending(self, body: StreamedBody) -> Iterator[None]:
        try:
            with _translating():
                yield
        except (ArchiveUnavailable, ArchiveThrottled, TransferError, ArchiveRefused):
            if body.error is not None:
                raise body.error from None
            raise


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        raise _translated(error) from error


def _translated(error: Any) -> Exception:
    code, status = code_of(error), status_of(error)
    if code == "NoSuchUpload":
        return UploadGone()
    if status == 412:
        return KeyTaken()
    if code in CONFLICT_CODES:
        return WriteConflict()
    if code in PARTS_CODES:
        return PartsUnusable()
    if code in DAMAGED_CODES:
        return TransferError(f"the bytes were damaged on the way to S3 ({code})")
    return _BY_MEANING[meaning_of(error)](code)


def _said(answer: Mapping[str, Any], name: str) -> str:
    """What a success has to name; one that does not is none."""
    value = answer.get(name)
    if not value:
        raise ArchiveUnavailable(f"S3 does not answer properly (no {name})")
    return str(value)


_BY_MEANING: dict[Meaning, Callable[[str], Exception]] = {
    Meaning.DENIED: lambda code: ArchiveDenied(f"S3 or KMS refuses access to the archive bucket ({code})"),
    Meaning.THROTTLED: lambda code: ArchiveThrottled(f"S3 or KMS says slow down ({code})"),
    Meaning.UNAVAILABLE: lambda code: ArchiveUnavailable(f"S3 does not answer properly ({code})"),
    Meaning.REFUSED: lambda code: ArchiveRefused(f"S3 refuses the object ({code})"),
}
