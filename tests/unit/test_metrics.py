"""Metrics in CloudWatch's embedded metric format."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from cloud_sync_common.observability.metrics import NAMESPACE, MetricsPublisher


def _publisher() -> tuple[MetricsPublisher, io.StringIO]:
    stream = io.StringIO()
    return MetricsPublisher(stream, lambda: 1_700_000_000.5), stream


def _document(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    document: dict[str, Any] = json.loads(line)
    return document


def _units(document: dict[str, Any]) -> dict[str, str]:
    (declared,) = document["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == NAMESPACE
    assert {metric["Name"] for metric in declared["Metrics"]} <= set(document)
    return {metric["Name"]: metric["Unit"] for metric in declared["Metrics"]}


def test_a_synced_medium_is_counted_with_its_transfer() -> None:
    metrics, stream = _publisher()
    metrics.record_video_synced(
        provider="gopro",
        environment="prod",
        bytes_transferred=10_000_000,
        duration_seconds=4.0,
        time_to_first_byte=0.25,
    )
    document = _document(stream)
    assert _units(document) == {
        "VideosSynced": "Count",
        "BytesTransferred": "Bytes",
        "TransferDuration": "Seconds",
        "TransferThroughput": "Megabits/Second",
        "TimeToFirstByte": "Seconds",
    }
    assert document["TransferThroughput"] == pytest.approx(20.0)
    assert (document["VideosSynced"], document["BytesTransferred"]) == (1, 10_000_000)
    assert document["_aws"]["Timestamp"] == 1_700_000_000_500


def test_what_was_not_measured_is_no_metric() -> None:
    metrics, stream = _publisher()
    metrics.record_video_synced(provider="gopro", environment="prod", bytes_transferred=0, duration_seconds=0.0)
    assert set(_units(_document(stream))) == {"VideosSynced", "BytesTransferred", "TransferDuration"}


def test_a_failure_is_counted_in_total_and_by_its_kind() -> None:
    metrics, stream = _publisher()
    metrics.record_sync_failure(provider="gopro", environment="prod", error_type="KeyConflict")
    document = _document(stream)
    assert _units(document) == {"SyncFailures": "Count"}
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [
        ["Provider", "Environment"],
        ["Provider", "Environment", "ErrorType"],
    ]
    assert (document["Provider"], document["Environment"], document["ErrorType"]) == ("gopro", "prod", "KeyConflict")


def test_every_dimension_has_its_value_in_the_document() -> None:
    metrics, stream = _publisher()
    metrics.record_video_synced(provider="gopro", environment="prod", bytes_transferred=1, duration_seconds=1.0)
    document = _document(stream)
    for names in document["_aws"]["CloudWatchMetrics"][0]["Dimensions"]:
        assert all(isinstance(document[name], str) for name in names)


def test_each_call_is_one_line() -> None:
    metrics, stream = _publisher()
    for _ in range(3):
        metrics.record_sync_failure(provider="gopro", environment="prod", error_type="NoProgress")
    assert stream.getvalue().count("\n") == len(stream.getvalue().splitlines()) == 3
