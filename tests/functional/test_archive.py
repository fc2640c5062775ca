"""The archive bucket against a strict S3: written once, proven, never overwritten, never deleted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from cloud_sync_common.edges.archive import (
    Archive,
    KeyTaken,
    PartsUnusable,
    UploadedPart,
    UploadGone,
    WriteConflict,
)
from cloud_sync_common.errors import (
    ArchiveDenied,
    ArchiveRefused,
    ArchiveThrottled,
    ArchiveUnavailable,
    TransferError,
    TruncatedBody,
)
from cloud_sync_common.models import ObjectKey, UploadId
from cloud_sync_common.transfer.checksums import combine
from sandbox.s3 import S3Error
from sandbox.s3.behaviour import Drop, Stage
from tests.support.aws import make_client
from tests.support.strict_s3 import ATTRIBUTES, BUCKET, KEY, MIB, Store, crc, strict_store

FIRST, LAST = bytes(range(256)) * (5 * MIB // 256), b"the end"
OTHER = ObjectKey(f"{KEY}.more")
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000001"


class Stream:
    """A forward-only body; it may break off with an error after its data."""

    def __init__(self, data: bytes, breaks: Exception | None = None) -> None:
        self._data = io.BytesIO(data)
        self._breaks = breaks
        self.error: Exception | None = None

    def read(self, amount: int = -1, /) -> bytes:
        """The data, then the error."""
        data = self._data.read(amount)
        if not data and self._breaks is not None:
            self.error = self._breaks
            raise self._breaks
        return data


def _send(store: Store, upload: UploadId, *bodies: bytes) -> list[UploadedPart]:
    return [
        store.archive.upload_part(KEY, upload, number, Stream(body), len(body)) for number, body in enumerate(bodies, 1)
    ]


def _complete(store: Store, upload: UploadId, parts: list[UploadedPart], **changes: object) -> None:
    size = sum(part.size for part in parts)
    whole = combine((part.crc64nvme or "", part.size) for part in parts)
    given = {"size": size, "crc64nvme": whole, **changes}
    store.archive.complete(KEY, upload, parts, int(str(given["size"])), str(given["crc64nvme"]))


# One PutObject


def test_an_object_is_streamed_and_carries_its_attributes(store: Store) -> None:
    store.archive.put(KEY, Stream(b"hello"), 5, ATTRIBUTES)
    stored = store.objects()[KEY]
    assert stored.path.read_bytes() == b"hello"
    assert stored.checksums["CRC64NVME"] == crc(b"hello")
    assert (stored.content_type, stored.storage_class) == ("video/mp4", "GLACIER_IR")
    assert stored.metadata == {"source-media-id": "m1", "piece": "source-1"}
    assert stored.tags == {"Source": "GoPro", "MediaType": "Video"}


def test_the_buckets_own_encryption_applies(tmp_path: Path) -> None:
    with strict_store(tmp_path, kms_key=KMS_KEY) as store:
        store.archive.put(KEY, Stream(b"hello"), 5, ATTRIBUTES)
        assert KMS_KEY in store.objects()[KEY].encryption.values()


def test_an_empty_object_can_be_put(store: Store) -> None:
    store.archive.put(KEY, Stream(b""), 0, ATTRIBUTES)
    found = store.archive.head(KEY)
    assert found is not None
    assert (found.size, found.crc64nvme) == (0, crc(b""))


def test_nothing_under_a_key_is_ever_overwritten(store: Store) -> None:
    store.put(b"old")
    with pytest.raises(KeyTaken):
        store.archive.put(KEY, Stream(b"new"), 3, ATTRIBUTES)
    assert store.objects()[KEY].path.read_bytes() == b"old"


def test_a_body_that_breaks_off_stores_nothing_and_its_own_error_is_raised(store: Store) -> None:
    with pytest.raises(TruncatedBody, match="2 of 5"):
        store.archive.put(KEY, Stream(b"he", TruncatedBody("2 of 5")), 5, ATTRIBUTES)
    assert store.objects() == {}


def test_a_body_that_is_shorter_than_said_stores_nothing(store: Store) -> None:
    with pytest.raises((TransferError, ArchiveRefused, ArchiveUnavailable)):
        store.archive.put(KEY, Stream(b"he"), 5, ATTRIBUTES)
    assert store.objects() == {}


# HEAD


def test_a_key_without_object_is_none(store: Store) -> None:
    assert store.archive.head(KEY) is None


def test_an_object_is_described_with_its_proof(store: Store) -> None:
    store.archive.put(KEY, Stream(b"hello"), 5, ATTRIBUTES)
    found = store.archive.head(KEY)
    assert found is not None
    assert (found.size, found.crc64nvme, found.metadata) == (5, crc(b"hello"), ATTRIBUTES.metadata)
    assert found.version_id == store.objects()[KEY].version_id


def test_a_checksum_of_checksums_is_no_proof(store: Store) -> None:
    upload = store.client.create_multipart_upload(
        Bucket=BUCKET, Key=KEY, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE"
    )["UploadId"]
    part = store.client.upload_part(
        Bucket=BUCKET, Key=KEY, UploadId=upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256"
    )
    listed = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
    store.client.complete_multipart_upload(
        Bucket=BUCKET,
        Key=KEY,
        UploadId=upload,
        MultipartUpload={"Parts": [listed]},  # type: ignore[list-item]  # a plain dict
    )
    found = store.archive.head(KEY)
    assert found is not None
    assert found.crc64nvme is None


# Multipart


def test_parts_become_one_proven_object(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, FIRST, LAST)
    assert store.archive.head(KEY) is None
    _complete(store, upload, parts)
    stored = store.objects()[KEY]
    assert stored.path.read_bytes() == FIRST + LAST
    assert (stored.checksums["CRC64NVME"], stored.checksum_type) == (crc(FIRST + LAST), "FULL_OBJECT")
    assert (stored.storage_class, stored.tags["Source"]) == ("GLACIER_IR", "GoPro")
    assert store.open_uploads() == 0


def test_list_parts_shows_what_was_accepted_with_checksums(store: Store) -> None:
    upload = store.upload()
    sent = _send(store, upload, b"one", b"two")
    assert store.archive.parts(KEY, upload) == {1: sent[0], 2: sent[1]}
    assert sent[0] == UploadedPart(1, 3, sent[0].etag, crc(b"one"))


def _paged(store: Store, operation: str, **most: int) -> None:
    """Let S3 give fewer than asked on each page, as it may."""

    def fewer(params: dict[str, Any], **rest: Any) -> None:
        params.update(most)

    store.client.meta.events.register(f"provide-client-params.s3.{operation}", fewer)


def test_more_parts_than_a_page_are_all_listed(store: Store) -> None:
    upload = store.upload()
    sent = _send(store, upload, b"1", b"2", b"3", b"4", b"5")
    _paged(store, "ListParts", MaxParts=2)
    assert list(store.archive.parts(KEY, upload).values()) == sent
    assert store.calls("ListParts") == 3


def test_more_uploads_than_a_page_are_all_listed(store: Store) -> None:
    uploads = {store.upload() for _ in range(5)}
    _paged(store, "ListMultipartUploads", MaxUploads=2)
    assert set(store.archive.open_uploads(KEY)) == uploads
    assert store.calls("ListMultipartUploads") == 3


def test_a_part_can_be_sent_again(store: Store) -> None:
    upload = store.upload()
    _send(store, upload, FIRST)
    parts = _send(store, upload, FIRST, LAST)
    _complete(store, upload, parts)
    assert store.objects()[KEY].size == len(FIRST + LAST)


def test_a_part_held_in_memory_is_sent_with_its_checksum(store: Store) -> None:
    part = store.archive.upload_held_part(KEY, store.upload(), 1, bytearray(b"held"), crc(b"held"))
    assert (part.number, part.size, part.crc64nvme) == (1, 4, crc(b"held"))


def test_a_part_that_breaks_off_is_not_there(store: Store) -> None:
    upload = store.upload()
    with pytest.raises(TruncatedBody):
        store.archive.upload_part(KEY, upload, 1, Stream(b"he", TruncatedBody("short")), 5)
    assert store.archive.parts(KEY, upload) == {}


def test_uploads_of_exactly_this_key_are_listed(store: Store) -> None:
    uploads = {store.upload(), store.upload()}
    store.upload(OTHER)
    assert set(store.archive.open_uploads(KEY)) == uploads


def test_aborting_is_idempotent_and_frees_the_parts(store: Store) -> None:
    upload = store.upload()
    _send(store, upload, b"one")
    store.archive.abort(KEY, upload)
    store.archive.abort(KEY, upload)
    assert store.open_uploads() == 0


def test_an_upload_that_is_gone_is_told_apart(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"one")
    store.archive.abort(KEY, upload)
    with pytest.raises(UploadGone):
        store.archive.parts(KEY, upload)
    with pytest.raises(UploadGone):
        _send(store, upload, b"one")
    with pytest.raises(UploadGone):
        _complete(store, upload, parts)


# Complete


def test_completing_over_another_object_is_refused(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"new")
    store.put(b"old")
    with pytest.raises(KeyTaken):
        _complete(store, upload, parts)
    assert store.objects()[KEY].path.read_bytes() == b"old"


def test_a_conflicting_write_means_a_new_upload(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"new")
    store.refuse("CompleteMultipartUpload", "ConditionalRequestConflict")
    with pytest.raises(WriteConflict):
        _complete(store, upload, parts)


@pytest.mark.parametrize("wrong", [{"size": 4}, {"crc64nvme": crc(b"other")}])
def test_s3_completes_only_the_size_and_checksum_that_were_computed(store: Store, wrong: dict[str, object]) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"one")
    with pytest.raises((ArchiveRefused, TransferError)):
        _complete(store, upload, parts, **wrong)
    assert store.objects() == {}


def test_a_part_with_another_etag_or_checksum_makes_the_list_unusable(store: Store) -> None:
    upload = store.upload()
    (part,) = _send(store, upload, b"one")
    for wrong in (
        UploadedPart(1, 3, '"00000000000000000000000000000000"', part.crc64nvme),
        UploadedPart(1, 3, part.etag, crc(b"two")),
        UploadedPart(2, 3, part.etag, part.crc64nvme),
    ):
        with pytest.raises(PartsUnusable):
            _complete(store, upload, [wrong])


def test_parts_too_small_for_s3_make_the_list_unusable(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"one", b"two")
    with pytest.raises(PartsUnusable):
        _complete(store, upload, parts)


def test_a_lost_answer_of_complete_is_unavailable_and_the_object_is_there(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"one")
    store.faults["CompleteMultipartUpload", Stage.ANSWER] = Drop()
    with pytest.raises(ArchiveUnavailable):
        _complete(store, upload, parts)
    assert store.calls("CompleteMultipartUpload") == 1
    assert store.archive.head(KEY) is not None


def test_a_lost_answer_of_a_part_is_unavailable(store: Store) -> None:
    upload = store.upload()
    store.faults["UploadPart", Stage.ANSWER] = Drop()
    with pytest.raises(ArchiveUnavailable):
        _send(store, upload, b"one")
    assert 1 in store.archive.parts(KEY, upload)


# What refusals mean


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccessDenied", ArchiveDenied),
        ("InvalidAccessKeyId", ArchiveDenied),
        ("SlowDown", ArchiveThrottled),
        ("InternalError", ArchiveUnavailable),
        ("RequestTimeout", ArchiveUnavailable),
        ("RequestTimeTooSkewed", ArchiveUnavailable),
        ("BadDigest", TransferError),
        ("IncompleteBody", TransferError),
        ("InvalidRequest", ArchiveRefused),
        ("MetadataTooLarge", ArchiveRefused),
    ],
)
def test_a_refusal_means_what_the_workflow_has_to_do(store: Store, code: str, expected: type[Exception]) -> None:
    store.refuse("PutObject", code)
    with pytest.raises(expected, match=code):
        store.archive.put(KEY, Stream(b"hello"), 5, ATTRIBUTES)
    store.refuse("CreateMultipartUpload", code)
    with pytest.raises(expected, match=code):
        store.upload()


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("KMS.DisabledException", 400, ArchiveDenied),
        ("KMS.ThrottlingException", 400, ArchiveThrottled),
        ("ServiceUnavailable", 503, ArchiveThrottled),
        ("NoSuchBucket", 404, ArchiveDenied),
        ("ExpiredToken", 400, ArchiveUnavailable),
        ("TokenRefreshRequired", 400, ArchiveUnavailable),
        ("InvalidBucketState", 409, ArchiveRefused),
    ],
)
def test_refusals_that_the_local_server_does_not_know_are_understood(
    code: str, status: int, expected: type[Exception]
) -> None:
    client = make_client("s3")
    with Stubber(client) as stubber:
        stubber.add_client_error("create_multipart_upload", service_error_code=code, http_status_code=status)
        with pytest.raises(expected, match=code):
            Archive(client, BUCKET, client).create_upload(KEY, ATTRIBUTES)


@pytest.mark.parametrize("code", ["OperationAborted", "ConditionalRequestConflict"])
def test_another_write_under_way_is_a_conflict(code: str) -> None:
    client = make_client("s3")
    with Stubber(client) as stubber:
        stubber.add_client_error("create_multipart_upload", service_error_code=code, http_status_code=409)
        with pytest.raises(WriteConflict):
            Archive(client, BUCKET, client).create_upload(KEY, ATTRIBUTES)


def test_what_broke_the_body_is_told_and_not_what_s3_made_of_it(store: Store) -> None:
    for code in ("SlowDown", "InternalError", "IncompleteBody"):
        body = Stream(b"hello")
        body.error = TruncatedBody("the source sent 5 of 9 bytes")
        store.refuse("PutObject", code)
        with pytest.raises(TruncatedBody, match="5 of 9"):
            store.archive.put(KEY, body, 5, ATTRIBUTES)


def test_an_early_refusal_of_a_large_part_is_understood(store: Store) -> None:
    upload = store.upload()
    store.refuse("UploadPart", "SlowDown")
    with pytest.raises(ArchiveThrottled):
        _send(store, upload, FIRST)


def test_an_error_inside_a_200_of_complete_is_no_success(store: Store) -> None:
    upload = store.upload()
    parts = _send(store, upload, b"one")
    store.faults["CompleteMultipartUpload", Stage.REQUEST] = S3Error("InternalError", status=200)
    with pytest.raises(ArchiveUnavailable):
        _complete(store, upload, parts)
    assert store.objects() == {}


def test_a_body_is_never_sent_twice_behind_our_back(store: Store) -> None:
    store.refuse("PutObject", "InternalError")
    with pytest.raises(ArchiveUnavailable):
        store.archive.put(KEY, Stream(b"hello"), 5, ATTRIBUTES)
    assert store.calls("PutObject") == 1


def test_nothing_in_the_bucket_is_ever_deleted(store: Store) -> None:
    upload = store.upload()
    _complete(store, upload, _send(store, upload, b"one"))
    store.archive.abort(KEY, upload)
    assert store.calls("DeleteObject") == store.calls("DeleteObjects") == 0
