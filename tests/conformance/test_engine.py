"""The transfer engine against both servers: what comes out on the disk of one that knows nothing of us is the source.

By http and https with our sockets. rclone's server wants a Content-Length of every body, which botocore leaves out of
one that it streams: so the requests adapter is for S3 itself, and here for our server.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import boto3
import pytest
from botocore.config import Config

from cloud_sync_common.edges.archive import Archive, KeyTaken, UploadedPart
from cloud_sync_common.errors import ArchiveRefused, TransferError
from cloud_sync_common.models import ObjectKey
from cloud_sync_common.transfer.adapters import requests_adapter, sockets_adapter
from cloud_sync_common.transfer.checksums import Crc64Nvme, combine
from cloud_sync_common.transfer.planning import PartPlan
from cloud_sync_common.transfer.streams import Way
from tests.conformance.servers import ACCESS_KEY, REGION, SECRET, Served
from tests.support.engine import Engine, dying, in_chunks, without_ranges
from tests.support.kill_switch import Killed
from tests.support.media import source
from tests.support.scripted_http import Script, ScriptedServer, origin
from tests.support.strict_s3 import ATTRIBUTES, crc

PART = 5 * 1024 * 1024
NOISE = random.Random(9).randbytes(3 * PART + 1)  # noqa: S311 - content, not a secret
SIZES = [1, PART - 1, PART, PART + 1, 2 * PART - 1, 2 * PART, 3 * PART + 1]
KEYS = ["ü/日本 語+&=%25?.mp4", " lead", "a+b", "a%20b", "tilde~(1)!*", "semi;colon,=:@$", "q'uo\"te"]
OVERS = [
    ("ours", "sockets"),
    ("ours_tls", "sockets"),
    ("ours_tls", "requests"),
    ("ours", "requests"),
    ("rclone", "sockets"),
    ("rclone_tls", "sockets"),
]
overs = pytest.mark.parametrize(("served", "name"), OVERS, indirect=["served"])
strict = pytest.mark.parametrize(("served", "name"), OVERS[:4], indirect=["served"])


@dataclass
class Rig:
    """Engines over one server, each a process of its own, and a source."""

    served: Served
    bucket: str
    name: str
    server: ScriptedServer
    stack: ExitStack

    def engine(self) -> Engine:
        """One more function, with connections of its own."""
        client = boto3.client(
            "s3",
            endpoint_url=self.served.client.meta.endpoint_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
            verify=str(self.served.ca_bundle) if self.served.ca_bundle else None,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        self.stack.callback(client.close)
        environ = {**os.environ, "AWS_CA_BUNDLE": str(self.served.ca_bundle or "")}
        made = requests_adapter(3) if self.name == "requests" else sockets_adapter(3, environ=environ)
        self.stack.callback(made.close)
        made.attach(client)
        return Engine(Archive(client, self.bucket, client), made)

    def stored(self, key: str) -> bytes:
        return self.served.stored(self.bucket, key)


@pytest.fixture
def rig(served: Served, bucket: str, name: str) -> Iterator[Rig]:
    with ScriptedServer(origin(b"")) as server, ExitStack() as stack:
        yield Rig(served, bucket, name, server, stack)


def in_fives(size: int) -> PartPlan:
    """Parts as small as S3 takes them."""
    return PartPlan(size, PART)


@pytest.mark.parametrize("size", [0, 1, 65_537, 262_144, 262_145, PART + 1])
@overs
def test_a_small_file_is_one_object_with_the_same_bytes(rig: Rig, size: int) -> None:
    rig.server.script = origin(NOISE[:size])
    assert rig.engine().copy(rig.server.url, ObjectKey("small.mp4")) is Way.DIRECT
    assert rig.stored("small.mp4") == NOISE[:size]


@pytest.mark.parametrize("size", SIZES)
@overs
def test_a_larger_file_is_joined_of_parts_to_the_same_bytes(rig: Rig, size: int) -> None:
    rig.server.script = origin(NOISE[:size])
    assert rig.engine().copy(rig.server.url, ObjectKey("large.mp4"), threshold=0, cut=in_fives) is Way.MULTIPART
    assert rig.stored("large.mp4") == NOISE[:size]


@pytest.mark.parametrize("serve", [in_chunks, without_ranges])
@overs
def test_a_stream_is_joined_of_parts_to_the_same_bytes(rig: Rig, serve: Callable[[bytes], Script]) -> None:
    content = NOISE + NOISE[:PART]
    rig.server.script = serve(content)
    assert rig.engine().copy(rig.server.url, ObjectKey("s.mp4"), threshold=0, known=len(content)) is Way.SEQUENTIAL
    assert rig.stored("s.mp4") == content


@pytest.mark.parametrize("key", KEYS)
@overs
def test_a_key_is_kept_as_it_is_by_either_way(rig: Rig, key: str) -> None:
    rig.server.script = origin(NOISE[: PART + 1])
    engine = rig.engine()
    engine.copy(rig.server.url, ObjectKey(key))
    engine.copy(rig.server.url, ObjectKey(f"parts of {key}"), threshold=0, cut=in_fives)
    assert rig.stored(key) == rig.stored(f"parts of {key}") == NOISE[: PART + 1]


@overs
def test_a_second_process_sends_only_what_the_first_one_has_not(rig: Rig) -> None:
    rig.server.script = origin(NOISE)
    first, second = rig.engine(), rig.engine()
    first.made, first.workers = dying(first.made, 2 * PART + 1000), 1
    key, plan = ObjectKey("resumed.mp4"), in_fives(len(NOISE))
    job = first.job(rig.server.url, key, first.archive.create_upload(key, ATTRIBUTES), source(len(NOISE)))
    with pytest.raises(Killed):
        first.move(job, plan, range(1, plan.count + 1))

    held = second.archive.parts(key, job.upload_id)
    assert [(part.number, part.size) for part in held.values()] == [(1, PART), (2, PART)]
    asked = len(rig.server.requests)
    sent = second.move(job, plan, [part.number for part in plan if part.number not in held])
    assert len(rig.server.requests) - asked == 2
    # rclone's server keeps no checksums, and so lists none.
    known = [UploadedPart(n, PART, held[n].etag, crc(NOISE[(n - 1) * PART : n * PART])) for n in held]
    assert second.complete(job, [*known, *sent]) == crc(NOISE)
    assert rig.stored("resumed.mp4") == NOISE


@pytest.mark.parametrize(("served", "name"), [("rclone", "requests"), ("rclone_tls", "requests")], indirect=["served"])
def test_rclone_still_refuses_what_botocore_streams(rig: Rig) -> None:
    rig.server.script = origin(NOISE[:1000])
    with pytest.raises(ArchiveRefused, match="MissingContentLength"):
        rig.engine().copy(rig.server.url, ObjectKey("key"))
    assert "Contents" not in rig.served.client.list_objects_v2(Bucket=rig.bucket)


# What only a strict server checks


@pytest.mark.parametrize("threshold", [0, PART])
@pytest.mark.parametrize(("served", "name"), OVERS[:2], indirect=["served"])
def test_bytes_that_are_not_those_of_the_trailer_are_refused(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    rig.server.script = origin(NOISE[:1000])
    monkeypatch.setattr(Crc64Nvme, "base64", crc(b"other"))
    with pytest.raises(TransferError, match="damaged"):
        rig.engine().copy(rig.server.url, ObjectKey("key"), threshold=threshold, cut=in_fives)
    assert "Contents" not in rig.served.client.list_objects_v2(Bucket=rig.bucket)


@pytest.mark.parametrize("threshold", [0, PART])
@strict
def test_nothing_is_ever_overwritten(rig: Rig, threshold: int) -> None:
    rig.server.script = origin(NOISE[:1000])
    rig.served.client.put_object(Bucket=rig.bucket, Key="key", Body=b"before")
    with pytest.raises(KeyTaken):
        rig.engine().copy(rig.server.url, ObjectKey("key"), threshold=threshold, cut=in_fives)
    assert rig.stored("key") == b"before"


@strict
def test_a_whole_of_another_checksum_than_its_parts_is_refused(rig: Rig) -> None:
    rig.server.script = origin(NOISE[: PART + 1])
    engine, key, plan = rig.engine(), ObjectKey("key"), in_fives(PART + 1)
    job = engine.job(rig.server.url, key, engine.archive.create_upload(key, ATTRIBUTES), source(PART + 1))
    parts = sorted(engine.move(job, plan, [1, 2]), key=lambda part: part.number)
    whole = combine((part.crc64nvme or "", part.size) for part in parts)
    assert whole == crc(NOISE[: PART + 1])
    with pytest.raises(TransferError, match="damaged"):
        engine.archive.complete(key, job.upload_id, parts, PART + 1, crc(b"other"))
    assert "Contents" not in rig.served.client.list_objects_v2(Bucket=rig.bucket)
