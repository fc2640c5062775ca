"""The contract's subsegments leave a real function process and arrive under the right invocation."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.functions.api import TooManyRequests
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.tracing.collector import Collector
from sandbox.aws.tracing.header import TraceHeader, new_id, new_trace_id
from sandbox.aws.tracing.segments import FUNCTION, LAMBDA, Segment
from tests.sandbox.aws_support import PYTHON, spec, write_handler

LAYERS = Path(__file__).parents[2] / "layers"
SECRET = "https://cdn.example.com/a.mp4?Signature=abcdefghijklmn"
SOURCE = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from cloud_sync_common.observability.tracing import Tracing

tracing = Tracing(os.environ)

def part(number):
    with tracing.part(number):
        pass

def handler(event, context):
    tracing.new_invocation()
    with tracing.subsegment("retrieve_credentials"):
        pass
    with tracing.subsegment("cloudfront_download"), tracing.subsegment("s3_put_object"):
        pass
    with tracing.shared(), ThreadPoolExecutor(4) as pool:
        list(pool.map(part, range(1, event.get("parts", 4) + 1)))
    with tracing.subsegment("s3_complete_multipart_upload"):
        if "message" in event:
            raise RuntimeError(event["message"])
    return {"environ": {name: os.environ.get(name) for name in os.environ if "XRAY" in name or "X_AMZN" in name},
            "imported": "aws_xray_sdk" in sys.modules}
"""


class Scene:
    """A collector, a host that sends to it, one function."""

    def __init__(self, root: Path, collector: Collector, *, concurrency: int = 10, daemon: bool = True) -> None:
        base = inherited({}) | ({"AWS_XRAY_DAEMON_ADDRESS": collector.address} if daemon else {})
        self.collector = collector
        self.host = FunctionHost(PYTHON, root / "logs", base, concurrency=concurrency, traces=collector.add)
        wanted = spec(write_handler(root / "code", SOURCE))
        self.host.register(replace(wanted, layer_dirs=(*wanted.layer_dirs, LAYERS)))

    def call(self, trace: TraceHeader | None = None, **event: Any) -> Any:
        result = self.host.invoke("worker", json.dumps(event).encode(), trace)
        return json.loads(result.payload)

    def below(self, parent: str | None) -> list[Segment]:
        return [each for each in self.collector.segments() if each.parent_id == parent]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Collector(tmp_path / "segments.jsonl") as collector:
        made = Scene(tmp_path, collector)
        yield made
        made.host.close()


@pytest.mark.verifies("traces.platform")
@pytest.mark.verifies("traces.collected")
def test_every_subsegment_of_the_contract_arrives_under_its_invocation(scene: Scene) -> None:
    scene.call(parts=3)
    [invoked] = scene.host.invocations()
    found = scene.below(invoked.segment_id)
    parts = {"s3_upload_part_1", "s3_upload_part_2", "s3_upload_part_3"}
    names = {"Initialization", "retrieve_credentials", "cloudfront_download", "s3_complete_multipart_upload"}
    assert {each.name for each in found} == parts | names
    [download] = [each for each in found if each.name == "cloudfront_download"]
    assert [each.name for each in scene.below(download.id)] == ["s3_put_object"]
    assert all(each.end is not None and each.end >= each.start for each in found)
    counts = scene.collector.counts()
    assert (counts.malformed, counts.dropped) == (0, 0)


@pytest.mark.verifies("traces.platform")
def test_the_platforms_segments_lead_from_the_caller_to_the_work(scene: Scene) -> None:
    header = TraceHeader(new_trace_id(1_700_000_000), new_id())
    environ = scene.call(header)["environ"]
    [call] = scene.below(header.parent)
    [work] = scene.below(call.id)
    assert [(each.origin, each.name, each.trace_id) for each in (call, work)] == [
        (LAMBDA, "worker", header.root),
        (FUNCTION, "worker", header.root),
    ]
    assert environ["_X_AMZN_TRACE_ID"] == f"Root={header.root};Parent={work.id};Sampled=1"
    assert environ["AWS_XRAY_DAEMON_ADDRESS"] == scene.collector.address
    assert environ["AWS_XRAY_CONTEXT_MISSING"] == "LOG_ERROR"
    assert work.id == scene.host.invocations()[0].segment_id


@pytest.mark.verifies("traces.platform")
def test_a_warm_process_in_the_same_trace_reports_to_each_invocation(scene: Scene) -> None:
    header = TraceHeader(new_trace_id(1_700_000_000), new_id())
    for _ in range(3):
        scene.call(header)
    invoked = scene.host.invocations()
    assert [each.cold for each in invoked] == [True, False, False]
    counts = [sum(each.name == "retrieve_credentials" for each in scene.below(one.segment_id)) for one in invoked]
    assert counts == [1, 1, 1]
    assert [any(each.name == "Initialization" for each in scene.below(one.segment_id)) for one in invoked] == [
        True,
        False,
        False,
    ]


def test_direct_invocations_have_traces_of_their_own(scene: Scene) -> None:
    for _ in range(2):
        scene.call()
    calls = scene.below(None)
    assert len({call.trace_id for call in calls}) == 2


def test_an_error_is_a_fault_and_its_message_goes_nowhere(tmp_path: Path, scene: Scene) -> None:
    assert scene.call(message=SECRET)["errorType"] == "RuntimeError"
    [invoked] = scene.host.invocations()
    [failed] = [each for each in scene.below(invoked.segment_id) if each.fault]
    assert (failed.name, failed.error_type) == ("s3_complete_multipart_upload", "RuntimeError")
    platform = [each for each in scene.collector.segments() if each.origin in {LAMBDA, FUNCTION}]
    assert [(each.fault, each.error_type) for each in platform] == [(True, "RuntimeError")] * 2
    assert "Signature" not in (tmp_path / "segments.jsonl").read_text(encoding="utf-8")


def test_at_most_fifty_parts_of_an_invocation_are_traced(scene: Scene) -> None:
    scene.call(parts=70)
    [invoked] = scene.host.invocations()
    found = scene.below(invoked.segment_id)
    assert sum(each.name.startswith("s3_upload_part_") for each in found) == 50


def test_a_refused_call_is_a_throttle_without_work(tmp_path: Path) -> None:
    with Collector() as collector:
        scene = Scene(tmp_path, collector, concurrency=0)
        header = TraceHeader(new_trace_id(1_700_000_000), new_id())
        with pytest.raises(TooManyRequests):
            scene.call(header)
        scene.host.close()
        [call] = collector.segments()
    assert (call.parent_id, call.throttle, call.error, call.http_status) == (header.parent, True, True, 429)


def test_what_is_not_sampled_leaves_no_trace(scene: Scene) -> None:
    header = TraceHeader(new_trace_id(1_700_000_000), new_id(), sampled=False)
    assert scene.call(header)["environ"]["_X_AMZN_TRACE_ID"].endswith(";Sampled=0")
    assert scene.collector.segments() == []


def test_without_a_daemon_the_sdk_is_not_even_loaded(tmp_path: Path) -> None:
    with Collector() as collector:
        scene = Scene(tmp_path, collector, daemon=False)
        assert scene.call()["imported"] is False
        scene.host.close()
        assert {each.name for each in collector.segments()} == {"worker", "Initialization"}


def test_hundreds_of_invocations_lose_nothing(scene: Scene) -> None:
    for _ in range(100):
        scene.call(parts=0)
    work = {each.segment_id for each in scene.host.invocations()}
    found = [each for each in scene.collector.segments() if each.parent_id in work]
    assert sum(each.name == "retrieve_credentials" for each in found) == 100
    assert statistics.median(each.ms for each in scene.host.invocations()) < 1000
