"""Who may call: signatures as S3 verifies them, clocks, and trust in the certificate."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from botocore.exceptions import SSLError

from tests.sandbox.s3_support import (
    ACCESS_KEY,
    BUCKET,
    client_of,
    raw,
    refused,
    serving,
)


@pytest.mark.verifies("s3.signatures")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIAUNKNOWN"}, "InvalidAccessKeyId"),
    ],
)
def test_a_caller_that_cannot_sign_is_refused(tmp_path: Path, options: dict[str, str], code: str) -> None:
    with serving(tmp_path) as server, client_of(server, **options) as client, refused(code):
        client.list_objects_v2(Bucket=BUCKET, Prefix="a b+ü/~")


def test_a_client_of_another_region_is_told_the_right_one(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server, region_name="us-west-2") as client:
        client.list_objects_v2(Bucket=BUCKET)  # boto3 reads the region in the refusal and signs again

        errors = [entry.error for entry in server.requests]
        assert (errors[0], errors[-1]) == ("AuthorizationHeaderMalformed", None)


def test_a_right_signature_over_odd_characters_is_accepted(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server, aws_session_token="session") as client:
        assert client.list_objects_v2(Bucket=BUCKET, Prefix="a b+ü/~*'()=&")["KeyCount"] == 0


@pytest.mark.verifies("s3.signatures")
def test_a_request_that_says_another_thing_than_was_signed_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server) as client:

        def tamper(request: Any, **_: Any) -> None:
            request.headers["x-amz-meta-late"] = "added after signing"

        client.meta.events.register("before-send.s3.PutObject", tamper)
        with refused("AccessDenied", 403):
            client.put_object(Bucket=BUCKET, Key="key", Body=b"")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_is_16_minutes_off_is_refused(tmp_path: Path, minutes: int) -> None:
    def off() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=minutes)

    with serving(tmp_path, now=off) as server, client_of(server) as client, refused("RequestTimeTooSkewed", 403):
        client.list_objects_v2(Bucket=BUCKET)


def test_presigned_queries_and_anonymous_calls_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as server, client_of(server) as client:
        url = client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "key"})
        assert raw(server, "GET", url.removeprefix(server.url)).status == 501
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=20) as connection:
            connection.sendall(f"GET /{BUCKET}/key HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_over_tls_only_who_trusts_the_bundle_is_connected(tmp_path: Path) -> None:
    with serving(tmp_path, tls=True) as server:
        with client_of(server) as client:
            client.put_object(Bucket=BUCKET, Key="key", Body=b"body")
        (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
        with client_of(server) as client, pytest.raises(SSLError):
            client.list_buckets()


def test_the_log_says_who_asked_for_what_and_no_signature(tmp_path: Path) -> None:
    with serving(tmp_path, tls=True) as server, client_of(server, aws_session_token="session") as client:
        client.put_object(Bucket=BUCKET, Key="key", Body=b"", Tagging="a=b", StorageClass="GLACIER_IR", IfNoneMatch="*")
        client.head_object(Bucket=BUCKET, Key="key", ChecksumMode="ENABLED")
        client.list_objects_v2(Bucket=BUCKET, Prefix="media/", MaxKeys=5)
        put, head, listed = server.requests

    said = {"x-amz-tagging": "a=b", "x-amz-storage-class": "GLACIER_IR", "if-none-match": "*"}
    assert put.parameters.items() >= said.items()
    assert put.parameters.keys() == said.keys() | {"x-amz-content-sha256"}
    assert head.parameters["x-amz-checksum-mode"] == "ENABLED"
    assert (listed.parameters["prefix"], listed.parameters["max-keys"]) == ("media/", "5")
    assert {(entry.access_key_id, entry.secure) for entry in (put, head, listed)} == {(ACCESS_KEY, True)}
    assert not [text for entry in (put, head, listed) for text in entry.parameters.values() if "session" in text]
    assert "Signature" not in repr((put, head, listed))
