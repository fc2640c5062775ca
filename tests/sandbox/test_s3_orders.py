"""Faults ordered from outside: refusals, duplicates, wrong headers and pauses, as client and disk see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.s3 import BucketConfig
from sandbox.wire.calls import Call
from sandbox.wire.orders import UNDISTURBED, Orders, Refusal
from tests.sandbox.s3_support import (
    BUCKET,
    KMS_KEY,
    MIB,
    Ordered,
    client_of,
    complete,
    crc64,
    open_upload,
    put_parts,
    raw,
    refused,
    serving,
)

BODY = bytes(range(256)) * 4096


@pytest.mark.verifies("faults.s3")
def test_the_plan_is_asked_once_per_call_and_told_what_it_is_about(tmp_path: Path) -> None:
    plan = Ordered("none", UNDISTURBED)
    with serving(tmp_path, plan=plan) as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="a/ü", Body=b"")
        client.list_objects_v2(Bucket=BUCKET)

    assert plan.calls == [Call("s3", "PutObject", f"{BUCKET}/a/ü"), Call("s3", "ListObjectsV2", BUCKET)]


@pytest.mark.verifies("faults.s3")
@pytest.mark.parametrize(
    ("refusal", "code", "status"),
    [
        (Refusal(503), "SlowDown", 503),
        (Refusal(500), "InternalError", 500),
        (Refusal(403), "AccessDenied", 403),
        (Refusal(409), "ConditionalRequestConflict", 409),
        (Refusal(412), "PreconditionFailed", 412),
        (Refusal(400), "RequestTimeout", 400),
        (Refusal(502), "InternalError", 502),
        (Refusal(503, "ServiceUnavailable"), "ServiceUnavailable", 503),
        (Refusal(418, "OfNobody"), "OfNobody", 418),
        (Refusal(599, "OfNobody"), "OfNobody", 599),
    ],
)
def test_an_ordered_refusal_is_in_s3s_words_and_leaves_the_call_undone(
    tmp_path: Path, refusal: Refusal, code: str, status: int
) -> None:
    plan = Ordered("PutObject", Orders(carried_out=0, refusal=refusal))
    with serving(tmp_path, plan=plan) as server, client_of(server) as client:
        with refused(code, status):
            client.put_object(Bucket=BUCKET, Key="key", Body=BODY)

        assert list(server.objects(BUCKET)) == []
        assert [(entry.status, entry.error) for entry in server.requests] == [(status, code)]
        client.put_object(Bucket=BUCKET, Key="key", Body=BODY)


@pytest.mark.verifies("faults.s3")
def test_an_ordered_refusal_may_bring_its_own_headers_and_body(tmp_path: Path) -> None:
    refusal = Refusal(503, headers={"Retry-After": "3", "Content-Type": "text/html"}, body=b"<html>down</html>")
    with serving(tmp_path, plan=Ordered("HeadBucket", Orders(carried_out=0, refusal=refusal))) as server:
        answer = raw(server, "HEAD", f"/{BUCKET}")
    with serving(tmp_path, plan=Ordered("GetObject", Orders(carried_out=0, refusal=refusal))) as server:
        got = raw(server, "GET", f"/{BUCKET}/key")

    assert (answer.status, answer.headers["Retry-After"], answer.body) == (503, "3", b"")
    assert (got.status, got.headers["Content-Type"], got.body) == (503, "text/html", b"<html>down</html>")


@pytest.mark.verifies("faults.s3")
def test_a_refusal_after_the_effect_hides_what_was_done(tmp_path: Path) -> None:
    plan = Ordered("CompleteMultipartUpload", Orders(refusal=Refusal(200)))
    with serving(tmp_path, plan=plan) as server, client_of(server) as client:
        upload_id = open_upload(client, "key")
        parts = put_parts(client, "key", upload_id, b"part")
        with refused("InternalError"):  # 200 OK with an error inside
            complete(client, "key", upload_id, parts)
        with refused("NoSuchUpload", 404):
            complete(client, "key", upload_id, parts)

        assert next(server.objects(BUCKET)).path.read_bytes() == b"part"


@pytest.mark.verifies("faults.s3")
def test_a_duplicated_put_stores_the_same_bytes_twice(tmp_path: Path) -> None:
    with serving(tmp_path, plan=Ordered("PutObject", Orders(carried_out=2))) as server, client_of(server) as client:
        server.create_bucket(BucketConfig(BUCKET, versioned=True))
        put = client.put_object(Bucket=BUCKET, Key="key", Body=BODY, ChecksumAlgorithm="CRC64NVME")

        (stored,) = server.objects(BUCKET)
        assert (stored.path.read_bytes(), stored.version_id) == (BODY, put["VersionId"])
        assert [path.read_bytes() for path in stored.path.parent.iterdir()] == [BODY, BODY]
        assert [(entry.operation, entry.answered) for entry in server.requests] == [
            ("PutObject", False),
            ("PutObject", True),
        ]
        assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.verifies("faults.s3")
def test_a_duplicated_conditional_put_is_refused_the_second_time(tmp_path: Path) -> None:
    with serving(tmp_path, plan=Ordered("PutObject", Orders(carried_out=2))) as server, client_of(server) as client:
        with refused("PreconditionFailed", 412):
            client.put_object(Bucket=BUCKET, Key="key", Body=BODY, IfNoneMatch="*")

        assert next(server.objects(BUCKET)).path.read_bytes() == BODY


@pytest.mark.verifies("faults.s3")
def test_a_duplicated_part_is_one_part_and_a_duplicated_complete_finds_no_upload(tmp_path: Path) -> None:
    asked = {"UploadPart": Orders(carried_out=2), "CompleteMultipartUpload": Orders(carried_out=2)}
    with (
        serving(tmp_path, plan=lambda call: asked.get(call.operation, UNDISTURBED)) as server,
        client_of(server) as client,
    ):
        upload_id = open_upload(client, "key")
        parts = put_parts(client, "key", upload_id, BODY)
        assert client.list_parts(Bucket=BUCKET, Key="key", UploadId=upload_id)["Parts"][0]["ETag"] == parts[0]["ETag"]
        with refused("NoSuchUpload", 404):
            complete(client, "key", upload_id, parts, ChecksumCRC64NVME=crc64(BODY))

        assert next(server.objects(BUCKET)).path.read_bytes() == BODY


@pytest.mark.verifies("faults.s3")
def test_headers_of_an_answer_are_changed_and_removed(tmp_path: Path) -> None:
    lies = {"etag": '"wrong"', "Content-Length": "3", "Last-Modified": None, "X-New": "1"}
    with serving(tmp_path, plan=Ordered("GetObject", Orders(headers=lies))) as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="key", Body=b"0123456789")
        answer = raw(server, "GET", f"/{BUCKET}/key")

    assert (answer.headers["ETag"], answer.headers["X-New"], answer.body) == ('"wrong"', "1", b"012")
    assert "Last-Modified" not in answer.headers
    assert answer.headers["Connection"] == "close"


@pytest.mark.verifies("faults.s3")
def test_a_delay_and_a_rate_are_pauses_while_the_answer_is_whole(tmp_path: Path) -> None:
    pauses: list[float] = []
    plan = Ordered("GetObject", Orders(delay=7.0, rate=float(MIB)))
    with serving(tmp_path, plan=plan, sleep=pauses.append) as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="key", Body=BODY)
        assert raw(server, "GET", f"/{BUCKET}/key").body == BODY

    assert pauses[0] == 7.0
    assert sum(pauses[1:]) == pytest.approx(len(BODY) / MIB)
    assert max(pauses[1:]) <= 0.1


@pytest.mark.verifies("faults.s3")
def test_a_slow_kms_delays_the_call_that_needs_it(tmp_path: Path) -> None:
    pauses: list[float] = []
    plan = Ordered("GenerateDataKey", Orders(delay=5.0))
    with serving(tmp_path, plan=plan, tls=True, sleep=pauses.append) as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="key", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=KMS_KEY)

    assert pauses == [5.0]
    assert Call("kms", "GenerateDataKey", KMS_KEY) in plan.calls
