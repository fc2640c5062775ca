"""What the server stores: buckets, objects, open uploads and their parts; and how each is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
MIN_PART_SIZE = 5 * MIB
MAX_PART_SIZE = 5 * 1024 * MIB
MAX_PARTS = 10_000
MAX_KEY_BYTES = 1024
MAX_METADATA_BYTES = 2048
MAX_TAGS = 10


@dataclass(frozen=True)
class BucketConfig:
    """A bucket as the template describes it.

    ``recorded`` holds properties that the server keeps for the report and does not act on (lifecycle, policy ...).
    """

    name: str
    sse_algorithm: str = "AES256"
    kms_key_arn: str | None = None
    bucket_key: bool = False
    versioned: bool = False
    recorded: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a configuration that S3 has not or that this server does not emulate."""
        if self.sse_algorithm not in ("AES256", "aws:kms"):
            raise ValueError(f"bucket {self.name}: sse_algorithm must be AES256 or aws:kms, not {self.sse_algorithm}")
        if self.kms_key_arn and self.sse_algorithm != "aws:kms":
            raise ValueError(f"bucket {self.name}: kms_key_arn needs sse_algorithm aws:kms")


@dataclass(frozen=True)
class Description:
    """What a client says about an object beside its bytes; fixed when an upload is created."""

    metadata: dict[str, str]
    tags: dict[str, str]
    storage_class: str
    content_type: str
    headers: dict[str, str]
    """Further content headers that are stored and given back (Cache-Control, Content-Encoding ...)."""
    encryption: dict[str, str]
    """The response headers that tell how the object is encrypted, after the bucket's defaults were applied."""


@dataclass(frozen=True)
class StoredObject:
    """One version of an object. ``checksums``: algorithm name -> base64; ``path``: its content on disk, read only."""

    key: str
    size: int
    etag: str
    version_id: str | None
    checksums: dict[str, str]
    checksum_type: str
    metadata: dict[str, str]
    tags: dict[str, str]
    storage_class: str
    content_type: str
    encryption: dict[str, str]
    last_modified: datetime
    path: Path
    headers: dict[str, str] = field(default_factory=dict)
    parts: int | None = None
    upload_id: str | None = None
    """The multipart upload that this object came from: what a restart needs to know that the upload is over."""
    composite_parts: tuple[tuple[int, int, str], ...] = ()
    """Number, size and checksum (base64) of each part, where the object's checksum is made of the parts' own."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form; the content's place is kept as a file name, so that the root can be moved."""
        return {**asdict(self), "last_modified": self.last_modified.isoformat(), "path": self.path.name}

    @classmethod
    def from_json(cls, record: Mapping[str, Any], content: Path) -> StoredObject:
        """The inverse of ``to_json``; ``content`` is the folder of the bucket's contents."""
        modified = datetime.fromisoformat(record["last_modified"])
        parts = tuple((number, size, checksum) for number, size, checksum in record["composite_parts"])
        read = {"last_modified": modified, "path": content / record["path"], "composite_parts": parts}
        return cls(**{**record, **read})


@dataclass(frozen=True)
class Part:
    """One part of an open upload; ``digest`` is hex, of the upload's algorithm."""

    number: int
    size: int
    etag: str
    digest: str
    last_modified: datetime
    path: Path

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {**asdict(self), "last_modified": self.last_modified.isoformat(), "path": self.path.name}

    @classmethod
    def from_json(cls, record: Mapping[str, Any], folder: Path) -> Part:
        """The inverse of ``to_json``."""
        modified = datetime.fromisoformat(record["last_modified"])
        return cls(**{**record, "last_modified": modified, "path": folder / record["path"]})


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that is neither completed nor aborted.

    ``algorithm`` is ``None`` if Create named none: S3 then keeps no part checksums, and gives the object a CRC64NVME.
    """

    upload_id: str
    key: str
    algorithm: str | None
    checksum_type: str
    initiated: datetime
    description: Description

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form."""
        return {**asdict(self), "initiated": self.initiated.isoformat()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> OpenUpload:
        """The inverse of ``to_json``."""
        initiated = datetime.fromisoformat(record["initiated"])
        return cls(**{**record, "initiated": initiated, "description": Description(**record["description"])})
