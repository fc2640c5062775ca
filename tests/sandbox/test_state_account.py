"""A kept account: whatever was acknowledged is there again, however the process before ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import Account, Deployment
from sandbox.aws.state import AccountState, StateError
from sandbox.aws.state import items as kept_items
from sandbox.aws.state.account_state import FILE
from sandbox.aws.state.store import Store
from sandbox.aws.stepfunctions.records import utc_now
from sandbox.s3 import S3Server
from tests.sandbox.aws_support import SITE_PACKAGES
from tests.sandbox.aws_template import template, write_assembly
from tests.sandbox.dynamodb_support import key

EXTRA = {"GOPRO_API_URL": "http://127.0.0.1:1"}
SECRET = "gopro/credentials"


class Opened:
    """A deployed account whose state is in a folder of its own."""

    def __init__(self, account: Account, deployment: Deployment, state: AccountState, folder: Path) -> None:
        self.account = account
        self.deployment = deployment
        self.state = state
        self.folder = folder

    @property
    def dynamodb(self) -> Any:
        return self.account.client("dynamodb")

    @property
    def table(self) -> str:
        return self.deployment.table_name

    def rows(self) -> list[dict[str, Any]]:
        return sorted(self.account.tracker_rows(), key=lambda row: (row["media_id"], row["record"]))


@contextmanager
def opened(folder: Path, document: dict[str, Any] | None = None) -> Iterator[Opened]:
    """An account that is kept in ``folder/state``; its stack is the small one unless another is given."""
    state_folder = folder / "state"
    state_folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        s3 = stack.enter_context(S3Server(folder / "s3", region="us-east-1", credentials=None))
        state = stack.enter_context(AccountState(state_folder))
        account = stack.enter_context(Account(folder / "aws", s3=s3, state=state))
        assembly = write_assembly(folder / "cdk.out", document or template())
        yield Opened(account, account.deploy(assembly, SITE_PACKAGES, EXTRA), state, state_folder)


@contextmanager
def killed_and_opened(before: Opened, folder: Path) -> Iterator[Opened]:
    """What the next process finds if the one before is killed now: the files as they are at this moment."""
    shutil.copytree(before.folder, folder / "state")
    before.account.close()
    with opened(folder) as after:
        yield after


@pytest.mark.verifies("state.items")
def test_every_acknowledged_write_is_there_after_a_kill(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as before:
        name, dynamodb = before.table, before.dynamodb
        dynamodb.put_item(
            TableName=name, Item={**key("put"), "n": {"N": "1.50"}, "deep": {"M": {"l": {"L": [{"S": "x"}]}}}}
        )
        dynamodb.put_item(TableName=name, Item={**key("binary"), "b": {"B": b"\x00\xff"}, "s": {"SS": ["b", "a"]}})
        dynamodb.put_item(TableName=name, Item=key("deleted"))
        dynamodb.delete_item(TableName=name, Key=key("deleted"))
        update = {"UpdateExpression": "SET a = :a REMOVE n", "ExpressionAttributeValues": {":a": {"S": "é"}}}
        dynamodb.update_item(TableName=name, Key=key("put"), **update)
        dynamodb.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": key("batch")}}]})
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "ConditionCheck": {
                        "TableName": name,
                        "Key": key("put"),
                        "ConditionExpression": "attribute_exists(a)",
                    }
                },
                {"Update": {"TableName": name, "Key": key("put", "PIECE#1"), **update}},
                {"Delete": {"TableName": name, "Key": key("batch")}},
            ]
        )
        rows = before.rows()
        assert len(rows) == 3
        with killed_and_opened(before, tmp_path / "b") as after:
            assert after.rows() == rows
            after.dynamodb.update_item(TableName=name, Key=key("put"), ConditionExpression="a = :a", **update)


@pytest.mark.verifies("state.items")
def test_a_refused_write_is_not_there(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as before:
        name = before.table
        before.dynamodb.put_item(TableName=name, Item=key("m"))
        refused = {"TableName": name, "Item": {**key("m"), "x": {"S": "y"}}}
        with pytest.raises(ClientError):
            before.dynamodb.put_item(**refused, ConditionExpression="attribute_not_exists(media_id)")
        with killed_and_opened(before, tmp_path / "b") as after:
            assert after.rows() == [{"media_id": "m", "record": "MEDIUM"}]


@pytest.mark.verifies("state.items")
def test_a_write_that_nobody_could_keep_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as kept, pytest.raises(ClientError):
        kept.dynamodb.execute_statement(Statement="DELETE FROM \"Stack-Table\" WHERE media_id='a' AND record='b'")


def test_100_000_rows_are_back_in_seconds(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as before:
        name = before.table
    store = Store(before.folder / FILE)
    text = (
        '{{"media_id": {{"S": "m{0}"}}, "record": {{"S": "MEDIUM"}}, "n": {{"N": "{0}"}}, "s": {{"S": "COMPLETED"}}}}'
    )
    with store.transaction():
        for number in range(100_000):
            store.write("INSERT INTO items VALUES (?, ?, ?)", (name, str(number), text.format(number)))
    store.close()
    begin = time.process_time()
    with opened(tmp_path / "a") as after:
        assert after.dynamodb.get_item(TableName=name, Key=key("m99999"))["Item"]["n"] == {"N": "99999"}
    assert time.process_time() - begin < 20


@pytest.mark.verifies("state.secrets")
def test_a_secret_is_there_after_a_kill_with_its_versions(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as before:
        before.account.put_secret(SECRET, "first")
        before.account.put_secret(SECRET, "second")
        before.account.client("secretsmanager").put_secret_value(
            SecretId=SECRET, SecretString="third", VersionStages=["AWSPENDING"]
        )
        with killed_and_opened(before, tmp_path / "b") as after:
            secrets = after.account.client("secretsmanager")
            values = {
                stage: secrets.get_secret_value(SecretId=SECRET, VersionStage=stage)["SecretString"]
                for stage in ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING")
            }
            assert values == {"AWSCURRENT": "second", "AWSPREVIOUS": "first", "AWSPENDING": "third"}
            after.account.put_secret(SECRET, "fourth")
            previous = secrets.get_secret_value(SecretId=SECRET, VersionStage="AWSPREVIOUS")
            assert previous["SecretString"] == "second"
            assert secrets.get_secret_value(SecretId=SECRET)["SecretString"] == "fourth"


def test_secrets_that_are_put_back_are_no_event_and_a_new_value_is(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as before:
        before.account.put_secret(SECRET, "first")
        with killed_and_opened(before, tmp_path / "b") as after:
            assert after.account.fire_rules() == []
            after.account.put_secret(SECRET, "second")
            (firing,) = after.account.fire_rules()
            assert firing.target_arn == after.deployment.state_machine_arn
            assert after.account.firings() == [firing]


@pytest.mark.verifies("state.secrets")
def test_a_secret_is_given_out_for_the_server_that_it_was_stored_for_only(tmp_path: Path) -> None:
    with opened(tmp_path) as kept:
        assert kept.state.secret("https://a") is None
        with kept.state.new_secret("https://a"):
            assert kept.state.secret("https://a") is None
            kept.account.put_secret(SECRET, "cookies")
        assert kept.state.secret("https://a") == "cookies"
        assert kept.state.secret("https://b") is None
        with kept.state.new_secret("https://b"):
            kept.account.put_secret(SECRET, "other cookies")
            assert kept.state.secret("https://a") is None


@pytest.mark.verifies("state.executions")
def test_executions_are_there_after_a_kill_and_those_that_ran_are_aborted(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as before:
        before.account.put_secret(SECRET, "x")
        ended = before.account.start("{}", "run-1")
        result = before.account.wait(ended, timeout=60)
        assert (result.status, result.error, result.cause) == ("SUCCEEDED", None, None)
        running = before.account.start('{"seconds": 30}', "run-2")
        with killed_and_opened(before, tmp_path / "b") as after:
            told = {each.name: (each.status, each.stopped_at is not None) for each in after.account.executions()}
            assert told == {"run-1": ("SUCCEEDED", True), "run-2": ("ABORTED", True)}
            states = after.account.client("stepfunctions")
            described = states.describe_execution(executionArn=running.arn)
            assert (described["status"], described["input"]) == ("ABORTED", '{"seconds": 30}')
            assert described["startDate"] <= described["stopDate"]
            assert states.describe_execution(executionArn=ended.arn)["status"] == "SUCCEEDED"
            with pytest.raises(states.exceptions.ExecutionAlreadyExists):
                after.account.start("{}", "run-2")


@pytest.mark.verifies("state.executions")
def test_an_execution_that_is_cancelled_by_closing_is_aborted(tmp_path: Path) -> None:
    with opened(tmp_path) as before:
        before.account.start('{"seconds": 30}', "run-1")
    with opened(tmp_path) as after:
        assert [(each.name, each.status) for each in after.account.executions()] == [("run-1", "ABORTED")]


@pytest.mark.verifies("state.executions")
def test_of_a_former_execution_there_is_no_history_and_stopping_it_is_harmless(tmp_path: Path) -> None:
    with opened(tmp_path) as before:
        arn = before.account.start('{"seconds": 30}', "run-1").arn
    with opened(tmp_path) as after:
        states = after.account.client("stepfunctions")
        assert states.stop_execution(executionArn=arn)["stopDate"] <= utc_now()
        with pytest.raises(ClientError, match="keeps no history"):
            states.get_execution_history(executionArn=arn)


@pytest.mark.verifies("state.keys")
def test_the_key_that_objects_name_is_the_same_at_every_start(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as one:
        first = one.account.client("kms").describe_key(KeyId="alias/k")["KeyMetadata"]["Arn"]
    with opened(tmp_path / "b") as two:
        assert two.account.client("kms").describe_key(KeyId="alias/k")["KeyMetadata"]["Arn"] == first


@pytest.mark.verifies("state.shape")
def test_another_setting_is_a_redeploy(tmp_path: Path) -> None:
    with opened(tmp_path) as before:
        before.dynamodb.put_item(TableName=before.table, Item=key("m"))
    document = template()
    document["Resources"]["Worker"]["Properties"]["MemorySize"] = 300
    document["Resources"]["More"] = {"Type": "AWS::SNS::Topic", "Properties": {}}
    with opened(tmp_path, document) as after:
        assert len(after.rows()) == 1


@pytest.mark.verifies("state.shape")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda resources: resources.update(Other={"Type": "AWS::S3::Bucket", "Properties": {}}), "Other is new"),
        (lambda resources: resources["Runs"]["Properties"].update(BucketName="elsewhere"), "Runs has changed"),
        (lambda resources: resources["Secret"]["Properties"].update(Name="other"), "Secret has changed"),
    ],
)
def test_a_stack_with_its_data_elsewhere_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    with opened(tmp_path):
        pass
    document = template()
    change(document["Resources"])
    with pytest.raises(StateError, match=words) as refusal, opened(tmp_path, document):
        pass
    assert "\n" not in str(refusal.value)


def test_what_is_not_kept_is_said(tmp_path: Path) -> None:
    with opened(tmp_path) as kept:
        said = [each.why for each in kept.deployment.not_emulated if each.type == "kept account"]
    assert any(why.startswith("notifications") for why in said)


def test_items_of_a_table_that_the_stack_does_not_have_are_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path / FILE)
    store.write("INSERT INTO items VALUES (?, ?, ?)", ("gone", "k", "{}"))
    with pytest.raises(StateError, match="table gone"):
        kept_items.restore(store, "123456789012", "us-east-1")
    store.close()
