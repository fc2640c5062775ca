"""The account as a whole: a template deployed into it, its machine run, everything looked at afterwards."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws import Account, DeployError, Deployment
from sandbox.s3 import S3Server
from tests.sandbox.aws_support import SITE_PACKAGES
from tests.sandbox.aws_template import template, write_assembly

EXTRA = {"GOPRO_API_URL": "http://127.0.0.1:1"}


class Deployed:
    """An account with the small stack in it."""

    def __init__(self, account: Account, deployment: Deployment, s3: S3Server) -> None:
        self.account = account
        self.deployment = deployment
        self.s3 = s3


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    root = tmp_path_factory.mktemp("account")
    with (
        S3Server(root / "s3", region="us-east-1", credentials=None) as s3,
        Account(root / "aws", s3=s3, retry_scale=0.5) as account,
    ):
        deployment = account.deploy(write_assembly(root / "cdk.out", template()), SITE_PACKAGES, EXTRA)
        yield Deployed(account, deployment, s3)


@pytest.mark.verifies("account.secrets-topics")
def test_a_run_reaches_every_service_of_the_account(deployed: Deployed) -> None:
    account, deployment = deployed.account, deployed.deployment
    account.put_secret(deployment.secret_name, "the value")
    looks: list[int] = []
    result = account.wait(account.start("{}", "first"), lambda: looks.append(1), timeout=60)
    assert (result.status, result.error) == ("SUCCEEDED", None)
    output = result.output["result"]
    assert output["encryption"] == "aws:kms"
    assert output["extra"] == EXTRA["GOPRO_API_URL"]
    assert account.keys.owners[output["key"]] == deployment.functions["Worker"].name
    (stored,) = deployed.s3.objects(deployment.archive_bucket)
    assert stored.path.read_bytes() == b"from the layer"
    assert stored.version_id is not None
    assert account.tracker_rows() == [
        {
            "media_id": "m1",
            "record": "MEDIUM",
            "n": 3,
            "tags": ["a", "b"],
            "raw": "eA==",
            "deep": {"list": [1]},
        }
    ]
    assert [(each["subject"], each["message"]) for each in account.notifications()] == [("done", "the value")]
    assert account.function_stats()[deployment.functions["Worker"].name].cold == 1
    assert looks


def test_records_and_history_are_plain_data(deployed: Deployed) -> None:
    account = deployed.account
    execution = account.start(json.dumps({"n": 1}), "plain")
    account.wait(execution, timeout=60)
    (record,) = account.records(execution)
    assert json.loads(json.dumps(record.as_dict()))["input"] == {"n": 1}
    events = json.loads(json.dumps(account.history(execution)))
    assert events[0]["type"] == "ExecutionStarted"
    assert {event["executionArn"] for event in events} == {execution.arn}


def test_waiting_has_a_limit_and_stopping_ends_the_execution(deployed: Deployed) -> None:
    account = deployed.account
    execution = account.start('{"seconds": 1}', "stopped")
    with pytest.raises(TimeoutError):
        account.wait(execution, timeout=0.01)
    account.stop(execution)
    assert account.wait(execution, timeout=5).status == "ABORTED"


@pytest.mark.verifies("template.intrinsics")
def test_outputs_are_resolved(deployed: Deployed) -> None:
    outputs = deployed.deployment.outputs
    assert outputs["Joined"] == f"a/{deployed.deployment.runs_bucket}"
    assert (outputs["Selected"], outputs["Mapped"]) == ("y", "hello")
    assert outputs["Chosen"] == f"{deployed.deployment.functions['Worker'].arn} ${{kept}}"


@pytest.mark.verifies("template.not-emulated", "states.retry-scale")
def test_what_is_not_emulated_is_listed(deployed: Deployed) -> None:
    listed = {(each.resource, each.property) for each in deployed.deployment.not_emulated}
    assert {
        ("Archive", "LifecycleConfiguration"),
        ("Archive", "Tags"),
        ("RunsPolicy", "PolicyDocument"),
        ("Key", "KeyPolicy"),
        ("Table", "TimeToLiveSpecification"),
        ("Mail", "Endpoint"),
        ("Packages", "Content"),
        ("Worker", "Architectures"),
        ("RolePolicy", "PolicyDocument"),
        ("Alarm", "*"),
        ("Daily", "*"),
        ("state machine", "Retry"),
    } <= listed
    assert ("Source", "Content") not in listed


@pytest.mark.verifies("template.every-property")
def test_properties_are_really_applied(deployed: Deployed) -> None:
    account, deployment = deployed.account, deployed.deployment
    dynamodb, kms = account.client("dynamodb"), account.client("kms")
    table = dynamodb.describe_table(TableName=deployment.table_name)["Table"]
    assert table["DeletionProtectionEnabled"] is True
    expiry = dynamodb.describe_time_to_live(TableName=deployment.table_name)["TimeToLiveDescription"]
    assert expiry == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}
    backups = dynamodb.describe_continuous_backups(TableName=deployment.table_name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    key = kms.describe_key(KeyId="alias/k")["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    groups = account.client("logs").describe_log_groups()["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [30]
    schedule = account.client("scheduler").get_schedule(Name="Stack-Daily")
    assert schedule["Target"]["Arn"] == deployment.state_machine_arn


def test_an_account_takes_one_stack(deployed: Deployed, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="has a stack already"):
        deployed.account.deploy(write_assembly(tmp_path, template()), SITE_PACKAGES, {})


@pytest.mark.verifies("template.every-property", "template.intrinsics")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Topic": {"Type": "AWS::Neptune::DBCluster"}},
         "Topic: resource type AWS::Neptune::DBCluster is not known"),
        ({"Topic": {"CreationPolicy": {}}}, "Topic (AWS::SNS::Topic): attribute CreationPolicy is not known"),
        ({"Topic": {"Properties": {"FifoTopic": True}}},
         "Topic (AWS::SNS::Topic): property FifoTopic is not known"),
        ({"Archive": {"Properties": {"VersioningConfiguration": {"MfaDelete": "x"}}}},
         "property MfaDelete is not known"),
        ({"Secret": {"Properties": {"SecretString": "x"}}}, "Secret: a secret's value must not be in the template"),
        ({"Worker": {"Properties": {"Code": {"ZipFile": "x"}}}}, "property ZipFile is not known"),
        ({"Worker": {"Properties": {"Code": {"S3Bucket": "b", "S3Key": "gone.zip"}}}}, "its asset gone.zip"),
        ({"Worker": {"Properties": {"Environment": {"Variables": {"AWS_EXECUTION_ENV": "x"}}}}},
         "Lambda reserves the environment variable AWS_EXECUTION_ENV"),
        ({"Worker": {"Properties": {"SnapStart": {}}}}, "property SnapStart is not known"),
        ({"Worker": {"Properties": {"Handler": {"Fn::Base64": "x"}}}}, "Fn::Base64 is not among"),
        ({"Worker": {"Properties": {"Role": {"Ref": "Nobody"}}}}, "Ref Nobody names no parameter"),
        ({"Worker": {"Properties": {"Role": {"Fn::GetAtt": ["Role", "Colour"]}}}},
         "GetAtt Role.Colour is not emulated"),
        ({"Machine": {"Properties": {"DefinitionString": "{"}}}, "Machine: the definition is not JSON"),
        ({"Machine": {"Properties": {"DefinitionSubstitutions": {}}}}, "${WorkerArn} was not substituted"),
        ({"Machine": {"Properties": {"StateMachineType": "EXPRESS"}}}, "only STANDARD"),
        ({"Daily": {"Properties": {"Target": {"Arn": "x", "EcsParameters": {}}}}},
         "property EcsParameters is not known"),
        ({"Table": {"Properties": {"BillingMode": "FREE"}}}, "Table (AWS::DynamoDB::Table)"),
        ({"Role": {"DependsOn": "Worker"}}, "depend on each other in a circle"),
        ({"Never": {"Condition": "Sometimes"}}, "condition Sometimes is not in the template"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_honoured_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, dict[str, Any]], words: str
) -> None:
    document = template()
    for logical_id, change in changes.items():
        resource = document["Resources"][logical_id]
        resource["Properties"] = {**resource["Properties"], **change.get("Properties", {})}
        resource.update({name: value for name, value in change.items() if name != "Properties"})
    with (
        S3Server(tmp_path / "s3", region="us-east-1", credentials=None, tls=False) as s3,
        Account(tmp_path / "aws", s3=s3) as account,
        pytest.raises(DeployError) as refusal,
    ):
        account.deploy(write_assembly(tmp_path / "cdk.out", document), SITE_PACKAGES, {})
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_assembly_without_a_template_is_refused(tmp_path: Path) -> None:
    with (
        S3Server(tmp_path / "s3", region="us-east-1", credentials=None, tls=False) as s3,
        Account(tmp_path / "aws", s3=s3) as account,
        pytest.raises(DeployError, match="holds 0 templates"),
    ):
        account.deploy(tmp_path, SITE_PACKAGES, {})


def test_rules_of_a_stack_that_is_not_deployed_cannot_be_fired(tmp_path: Path) -> None:
    with (
        S3Server(tmp_path / "s3", region="us-east-1", credentials=None) as s3,
        Account(tmp_path / "aws", s3=s3) as account,
        pytest.raises(DeployError, match="nothing is deployed yet"),
    ):
        account.fire_rules()


@pytest.mark.verifies("pipeline.nothing-left")
def test_nothing_is_left_after_closing_and_the_environment_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    threads, environment = set(threading.enumerate()), dict(os.environ)
    with S3Server(tmp_path / "s3", region="us-east-1", credentials=None) as s3:
        account = Account(tmp_path / "aws", s3=s3)
        assert account.client("sns").list_topics()["Topics"] == []
        assert account.client("s3").list_buckets()["Buckets"] == []
        account.close()
        account.close()
    assert set(threading.enumerate()) <= threads
    assert dict(os.environ) == environment
