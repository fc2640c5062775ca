"""The shapes that the functions hand to the state machine."""

from __future__ import annotations

import json

import pytest

from cloud_sync_common.models import MediaId, Outcome, PieceId
from cloud_sync_common.rules.events import parse_upload
from cloud_sync_common.rules.outcomes import PartRange, download_result, range_event

KEYS = {"outcome", "media_id", "ranges", "max_concurrency", "summary"}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_every_key(outcome: Outcome) -> None:
    result = download_result(MediaId("m1"), outcome)
    assert set(result) == KEYS
    assert (result["outcome"], result["ranges"], result["max_concurrency"]) == (outcome.value, [], 1)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_childs_whole_output_stays_under_200_bytes(outcome: Outcome) -> None:
    summary = download_result(MediaId("m" * 64), outcome)["summary"]
    assert len(json.dumps(summary).encode()) < 200


def test_a_result_is_plain_json() -> None:
    part_range = range_event("r1", MediaId("m1"), PieceId("source-1"), 2, PartRange(1, 4))
    result = download_result(MediaId("m1"), Outcome.TRANSFER, ranges=iter([part_range]), max_concurrency=3)
    assert json.loads(json.dumps(result)) == result
    assert type(result["outcome"]) is str
    assert (result["ranges"], result["max_concurrency"]) == ([part_range], 3)


def test_a_range_is_an_event_of_the_uploader() -> None:
    event = parse_upload(range_event("r1", MediaId("m1"), PieceId("source-1"), 2, PartRange(3, 4)))
    assert (event.generation, event.first_part, event.last_part) == (2, 3, 4)
