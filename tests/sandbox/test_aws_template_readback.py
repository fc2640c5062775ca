"""What a template asks for is what the services have afterwards, or the deployment is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Account, DeployError, Deployment
from sandbox.aws.template.cloud import REGISTRY
from sandbox.aws.template.readback import READERS
from sandbox.aws.template.readback.check import differences
from sandbox.s3 import S3Server
from tests.sandbox.aws_support import SITE_PACKAGES
from tests.sandbox.aws_template import template, write_assembly

TAGS = [{"Key": "a", "Value": "b"}]
GRANT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}
KEY, KEY_ARN = {"Ref": "Key"}, {"Fn::GetAtt": ["Key", "Arn"]}
INDEX = {
    "IndexName": "by-run",
    "KeySchema": [{"AttributeName": "run_id", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]},
}

RICH: dict[str, dict[str, Any]] = {
    "Key": {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Tags": TAGS},
    "Topic": {
        "KmsMasterKeyId": KEY,
        "Tags": TAGS,
        "Subscription": [{"Protocol": "email", "Endpoint": "x@example.org"}],
    },
    "Letters": {"KmsMasterKeyId": KEY, "VisibilityTimeout": 60, "DelaySeconds": 3, "Tags": TAGS},
    "Secret": {"KmsKeyId": KEY, "Description": "d", "Tags": TAGS},
    "Role": {
        "MaxSessionDuration": 7200,
        "Path": "/x/",
        "Description": "d",
        "Tags": TAGS,
        "Policies": [{"PolicyName": "inline", "PolicyDocument": GRANT}],
    },
    "Source": {"LicenseInfo": "MIT", "Description": "d", "LayerName": "source"},
    "Worker": {"Description": "d", "Tags": TAGS},
    "WorkerLogs": {"KmsKeyId": KEY_ARN, "Tags": TAGS, "LogGroupName": "logs"},
    "Table": {
        "Tags": TAGS,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in ("media_id", "record", "run_id")
        ],
        "GlobalSecondaryIndexes": [INDEX],
    },
    "Machine": {"StateMachineName": "machine", "Tags": TAGS},
    "Daily": {
        "Description": "d",
        "State": "DISABLED",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "KmsKeyArn": KEY_ARN,
        "Target": {
            "Arn": {"Ref": "Machine"},
            "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
            "Input": "{}",
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Letters", "Arn"]}},
        },
    },
    "Fresh": {
        "Name": "fresh",
        "Tags": TAGS,
        "Description": "d",
        "State": "DISABLED",
        "EventPattern": {"detail-type": ["Secret Label Updated"], "detail": {"name": [{"prefix": "gopro/"}, "x"]}},
        "Targets": [
            {
                "Id": "Target0",
                "Arn": {"Ref": "Machine"},
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "Input": "{}",
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
                "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Letters", "Arn"]}},
            }
        ],
    },
    "Board": {"DashboardName": "board"},
}
"""Every property that some handler applies and the small stack leaves out."""


def changed(changes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    document = template()
    for logical_id, properties in changes.items():
        document["Resources"][logical_id]["Properties"] |= properties
    return document


@contextmanager
def deployed(folder: Path, document: dict[str, Any]) -> Iterator[Deployment]:
    with (
        S3Server(folder / "s3", region="us-east-1", credentials=None, tls=False) as s3,
        Account(folder / "aws", s3=s3) as account,
    ):
        yield account.deploy(write_assembly(folder / "cdk.out", document), SITE_PACKAGES, {"GOPRO_API_URL": "x"})


@pytest.mark.verifies("template.read-back")
def test_a_stack_of_all_applied_properties_is_read_back_as_asked(tmp_path: Path) -> None:
    with deployed(tmp_path, changed(RICH)) as deployment:
        assert deployment.state_machine_arn.endswith(":machine")


@pytest.mark.verifies("template.read-back", "template.every-property")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Table": RICH["Table"] | {"GlobalSecondaryIndexes": [
            {**INDEX, "OnDemandThroughput": {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 5}}]}},
         "Table (AWS::DynamoDB::Table): property GlobalSecondaryIndexes was not applied"),
        ({"Table": {"TableName": "t", "GlobalSecondaryIndexes": [{**INDEX, "Colour": "red"}]}}, "Colour"),
        ({"Topic": {"Subscription": [{"Protocol": "email", "Endpoint": "x@example.org", "RawMessageDelivery": True}]}},
         "property RawMessageDelivery is not known"),
        ({"Daily": {"FlexibleTimeWindow": {"Mode": "OFF", "Colour": "red"}}}, "Colour"),
        ({"Worker": {"VpcConfig": {"SubnetIds": ["subnet-1"], "Ipv6AllowedForDualStack": True}}},
         "property Ipv6AllowedForDualStack is not known"),
        ({"Fresh": {"ScheduleExpression": "rate(1 day)"}}, "property ScheduleExpression is not known"),
        ({"Fresh": {"EventPattern": {"source": [{"suffix": "x"}]}}}, "pattern's source: suffix is not known"),
        ({"Fresh": {"EventPattern": {}}}, "Fresh: an event pattern must be an object with at least one field"),
        ({"Fresh": {"Targets": [{"Id": "1", "Arn": {"Ref": "Topic"}}]}}, "Fresh: only state machines with a RoleArn"),
        ({"Fresh": {"Targets": [{"Id": "1", "Arn": {"Ref": "Machine"}}]}}, "Fresh: only state machines with a RoleArn"),
        ({"Fresh": {"Targets": [{"Id": "1", "Arn": {"Ref": "Machine"}, "InputPath": "$"}]}}, "InputPath is not known"),
        ({"Board": {"DashboardBody": "{"}}, "Board: the dashboard's body is not JSON"),
    ],
)  # fmt: skip
def test_a_property_that_a_service_drops_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, dict[str, Any]], words: str
) -> None:
    with pytest.raises(DeployError) as refusal, deployed(tmp_path, changed(changes)):
        pass
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.verifies("template.read-back")
def test_every_resource_type_with_applied_properties_is_read_back() -> None:
    assert {kind for kind, emulation in REGISTRY.items() if emulation.applied} == READERS.keys()


def test_what_cannot_be_read_back_is_an_applied_property_with_a_reason() -> None:
    for kind, readback in READERS.items():
        assert readback.unread.keys() <= REGISTRY[kind].applied
        assert all(readback.unread.values())


@pytest.mark.parametrize(
    ("asked", "held", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, None),
        ({"a": 60, "b": True}, {"a": "60", "b": "true"}, None),
        ({"a": [1, 2]}, {"a": [2, 1]}, None),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, None),
        ({"a": 1}, {}, "property a was not applied: the service has no such value"),
        ({"a": 1}, {"a": 2}, "property a was not applied: asked for 1, the service has 2"),
        ({"a": {"b": "x"}}, {"a": {"b": "X"}}, 'property a.b was not applied: asked for "x", the service has "X"'),
        ({"a": [1, 1]}, {"a": [1]}, "property a was not applied: 1 is not in [1]"),
        ({"a": {"b": 1}}, {"a": "b"}, 'property a was not applied: asked for {"b": 1}, the service has "b"'),
        ({"a": 1}, {"a": None}, "property a was not applied: asked for 1, the service has null"),
    ],
)
def test_only_what_is_asked_for_is_compared(asked: Any, held: Any, found: str | None) -> None:
    assert next(differences(asked, held), None) == found


@pytest.mark.verifies("template.not-emulated")
def test_attributes_and_sections_without_effect_are_listed(tmp_path: Path) -> None:
    document = template()
    document["Resources"]["Archive"]["UpdateReplacePolicy"] = "Retain"
    document["Rules"] = {"CheckBootstrapVersion": {"Assertions": []}}
    with deployed(tmp_path, document) as deployment:
        listed = {(each.resource, each.property) for each in deployment.not_emulated}
    assert {("Archive", "DeletionPolicy"), ("Archive", "UpdateReplacePolicy"), ("template", "Rules")} <= listed


def test_an_output_whose_condition_does_not_hold_is_left_out(tmp_path: Path) -> None:
    document = template()
    document["Outputs"]["Never"] = {"Value": {"Ref": "Never"}, "Condition": "Never"}
    with deployed(tmp_path, document) as deployment:
        assert "Never" not in deployment.outputs
        assert "Joined" in deployment.outputs


@pytest.mark.verifies("template.intrinsics")
@pytest.mark.parametrize(
    ("section", "entry", "words"),
    [
        ("Outputs", {"O": {"Value": "x", "Colour": "red"}}, "output O: Colour is not known to the sandbox"),
        ("Outputs", {"O": {"Value": {"Ref": "Nobody"}}}, "output O: Ref Nobody names no parameter"),
        ("Resources", {"Q": {"Type": "AWS::SNS::Topic", "DependsOn": ["Gone"]}}, "Q: DependsOn names Gone, which is"),
        ("Transform", {}, "section Transform is not known"),
    ],
)
def test_a_template_that_names_what_is_not_there_is_refused(
    tmp_path: Path, section: str, entry: dict[str, Any], words: str
) -> None:
    document = template()
    document.setdefault(section, {}).update(entry)
    with pytest.raises(DeployError) as refusal, deployed(tmp_path, document):
        pass
    assert words in str(refusal.value)
