"""X-Ray subsegments: the contract's names inside Lambda, nothing outside."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cloud_sync_common.observability.tracing import MAX_PART_SUBSEGMENTS, Tracing

DAEMON = {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"}
LAMBDA = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.14", **DAEMON}
SANDBOX = {"AWS_EXECUTION_ENV": "CLOUD_SYNC_SANDBOX", **DAEMON}
TRACE = "1-5759e988-bd862e3fe1be46a994272793"
URL = "https://cdn.example.com/a.mp4?Signature=abcdefghijklmn"


class Sent:
    """In the place of the SDK's UDP socket: keeps what would leave, as it would."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []

    def send_entity(self, entity: Any) -> None:
        """Keep it."""
        self.documents.append(json.loads(entity.serialize()))

    def set_daemon_address(self, address: str) -> None:
        """There is no daemon."""


@pytest.fixture(autouse=True, scope="module")
def sdk_socket() -> Iterator[None]:
    """Close the socket that the SDK opens when it is imported; the tests have no use for it.

    It is imported here and not above: every worker reads this file, and only one of them runs its tests.
    """
    from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - as above

    yield
    xray_recorder.emitter._socket.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """What the SDK sends when it finds itself in a Lambda function that is being invoked."""
    from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415 - as above
    from aws_xray_sdk.core.lambda_launcher import LambdaContext  # noqa: PLC0415 - as above

    before = xray_recorder.emitter, xray_recorder.context, xray_recorder.streaming_threshold
    emitter = Sent()
    xray_recorder.configure(emitter=emitter, context=LambdaContext(), streaming_threshold=0)
    invocation(monkeypatch, "1" * 16)
    yield emitter
    xray_recorder.configure(emitter=before[0], context=before[1], streaming_threshold=before[2])


def invocation(monkeypatch: pytest.MonkeyPatch, parent: str) -> None:
    """Set the header as the runtime client does before it calls the handler."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent={parent};Sampled=1")


@pytest.mark.parametrize(
    "environ",
    [{}, DAEMON, {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.14"}, {"AWS_EXECUTION_ENV": "CLOUD_SYNC_SANDBOX"}],
)
def test_outside_lambda_or_without_a_daemon_nothing_is_recorded(sent: Sent, environ: dict[str, str]) -> None:
    tracing = Tracing(environ)
    tracing.new_invocation()
    with tracing.subsegment("retrieve_credentials"), tracing.shared(), tracing.part(1):
        pass
    assert sent.documents == []


@pytest.mark.parametrize("environ", [LAMBDA, SANDBOX])
def test_a_block_is_recorded_under_its_name(sent: Sent, environ: dict[str, str]) -> None:
    tracing = Tracing(environ)
    with tracing.subsegment("cloudfront_download"), tracing.subsegment("s3_put_object"):
        pass
    inner, outer = sent.documents
    assert (outer["name"], outer["parent_id"], outer["trace_id"]) == ("cloudfront_download", "1" * 16, TRACE)
    assert (inner["name"], inner["parent_id"]) == ("s3_put_object", outer["id"])
    assert outer["end_time"] >= outer["start_time"]


def test_a_failing_block_is_a_fault_whose_message_stays_here(sent: Sent) -> None:
    with pytest.raises(ValueError, match="Signature"), Tracing(LAMBDA).subsegment("cloudfront_download"):
        raise ValueError(URL)
    [document] = sent.documents
    assert document["fault"] is True
    assert document["annotations"] == {"error_type": "ValueError"}
    assert "Signature" not in json.dumps(document)
    assert "cause" not in document


def test_a_warm_functions_subsegments_hang_under_the_invocation_of_their_time(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracing = Tracing(LAMBDA)
    parents = [secrets.token_hex(8) for _ in range(3)]
    for parent in parents:  # one execution's invocations: the trace stays the same
        invocation(monkeypatch, parent)
        tracing.new_invocation()
        with tracing.subsegment("retrieve_credentials"):
            pass
    assert [document["parent_id"] for document in sent.documents] == parents


def test_parts_of_worker_threads_hang_under_the_caller(sent: Sent) -> None:
    tracing = Tracing(LAMBDA)

    def move(number: int) -> None:
        with tracing.part(number):
            pass

    with tracing.subsegment("cloudfront_download"), tracing.shared(), ThreadPoolExecutor(3) as pool:
        list(pool.map(move, range(1, 7)))
    *parts, outer = sent.documents
    assert sorted(part["name"] for part in parts) == [f"s3_upload_part_{number}" for number in range(1, 7)]
    assert {part["parent_id"] for part in parts} == {outer["id"]}


def test_parts_beyond_the_limit_are_moved_untraced(sent: Sent) -> None:
    tracing, moved = Tracing(LAMBDA), []
    with tracing.shared():
        for number in range(MAX_PART_SUBSEGMENTS + 5):
            with tracing.part(number):
                moved.append(number)
    assert len(moved) == MAX_PART_SUBSEGMENTS + 5
    assert len(sent.documents) == MAX_PART_SUBSEGMENTS


def test_every_invocation_has_its_own_share_of_parts(sent: Sent) -> None:
    tracing = Tracing(LAMBDA)
    for count in range(1, 3):
        tracing.new_invocation()
        with tracing.shared():
            for number in range(MAX_PART_SUBSEGMENTS + 1):
                with tracing.part(number):
                    pass
        assert len(sent.documents) == count * MAX_PART_SUBSEGMENTS
