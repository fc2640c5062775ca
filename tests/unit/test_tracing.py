"""X-Ray subsegments: the contract's names inside Lambda, nothing outside."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_xray_sdk.core import xray_recorder

from cloud_sync_common.observability.tracing import MAX_PART_SUBSEGMENTS, Tracing

LAMBDA = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.14"}


class NoEmitter:
    """In the place of the SDK's UDP socket: nothing leaves the test."""

    def send_entity(self, entity: object) -> None:
        """Drop it."""

    def set_daemon_address(self, address: str) -> None:
        """There is no daemon."""


@pytest.fixture
def segment() -> Iterator[Any]:
    """An open segment, as Lambda gives one to every invocation."""
    before = xray_recorder.emitter, xray_recorder.sampling, xray_recorder.streaming_threshold
    xray_recorder.configure(sampling=False, emitter=NoEmitter(), streaming_threshold=1_000)
    xray_recorder.clear_trace_entities()
    yield xray_recorder.begin_segment("invocation")
    xray_recorder.end_segment()
    xray_recorder.clear_trace_entities()
    xray_recorder.configure(emitter=before[0], sampling=before[1], streaming_threshold=before[2])


def _names(segment: Any) -> list[str]:
    return [child.name for child in segment.subsegments]


@pytest.mark.parametrize("environ", [{}, {"AWS_EXECUTION_ENV": "CLOUD_SYNC_SANDBOX"}])
def test_outside_lambda_nothing_is_recorded(segment: Any, environ: dict[str, str]) -> None:
    tracing = Tracing(environ)
    with tracing.subsegment("retrieve_credentials"), tracing.shared(), tracing.part(1):
        pass
    assert _names(segment) == []


def test_outside_lambda_no_segment_is_needed() -> None:
    tracing = Tracing({})
    with tracing.subsegment("x"), tracing.shared(), tracing.part(1):
        pass


def test_a_block_is_recorded_under_its_name(segment: Any) -> None:
    tracing = Tracing(LAMBDA)
    with tracing.subsegment("cloudfront_download"), tracing.subsegment("s3_put_object"):
        pass
    assert _names(segment) == ["cloudfront_download"]
    assert _names(segment.subsegments[0]) == ["s3_put_object"]
    assert not segment.subsegments[0].in_progress


def test_a_failing_block_is_closed_and_its_error_goes_on(segment: Any) -> None:
    with pytest.raises(ValueError, match="broken"), Tracing(LAMBDA).subsegment("x"):
        raise ValueError("broken")
    assert [(child.name, child.in_progress) for child in segment.subsegments] == [("x", False)]


def test_parts_of_worker_threads_hang_under_the_caller(segment: Any) -> None:
    tracing = Tracing(LAMBDA)

    def move(number: int) -> None:
        with tracing.part(number):
            pass

    with tracing.shared(), ThreadPoolExecutor(3) as pool:
        list(pool.map(move, range(1, 7)))
    assert sorted(_names(segment)) == [f"s3_upload_part_{number}" for number in range(1, 7)]


def test_parts_beyond_the_limit_are_moved_untraced(segment: Any) -> None:
    tracing, moved = Tracing(LAMBDA), []
    with tracing.shared():
        for number in range(MAX_PART_SUBSEGMENTS + 5):
            with tracing.part(number):
                moved.append(number)
    assert len(moved) == MAX_PART_SUBSEGMENTS + 5
    assert len(_names(segment)) == MAX_PART_SUBSEGMENTS


def test_every_invocation_has_its_own_share_of_parts(segment: Any) -> None:
    tracing = Tracing(LAMBDA)
    for invocation in range(1, 3):
        tracing.new_invocation()
        with tracing.shared():
            for number in range(MAX_PART_SUBSEGMENTS + 1):
                with tracing.part(number):
                    pass
        assert len(_names(segment)) == invocation * MAX_PART_SUBSEGMENTS
