"""The dashboard shows what is really published: every metric on it is compared with the code and the template."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cloud_sync.dashboard_construct import NAMESPACE
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.rules.attributes import PROVIDER
from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import Template, text_of
from tests.infrastructure.variants import DEV

# What AWS publishes by itself, under a dimension that names a resource of this type.
# Step Functions guide, "Monitoring with CloudWatch"; Lambda guide, "Types of metrics"; SQS guide, "Available metrics".
OF_AWS = {
    "AWS/States": (
        "StateMachineArn",
        "StepFunctions::StateMachine",
        {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"},
    ),
    "AWS/Lambda": ("FunctionName", "Lambda::Function", {"Errors", "Throttles", "Duration"}),
    "AWS/SQS": ("QueueName", "SQS::Queue", {"ApproximateNumberOfMessagesVisible"}),
}


@dataclass(frozen=True)
class Shown:
    """One metric of a widget."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def _widgets(template: Template) -> list[dict[str, Any]]:
    body = text_of(template.properties("CloudWatch::Dashboard")["DashboardBody"])
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def _shown(template: Template) -> set[Shown]:
    found = set()
    for widget in _widgets(template):
        for entry in widget["properties"]["metrics"]:
            words = [word for word in entry if isinstance(word, str)]
            if words:
                pairs = sorted(zip(words[2::2], words[3::2], strict=True))
                found.add(Shown(words[0], words[1], tuple(pairs)))
    return found


def _searches(template: Template) -> list[str]:
    entries = [entry for widget in _widgets(template) for entry in widget["properties"]["metrics"]]
    return [entry[0]["expression"] for entry in entries if isinstance(entry[0], dict)]


def _published(stage: str) -> Iterator[Shown]:
    """Every metric that the functions write, as CloudWatch reads it out of their lines."""
    stream = io.StringIO()
    publisher = MetricsPublisher(stream)
    publisher.record_video_synced(
        provider=PROVIDER, environment=stage, bytes_transferred=1, duration_seconds=1, time_to_first_byte=1
    )
    publisher.record_sync_failure(provider=PROVIDER, environment=stage, error_type="SourceRefused")
    for line in stream.getvalue().splitlines():
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                pairs = tuple(sorted((name, document[name]) for name in names))
                yield from (Shown(directive["Namespace"], metric["Name"], pairs) for metric in directive["Metrics"])


@pytest.mark.parametrize("context", [{}, DEV])
def test_our_own_metrics_are_those_that_the_functions_publish(variant: Variant, context: dict[str, str]) -> None:
    template = variant(context)
    ours = {metric for metric in _shown(template) if not metric.namespace.startswith("AWS/")}
    assert {metric.name for metric in ours} == {
        "VideosSynced",
        "BytesTransferred",
        "TransferThroughput",
        "SyncFailures",
    }
    environments = {
        function["Properties"]["Environment"]["Variables"]["ENVIRONMENT"]
        for function in template.of_type("Lambda::Function").values()
    }
    assert environments == {context.get("stage", "prod")}
    [stage] = environments
    assert ours <= set(_published(stage))


@pytest.mark.parametrize("context", [{}, DEV])
def test_the_search_for_reasons_finds_what_the_functions_publish(variant: Variant, context: dict[str, str]) -> None:
    [search] = _searches(variant(context))
    match = re.fullmatch(r"SEARCH\('\{([\w,]+)\} (.+)', '(\w+)', (\d+)\)", search)
    assert match is not None
    namespace, *dimensions = match[1].split(",")
    terms = dict(re.findall(r'(\w+)="([^"]+)"', match[2]))
    stage = context.get("stage", "prod")
    [published] = [metric for metric in _published(stage) if any(name == "ErrorType" for name, _ in metric.dimensions)]
    assert namespace == NAMESPACE == published.namespace
    assert set(dimensions) == {name for name, _ in published.dimensions}
    assert terms.pop("MetricName") == published.name
    assert terms.items() <= dict(published.dimensions).items()
    assert (match[3], match[4]) == ("Sum", "86400")


def test_every_other_metric_is_one_of_awss_about_a_resource_of_the_stack(template: Template) -> None:
    for metric in _shown(template):
        if metric.namespace == NAMESPACE:
            continue
        dimension, kind, names = OF_AWS[metric.namespace]
        assert metric.name in names
        [(name, value)] = metric.dimensions
        assert name == dimension
        assert re.sub(r"[<>]|\.\w+", "", value) in template.of_type(kind)


def test_no_function_queue_or_machine_is_left_out(template: Template) -> None:
    shown = {value for metric in _shown(template) for _, value in metric.dimensions}
    for dimension, kind, _ in OF_AWS.values():
        attribute = ".QueueName" if dimension == "QueueName" else ""
        assert {f"<{name}{attribute}>" for name in template.of_type(kind)} <= shown


def test_a_queue_that_is_not_there_is_not_shown(variant: Variant) -> None:
    template = variant({"run_on_fresh_cookies": "false"})
    queues = {value for metric in _shown(template) for name, value in metric.dimensions if name == "QueueName"}
    assert queues == {f"<{name}.QueueName>" for name in template.of_type("SQS::Queue")}
    assert len(queues) == 1


def test_durations_are_seen_against_the_time_out(template: Template, chosen: Template) -> None:
    for of, seconds in ((template, 900), (chosen, 120)):
        [limits] = [
            widget["properties"]["annotations"]["horizontal"]
            for widget in _widgets(of)
            if "annotations" in widget["properties"]
        ]
        assert [limit["value"] for limit in limits] == [seconds * 1000]
        timeouts = {
            name: function["Properties"]["Timeout"] for name, function in of.of_type("Lambda::Function").items()
        }
        assert {seconds} == {
            timeout for name, timeout in timeouts.items() if "Downloader" in name or "Uploader" in name
        }


def test_a_board_is_named_after_its_stack_and_region(template: Template, chosen: Template) -> None:
    # Dashboards are global in an account: the same stage in two regions needs two names.
    for of, stack in ((template, "GoProCloudSync"), (chosen, "GoProCloudSync-test")):
        assert text_of(of.properties("CloudWatch::Dashboard")["DashboardName"]) == f"{stack}-<AWS::Region>"


def test_widgets_cover_no_other_and_have_titles(template: Template) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in _widgets(template):
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        assert widget["properties"]["title"]
        taken |= cells
