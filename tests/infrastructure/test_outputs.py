"""What a deployment tells its owner: links that open, commands that run, names that scripts can rely on."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import Template
from tests.infrastructure.variants import DEV

NAMES = {
    "StateMachineArn",
    "StateMachineConsole",
    "StartRun",
    "SecretName",
    "SecretConsole",
    "StoreCookies",
    "DashboardConsole",
    "ArchiveBucketName",
    "ArchiveBucketConsole",
    "RunsBucketName",
    "RunsBucketConsole",
    "TableName",
    "TableConsole",
    "KeyArn",
    "TopicArn",
}
LINKS = {name for name in NAMES if name.endswith("Console")}

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:Sync"
CREATED = {
    "AWS::Region": "eu-central-1",
    "SyncStateMachine81090156": MACHINE,
    "ArchiveBucket49F1AC64": "archive-1",
    "RunsBucket7FD68A9D": "runs-1",
    "TrackerTableDF8203A0": "Tracker-1",
}


def _text(template: Template, value: Any, partition: str) -> str:
    """What CloudFormation makes of an output's value."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::Partition"}:
            return partition
        case {"Ref": name}:
            return CREATED.get(str(name), str(name))
        case {"Fn::GetAtt": [name, _]}:
            return CREATED.get(str(name), str(name))
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_text(template, part, partition) for part in parts)
        case {"Fn::If": [condition, yes, no]}:
            [left, right] = template.document["Conditions"][condition]["Fn::Equals"]
            holds = _text(template, left, partition) == _text(template, right, partition)
            return _text(template, yes if holds else no, partition)
    raise AssertionError(f"cannot read {value}")


def _outputs(template: Template, partition: str = "aws") -> dict[str, str]:
    return {name: _text(template, entry["Value"], partition) for name, entry in template.document["Outputs"].items()}


def test_the_names_of_outputs_are_stable(template: Template, variant: Variant) -> None:
    assert set(template.document["Outputs"]) == NAMES
    assert set(variant(DEV).document["Outputs"]) == NAMES


def test_every_output_says_what_it_is(template: Template) -> None:
    for name, entry in template.document["Outputs"].items():
        assert 10 < len(entry["Description"]) < 120, name
        assert "Export" not in entry


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
        ("aws-of-the-future", "console.aws.amazon.com"),
    ],
)
def test_links_lead_to_the_partitions_own_console(template: Template, partition: str, host: str) -> None:
    outputs = _outputs(template, partition)
    assert {urlsplit(outputs[name]).netloc for name in LINKS} == {host}


@pytest.mark.parametrize("name", sorted(LINKS))
def test_a_link_is_a_url_of_this_region(template: Template, name: str) -> None:
    link = _outputs(template)[name]
    assert re.fullmatch(r"https://[!-~]+", link)
    assert parse_qs(urlsplit(link).query)["region"] == ["eu-central-1"]


def test_links_lead_to_the_stacks_own_resources(template: Template) -> None:
    outputs = _outputs(template)
    host = "https://console.aws.amazon.com"
    assert {name: outputs[name] for name in LINKS} == {
        "StateMachineConsole": f"{host}/states/home?region=eu-central-1#/statemachines/view/{MACHINE}",
        "SecretConsole": f"{host}/secretsmanager/secret?name=gopro%2Fcredentials&region=eu-central-1",
        "DashboardConsole": (
            f"{host}/cloudwatch/home?region=eu-central-1#dashboards/dashboard/GoProCloudSync-eu-central-1"
        ),
        "ArchiveBucketConsole": f"{host}/s3/buckets/archive-1?region=eu-central-1&prefix=gopro-videos/",
        "RunsBucketConsole": f"{host}/s3/buckets/runs-1?region=eu-central-1&prefix=runs/",
        "TableConsole": f"{host}/dynamodbv2/home?region=eu-central-1#table?name=Tracker-1",
    }


def test_the_dashboards_link_has_the_dashboards_name(template: Template) -> None:
    name = _text(template, template.properties("CloudWatch::Dashboard")["DashboardName"], "aws")
    assert _outputs(template)["DashboardConsole"].endswith(f"#dashboards/dashboard/{name}")


def test_the_commands_name_region_and_resource(template: Template, variant: Variant) -> None:
    outputs = _outputs(template)
    assert outputs["StartRun"] == (
        f"aws stepfunctions start-execution --region eu-central-1 --state-machine-arn {MACHINE}"
    )
    assert outputs["StoreCookies"] == (
        "aws secretsmanager put-secret-value --region eu-central-1 --secret-id gopro/credentials "
        "--secret-string file://credentials.json"
    )
    assert "--secret-id gopro/credentials-dev " in _outputs(variant(DEV))["StoreCookies"]
