"""The daemon's part: datagrams in, segments out; what was lost or is no segment is counted."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.tracing.collector import Collector
from sandbox.aws.tracing.header import TraceHeader, is_id, is_trace_id, new_id, new_trace_id
from sandbox.aws.tracing.segments import MalformedSegment, Segment, SegmentStore, read_document

TRACE = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = b'{"format":"json","version":1}\n'


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        yield udp


def document(own: int = 1, **fields: Any) -> dict[str, Any]:
    plain = {"trace_id": TRACE, "id": f"{own:016x}", "name": "work", "start_time": 10.0, "end_time": 11.5}
    return {**plain, **fields}


def send(sender: socket.socket, collector: Collector, *datagrams: bytes) -> None:
    host, _, port = collector.address.partition(":")
    for datagram in datagrams:
        sender.sendto(datagram, (host, int(port)))


def packed(found: object) -> bytes:
    return HEADER + json.dumps(found).encode()


@pytest.mark.verifies("traces.collected")
def test_everything_sent_before_is_there_when_asked(sender: socket.socket) -> None:
    with Collector() as collector:
        for number in range(1, 501):
            send(sender, collector, packed(document(number, name=f"part {number}")))
        segments = collector.segments()
        counts = collector.counts()
    assert sorted(int(each.id, 16) for each in segments) == list(range(1, 501))
    assert (counts.datagrams, counts.malformed, counts.dropped, counts.not_kept) == (500, 0, 0, 0)


def test_what_was_sent_is_read_to_the_end_when_closing(sender: socket.socket) -> None:
    collector = Collector()
    send(sender, collector, *(packed(document(number)) for number in range(1, 301)))
    collector.close()
    collector.close()
    assert len(collector.segments()) == 300
    assert collector.counts().datagrams == 300


def test_closing_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with Collector():
        pass
    assert set(threading.enumerate()) <= before


@pytest.mark.verifies("traces.collected")
@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"x",
        b'{"format":"json","version":2}\n{}',
        HEADER,
        HEADER + b"{",
        HEADER + b"[]",
        HEADER + b"\xff\xfe",
        b"null\n{}",
        packed(document(trace_id="1-2-3")),
        packed(document(id="short")),
        packed(document(parent_id="short")),
        packed(document(name="")),
        packed(document(start_time="now")),
        packed(document(end_time=None)),
        packed(document(subsegments=[{"id": "x"}])),
    ],
)
def test_what_is_no_segment_is_counted_and_harms_nothing(sender: socket.socket, datagram: bytes) -> None:
    with Collector() as collector:
        send(sender, collector, datagram, packed(document(7)))
        assert [each.id for each in collector.segments()] == [f"{7:016x}"]
        counts = collector.counts()
    assert (counts.datagrams, counts.malformed) == (2, 1)


@pytest.mark.verifies("traces.collected")
def test_what_the_kernel_drops_is_counted(sender: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.aws.tracing.collector._RECEIVE_BUFFER", 4096)
    with Collector() as collector:
        with collector._lock:  # the reader waits here, and the buffer fills
            send(sender, collector, *(packed(document(number)) for number in range(1, 201)))
        counts = collector.counts()
    assert counts.dropped > 0
    assert counts.datagrams + counts.dropped == 200
    assert collector.counts() == counts


def test_documents_are_kept_as_they_were_sent(tmp_path: Path, sender: socket.socket) -> None:
    spool = tmp_path / "segments.jsonl"
    with Collector(spool) as collector:
        send(sender, collector, packed(document(1, metadata={"url": "kept for the canary check"})), HEADER + b"{broken")
        collector.segments()
        collector.add(Segment(TRACE, "2" * 16, "worker", 1.0, 2.0, origin="AWS::Lambda", http_status=200))
    lines = spool.read_text(encoding="utf-8").splitlines()
    assert "kept for the canary check" in lines[0]
    assert lines[1] == "{broken"
    assert read_document(json.loads(lines[2]))[0].origin == "AWS::Lambda"


def test_segments_beyond_the_bound_are_counted(sender: socket.socket) -> None:
    with Collector(most=3) as collector:
        send(sender, collector, *(packed(document(number)) for number in (1, 2, 3, 4, 5, 3)))
        assert len(collector.segments()) == 3
        assert collector.counts().not_kept == 2


def test_subsegments_within_a_document_are_found_at_any_depth() -> None:
    inner = document(3, name="inner", namespace="aws", http={"response": {"status": 503}}, fault=True)
    middle = document(2, name="middle", subsegments=[inner])
    for nested in (inner, middle):
        del nested["trace_id"]
    outer, second, third = read_document(document(1, subsegments=[middle]))
    assert [each.parent_id for each in (outer, second, third)] == [None, f"{1:016x}", f"{2:016x}"]
    assert {each.trace_id for each in (outer, second, third)} == {TRACE}
    assert (third.http_status, third.fault, third.namespace) == (503, True, "aws")


def test_a_segment_tells_the_same_after_a_round_trip() -> None:
    segment = Segment(
        TRACE, "1" * 16, "n", 1.5, 2.5, "2" * 16, "AWS::Lambda", "aws", "arn", "Map[1]", "Error", True, True, True, 429
    )
    assert read_document(json.loads(json.dumps(segment.document()))) == [segment]
    at_work = Segment(TRACE, "1" * 16, "n", 1.5)
    assert read_document(at_work.document()) == [at_work]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_ended_segment_replaces_the_one_at_work_whichever_came_first(order: tuple[int, int]) -> None:
    sent = [Segment(TRACE, "1" * 16, "n", 1.0, error=True), Segment(TRACE, "1" * 16, "n", 1.0, 2.0, "2" * 16)]
    store = SegmentStore()
    for place in order:
        store.add(sent[place])
    [merged] = store.all()
    assert (merged.end, merged.parent_id, merged.error) == (2.0, "2" * 16, True)


@pytest.mark.verifies("traces.collected", "pipeline.no-secrets")
def test_nothing_of_messages_stacks_or_urls_is_kept() -> None:
    secret = "https://cdn.example.com/a?Signature=abcdefgh"
    found = read_document(
        document(cause={"exceptions": [{"message": secret}]}, http={"request": {"url": secret}}, metadata={"a": secret})
    )
    assert "Signature" not in repr(found)


def test_too_deep_a_document_is_malformed(sender: socket.socket) -> None:
    deep = b"[" * 20_000
    with Collector() as collector:
        send(sender, collector, HEADER + deep)
        assert collector.counts().malformed == 1
    with pytest.raises(MalformedSegment):
        read_document([])


def test_a_header_survives_the_way_and_a_broken_one_begins_a_new_trace() -> None:
    header = TraceHeader(new_trace_id(1_700_000_000.5), new_id())
    assert TraceHeader.parse(str(header)) == header
    assert header.root.startswith("1-6553f100-")
    assert is_trace_id(header.root)
    assert is_id(header.parent)
    assert TraceHeader.parse(f"Self=1-2-3; Root={TRACE};Sampled=0") == TraceHeader(TRACE, None, sampled=False)
    assert TraceHeader.parse(f"Root={TRACE};Parent=x") == TraceHeader(TRACE)
    assert [TraceHeader.parse(text) for text in ("", "Root=1", "x;y")] == [None, None, None]
