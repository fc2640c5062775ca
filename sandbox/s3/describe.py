"""What a PutObject or CreateMultipartUpload says about its object: metadata, tags, storage class, encryption."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from sandbox.s3.account import Surroundings
from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.model import MAX_METADATA_BYTES, MAX_TAGS, BucketConfig, Description

SSE = "x-amz-server-side-encryption"
SSE_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
SSE_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
KMS = "aws:kms"

STORAGE_CLASSES = frozenset(
    [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    ]
)
_KEPT = ("cache-control", "content-disposition", "content-language", "expires")
_META = "x-amz-meta-"
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")
_TAG_TEXT = re.compile(r"[\w\s+\-=.:/@]*")


def describe(headers: Mapping[str, str], bucket: BucketConfig, surroundings: Surroundings) -> Description:
    """The description in these headers, the bucket's defaults applied; ``S3Error`` for whatever S3 would refuse."""
    storage_class = headers.get("x-amz-storage-class", "STANDARD")
    if storage_class not in STORAGE_CLASSES:
        raise S3Error("InvalidStorageClass", StorageClassRequested=storage_class)
    kept = {name: headers[name] for name in _KEPT if name in headers}
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    if real := ",".join(coding for coding in codings if coding and coding != "aws-chunked"):
        kept["content-encoding"] = real
    return Description(
        metadata=_metadata(headers),
        tags=_tags(headers.get("x-amz-tagging", "")),
        storage_class=storage_class,
        content_type=headers.get("content-type", "binary/octet-stream"),
        headers=kept,
        encryption=_encryption(headers, bucket, surroundings),
    )


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    metadata = {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}
    size = sum(len(name) + len(value.encode("latin-1")) for name, value in metadata.items())
    if size > MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(MAX_METADATA_BYTES))
    return metadata


def _tags(header: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=bool(header), errors="strict")
    except ValueError:
        pairs = []
    if len(dict(pairs)) != len(pairs) or (header and not pairs):
        raise S3Error(
            "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            ArgumentName="x-amz-tagging",
        )
    if len(pairs) > MAX_TAGS:
        raise S3Error("BadRequest", f"Object tags cannot be greater than {MAX_TAGS}")
    for key, value in pairs:
        if not 1 <= len(key) <= 128 or not _TAG_TEXT.fullmatch(key) or key.startswith("aws:"):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256 or not _TAG_TEXT.fullmatch(value):
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagKey=key)
    return dict(pairs)


def _key_arn(asked: str | None, bucket: BucketConfig, surroundings: Surroundings) -> str:
    """The key's ARN, which is what S3 answers however the key was named; the bucket's where no key is named."""
    keys = f"arn:aws:kms:{surroundings.region}:{surroundings.account_id}"
    if asked is None:
        return bucket.kms_key_arn or f"{keys}:alias/aws/s3"
    if asked.startswith("arn:") and ":key/" in asked:
        return asked
    if _KEY_ID.fullmatch(asked):
        return f"{keys}:key/{asked}"
    raise not_implemented(f"{SSE_KEY}: anything but a key's ARN or id")


def _encryption(headers: Mapping[str, str], bucket: BucketConfig, surroundings: Surroundings) -> dict[str, str]:
    explicit = headers.get(SSE)
    algorithm = explicit or bucket.sse_algorithm
    if algorithm not in ("AES256", KMS):
        raise not_implemented(f"{SSE}: {algorithm}")
    if algorithm != KMS:
        if SSE_KEY in headers:
            raise S3Error("InvalidArgument", f"{SSE_KEY} needs {SSE}: {KMS}", ArgumentName=SSE)
        return {SSE: algorithm}
    if SSE_KEY in headers and not explicit:
        raise S3Error("InvalidArgument", f"{SSE_KEY} needs {SSE}: {KMS}", ArgumentName=SSE)
    encryption = {SSE: KMS, SSE_KEY: _key_arn(headers.get(SSE_KEY), bucket, surroundings)}
    bucket_key = headers.get(SSE_BUCKET_KEY, "true" if bucket.bucket_key else "false")
    if bucket_key not in ("true", "false"):
        raise S3Error("InvalidArgument", ArgumentName=SSE_BUCKET_KEY)
    return encryption | ({SSE_BUCKET_KEY: "true"} if bucket_key == "true" else {})
