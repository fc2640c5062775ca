"""Encryption at rest: bucket defaults, headers, the uses of a KMS key, and what S3 answers when KMS refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.s3 import BucketConfig, S3Server, key_use
from sandbox.wire.calls import Call
from sandbox.wire.orders import UNDISTURBED, Cut, Ending, Orders, Refusal
from tests.sandbox.s3_support import (
    BUCKET,
    KMS_KEY,
    REGION,
    client_of,
    complete,
    open_upload,
    put_parts,
    raw,
    refused,
    serving,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = b"content" * 100
SSE = "x-amz-server-side-encryption"
KMS_BUCKET = BucketConfig("kms", sse_algorithm="aws:kms", kms_key_arn=KMS_KEY, bucket_key=True)


class Kms:
    """A plan that remembers the uses of keys, and gives these orders to the ones named."""

    def __init__(self, orders: Orders = UNDISTURBED, use: str = "") -> None:
        self.uses: list[tuple[str, str]] = []
        self._orders = orders
        self._use = use

    def __call__(self, call: Call) -> Orders:
        if call.service != "kms":
            return UNDISTURBED
        self.uses.append((call.operation, call.resource))
        return self._orders if call.operation == self._use else UNDISTURBED


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def server(tmp_path: Path, kms: Kms) -> Iterator[S3Server]:
    with serving(tmp_path, tls=True, plan=kms) as server:
        server.create_bucket(KMS_BUCKET)
        yield server


@pytest.fixture
def client(server: S3Server) -> Iterator[S3Client]:
    with client_of(server) as client:
        yield client


@pytest.mark.verifies("s3.encryption")
def test_bucket_defaults_and_explicit_headers_decide_the_encryption(client: S3Client) -> None:
    by_default = client.put_object(Bucket="kms", Key="default", Body=BODY)
    client.put_object(Bucket="kms", Key="explicit", Body=BODY, ServerSideEncryption="AES256")

    head = client.head_object(Bucket="kms", Key="default")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == ("aws:kms", KMS_KEY, True)
    assert by_default["SSEKMSKeyId"] == KMS_KEY
    assert hashlib.md5(BODY, usedforsecurity=False).hexdigest() not in head["ETag"]  # under KMS it is no digest
    assert client.head_object(Bucket="kms", Key="explicit")["ServerSideEncryption"] == "AES256"


@pytest.mark.verifies("s3.encryption")
def test_a_key_named_by_its_id_is_answered_by_its_arn_and_an_alias_is_refused(client: S3Client) -> None:
    key_id = "11111111-2222-3333-4444-555555555555"

    put = client.put_object(Bucket=BUCKET, Key="key", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id)

    assert put["SSEKMSKeyId"] == f"arn:aws:kms:{REGION}:123456789012:key/{key_id}"
    with refused("NotImplemented", 501):
        client.put_object(Bucket=BUCKET, Key="key", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/archive")


@pytest.mark.verifies("s3.encryption")
def test_every_operation_uses_the_key_as_s3_documents_it(server: S3Server, client: S3Client, kms: Kms) -> None:
    upload_id = client.create_multipart_upload(Bucket="kms", Key="big", ChecksumAlgorithm="CRC64NVME")["UploadId"]
    part = client.upload_part(
        Bucket="kms", Key="big", UploadId=upload_id, PartNumber=1, Body=BODY, ChecksumAlgorithm="CRC64NVME"
    )
    client.list_parts(Bucket="kms", Key="big", UploadId=upload_id)
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(Bucket="kms", Key="big", UploadId=upload_id, MultipartUpload=parts)
    client.put_object(Bucket="kms", Key="small", Body=BODY)
    client.get_object(Bucket="kms", Key="small")["Body"].read()
    client.head_object(Bucket="kms", Key="small", ChecksumMode="ENABLED")
    client.head_object(Bucket="kms", Key="small")
    client.get_object_attributes(Bucket="kms", Key="small", ObjectAttributes=["Checksum"])
    client.get_object_attributes(Bucket="kms", Key="small", ObjectAttributes=["ObjectSize"])
    client.list_objects_v2(Bucket="kms", Prefix="s")

    used: dict[str, list[str | None]] = {entry.operation: [] for entry in server.requests}
    for entry in server.requests:
        used[entry.operation].append(key_use(entry.operation, entry.parameters) if entry.kms_key else None)
    assert used == {
        "CreateMultipartUpload": ["GenerateDataKey"],
        "UploadPart": ["Decrypt"],
        "ListParts": ["Decrypt"],
        "CompleteMultipartUpload": ["Decrypt"],
        "PutObject": ["GenerateDataKey"],
        "GetObject": ["Decrypt"],
        "HeadObject": ["Decrypt", None],
        "GetObjectAttributes": ["Decrypt", None],
        "ListObjectsV2": [None],
    }
    assert kms.uses == [(use, KMS_KEY) for uses in used.values() for use in uses if use]
    assert {entry.kms_key for entry in server.requests} == {KMS_KEY, None}


@pytest.mark.verifies("s3.encryption")
@pytest.mark.parametrize(
    ("orders", "code", "status"),
    [
        (Orders(carried_out=0, refusal=Refusal(400, "ThrottlingException")), "SlowDown", 503),
        (Orders(carried_out=0, refusal=Refusal(503)), "SlowDown", 503),
        (Orders(carried_out=0, refusal=Refusal(400, "AccessDeniedException")), "AccessDenied", 403),
        (Orders(carried_out=0, refusal=Refusal(403)), "AccessDenied", 403),
        (Orders(carried_out=0, refusal=Refusal(400, "DisabledException")), "KMS.DisabledException", 400),
        (Orders(carried_out=0, refusal=Refusal(400, "KMSInvalidStateException")), "KMS.KMSInvalidStateException", 400),
        (Orders(carried_out=0, refusal=Refusal(400, "NotFoundException")), "KMS.NotFoundException", 400),
        (Orders(carried_out=0, refusal=Refusal(500, "KMSInternalException")), "InternalError", 500),
        (Orders(carried_out=0, cut=Cut(Ending.RESET)), "InternalError", 500),
        (Orders(lost=True), "InternalError", 500),
    ],
)
def test_a_refusal_of_kms_becomes_s3s_own_and_stores_nothing(
    tmp_path: Path, orders: Orders, code: str, status: int
) -> None:
    with serving(tmp_path, tls=True, plan=Kms(orders, "GenerateDataKey")) as server, client_of(server) as client:
        server.create_bucket(KMS_BUCKET)
        with refused(code, status):
            client.put_object(Bucket="kms", Key="key", Body=BODY)
        client.put_object(Bucket=BUCKET, Key="key", Body=BODY)  # another bucket needs no key

        assert list(server.objects("kms")) == []


@pytest.mark.verifies("s3.encryption")
def test_a_key_that_may_not_decrypt_stops_parts_completes_and_reads(tmp_path: Path) -> None:
    denied = Orders(carried_out=0, refusal=Refusal(400, "AccessDeniedException"))
    with serving(tmp_path, tls=True, plan=Kms(denied, "Decrypt")) as server, client_of(server) as client:
        server.create_bucket(BucketConfig(BUCKET, sse_algorithm="aws:kms", kms_key_arn=KMS_KEY))
        upload_id = open_upload(client, "key")
        client.put_object(Bucket=BUCKET, Key="small", Body=BODY)
        calls: list[Callable[[], Any]] = [
            lambda: put_parts(client, "key", upload_id, BODY),
            lambda: complete(client, "key", upload_id, [{"PartNumber": 1, "ETag": "x"}]),
            lambda: client.list_parts(Bucket=BUCKET, Key="key", UploadId=upload_id),
            lambda: client.get_object(Bucket=BUCKET, Key="small"),
        ]
        for call in calls:
            with refused("AccessDenied", 403):
                call()
        with refused("403", 403):
            client.head_object(Bucket=BUCKET, Key="small", ChecksumMode="ENABLED")
        assert client.head_object(Bucket=BUCKET, Key="small")["ContentLength"] == len(BODY)


@pytest.mark.verifies("s3.encryption")
def test_over_plain_http_nothing_under_kms_is_written_or_read(tmp_path: Path) -> None:
    with serving(tmp_path / "root", tls=True) as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="key", Body=BODY, ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS_KEY)
    with serving(tmp_path / "root", tls=False) as server:
        put = raw(server, "PUT", f"/{BUCKET}/other", headers={SSE: "aws:kms"}, body=BODY)
        opened = raw(server, "POST", f"/{BUCKET}/other?uploads", headers={SSE: "aws:kms"})
        got = raw(server, "GET", f"/{BUCKET}/key")

        assert [answer.code for answer in (put, opened, got)] == ["InvalidArgument"] * 3
        assert [stored.key for stored in server.objects(BUCKET)] == ["key"]
        assert server.open_uploads(BUCKET) == []
        assert {entry.secure for entry in server.requests} == {False}
