"""Faults on request: lost answers, refusals, delays and overtaking, each at its moment of a call."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from botocore.exceptions import ConnectionClosedError

from sandbox.s3 import Call, Drop, Hold, Rule, S3Error, Stage, rules
from tests.sandbox.s3_support import (
    ACCESS_KEY,
    BUCKET,
    client_of,
    complete,
    open_upload,
    put_parts,
    raw,
    refused,
    serving,
)


def test_a_complete_can_be_carried_out_and_its_answer_lost(tmp_path: Path) -> None:
    lost = rules(Rule("CompleteMultipartUpload", Stage.ANSWER, Drop(), nth=2))
    with serving(tmp_path, behaviour=lost) as server, client_of(server) as client:
        for key in ("first", "second"):
            upload_id = open_upload(client, key)
            parts = put_parts(client, key, upload_id, key.encode())
            if key == "first":
                complete(client, key, upload_id, parts)
        with pytest.raises(ConnectionClosedError):
            complete(client, "second", upload_id, parts)
        with refused("NoSuchUpload"):
            complete(client, "second", upload_id, parts)

        assert client.head_object(Bucket=BUCKET, Key="second")["ContentLength"] == len("second")
        second = [entry for entry in server.requests if entry.operation == "CompleteMultipartUpload"][1]
        assert (second.status, second.answered, second.access_key_id) == (200, False, ACCESS_KEY)


def test_a_refusal_on_request_does_nothing_and_is_logged(tmp_path: Path) -> None:
    slow = rules(Rule("PutObject", Stage.REQUEST, S3Error("SlowDown"), key="slow"))
    with serving(tmp_path, behaviour=slow) as server, client_of(server) as client:
        with refused("SlowDown", 503):
            client.put_object(Bucket=BUCKET, Key="slow", Body=b"body")
        client.put_object(Bucket=BUCKET, Key="other", Body=b"body")

        assert [stored.key for stored in server.objects(BUCKET)] == ["other"]
        assert [(entry.key, entry.status, entry.error) for entry in server.requests] == [
            ("slow", 503, "SlowDown"),
            ("other", 200, None),
        ]


def test_a_complete_can_answer_200_with_an_error_inside(tmp_path: Path) -> None:
    inside = rules(Rule("CompleteMultipartUpload", Stage.REQUEST, S3Error("InternalError", status=200)))
    with serving(tmp_path, behaviour=inside) as server, client_of(server) as client:
        upload_id = open_upload(client, "key")
        parts = put_parts(client, "key", upload_id, b"part")
        with refused("InternalError"):
            complete(client, "key", upload_id, parts)
        assert list(server.objects(BUCKET)) == []


@pytest.mark.verifies("s3.conditional-writes")
def test_a_conditional_write_that_is_overtaken_conflicts(tmp_path: Path) -> None:
    overtaken = threading.Event()

    def overtake(stage: Stage, call: Call) -> None:
        if (stage, call.operation, call.number) == (Stage.COMMIT, "PutObject", 1):
            assert raw(server, "PUT", f"/{BUCKET}/key", body=b"winner").status == 200
            overtaken.set()

    with serving(tmp_path, behaviour=overtake) as server, client_of(server) as client:
        with refused("ConditionalRequestConflict", 409):
            client.put_object(Bucket=BUCKET, Key="key", Body=b"loser", IfNoneMatch="*")
        assert overtaken.is_set()
        assert next(server.objects(BUCKET)).path.read_bytes() == b"winner"


def test_an_answer_can_be_held_back_and_closing_releases_it(tmp_path: Path) -> None:
    reached, release = threading.Event(), threading.Event()

    def hold(stage: Stage, call: Call) -> Hold | None:
        if stage is not Stage.ANSWER:
            return None
        reached.set()
        return Hold(release)

    with serving(tmp_path, behaviour=hold) as server, client_of(server) as client:
        done = threading.Event()

        def put() -> None:
            client.put_object(Bucket=BUCKET, Key="key", Body=b"body")
            done.set()

        thread = threading.Thread(target=put)
        thread.start()
        assert reached.wait(20)
        assert [stored.key for stored in server.objects(BUCKET)] == ["key"]
        assert not done.is_set()
        release.set()
        thread.join(20)
        assert done.is_set()
