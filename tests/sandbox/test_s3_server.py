"""The server as a whole: what survives a restart or a kill, how much memory it takes, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from sandbox.s3 import BucketConfig, S3Server
from tests.sandbox.s3_support import (
    ACCESS_KEY,
    BUCKET,
    KMS_KEY,
    MIB,
    PART,
    REGION,
    SECRET,
    client_of,
    complete,
    crc64,
    open_upload,
    put_parts,
    serving,
)


@pytest.mark.verifies("s3.disk-backed")
def test_the_same_root_is_the_same_account(tmp_path: Path) -> None:
    config = BucketConfig("kms", sse_algorithm="aws:kms", kms_key_arn=KMS_KEY, recorded={"Lifecycle": {"Rules": []}})
    with serving(tmp_path) as server, client_of(server) as client:
        server.create_bucket(config)
        client.put_object(Bucket=BUCKET, Key="ü/key", Body=b"body", Metadata={"a": "b"})
        upload_id = open_upload(client, "big")
        parts = put_parts(client, "big", upload_id, bytes(PART), b"end")
        before = list(server.objects(BUCKET))

    with S3Server(tmp_path, region=REGION, credentials={ACCESS_KEY: SECRET}, tls=False) as server:
        assert [bucket.name for bucket in server.buckets()] == [BUCKET, "kms"]
        assert server.buckets()[1] == config
        assert list(server.objects(BUCKET)) == before
        with client_of(server) as client:
            done = complete(client, "big", upload_id, parts)
        assert done["ChecksumCRC64NVME"] == crc64(bytes(PART) + b"end")


def test_a_root_serves_one_server_at_a_time(tmp_path: Path) -> None:
    with serving(tmp_path), pytest.raises(RuntimeError, match="in use"):
        S3Server(tmp_path, region=REGION, credentials=None)


def test_a_port_in_use_is_an_error_and_leaves_the_root_free(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            S3Server(tmp_path / "b", region=REGION, credentials=None, tls=False, port=port)
    with serving(tmp_path / "b"):
        pass


@pytest.fixture
def killed_while_completing(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A root whose server died by SIGKILL inside a Complete, right before it called the method in ``request.param``."""
    program = """
import os, signal, sys
from pathlib import Path
from sandbox.s3.disk import Disk
from tests.sandbox.s3_support import *
root, method = Path(sys.argv[1]), sys.argv[2]
original = getattr(Disk, method)
def kill(self, path, *rest):
    if method == "remove_tree" or path.parent.parent.name == "objects" and "fatal" in str(rest):
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, path, *rest)
setattr(Disk, method, kill)
with serving(root) as server, client_of(server) as client:
    client.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    upload_id = open_upload(client, "fatal")
    complete(client, "fatal", upload_id, put_parts(client, "fatal", upload_id, b"part"))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", program, str(tmp_path), request.param]
    assert subprocess.run(command, env=environment, timeout=60, check=False).returncode == -signal.SIGKILL
    return tmp_path


@pytest.mark.verifies("s3.disk-backed")
@pytest.mark.parametrize("killed_while_completing", ["write_json"], indirect=True)
def test_killed_before_an_object_is_recorded_the_upload_is_still_open(killed_while_completing: Path) -> None:
    with serving(killed_while_completing) as server, client_of(server) as client:
        (stored,) = server.objects(BUCKET)
        assert (stored.key, list(stored.path.parent.iterdir())) == ("kept", [stored.path])
        (upload,) = server.open_uploads(BUCKET)
        listed = client.list_parts(Bucket=BUCKET, Key="fatal", UploadId=upload.upload_id)["Parts"]
        done = complete(client, "fatal", upload.upload_id, [{"PartNumber": 1, "ETag": listed[0]["ETag"]}])
        assert done["ChecksumCRC64NVME"] == crc64(b"part")


@pytest.mark.verifies("s3.disk-backed")
@pytest.mark.parametrize("killed_while_completing", ["remove_tree"], indirect=True)
def test_killed_after_an_object_is_recorded_the_upload_is_over(killed_while_completing: Path) -> None:
    with serving(killed_while_completing) as server:
        assert [stored.key for stored in server.objects(BUCKET)] == ["fatal", "kept"]
        assert server.open_uploads(BUCKET) == []


@pytest.mark.verifies("s3.any-size")
def test_memory_does_not_grow_with_the_size_of_an_object(tmp_path: Path) -> None:
    size = 64 * MIB
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(size)
    with serving(tmp_path / "root") as server, client_of(server) as client:
        client.put_object(Bucket=BUCKET, Key="warm", Body=b"up")
        tracemalloc.start()
        try:
            with source.open("rb") as body:
                client.put_object(Bucket=BUCKET, Key="big", Body=body, ChecksumAlgorithm="CRC64NVME")
            upload_id = open_upload(client, "joined")
            with source.open("rb") as body:
                sent = client.upload_part(
                    Bucket=BUCKET,
                    Key="joined",
                    UploadId=upload_id,
                    PartNumber=1,
                    Body=body,
                    ChecksumAlgorithm="CRC64NVME",
                )
            complete(client, "joined", upload_id, [{"PartNumber": 1, "ETag": sent["ETag"]}])
            got = client.get_object(Bucket=BUCKET, Key="joined")["Body"]
            assert sum(len(piece) for piece in got.iter_chunks(MIB)) == size
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak < 12 * MIB  # server and client together, in one process


def test_a_bucket_name_or_configuration_that_s3_has_not_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for name in ("Archive", "a", "a..b", "../up"):
            with pytest.raises(ValueError, match="bucket name"):
                server.create_bucket(BucketConfig(name))
    with pytest.raises(ValueError, match="sse_algorithm"):
        BucketConfig("bucket", sse_algorithm="aws:kms:dsse")
    with pytest.raises(ValueError, match="kms_key_arn"):
        BucketConfig("bucket", kms_key_arn=KMS_KEY)


def test_closing_ends_idle_connections_and_can_be_repeated(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with serving(tmp_path, tls=True) as server, client_of(server) as client:
        client.list_buckets()  # leaves a connection open
        server.close()
        server.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("s3-")]
