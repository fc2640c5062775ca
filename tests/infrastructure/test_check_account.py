"""What ``make deploy`` says before it touches an account, and whose account that is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    LoginRefreshRequired,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)
from moto import mock_aws

from cloud_sync import caller
from scripts.check_account import main

BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"
NAMES = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION", "DEFAULT_REGION")


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell in which nobody has signed in."""
    for name in NAMES:
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signed in, in an account that the CDK has prepared in one region."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with mock_aws():
        caller.open_session(None).client("ssm").put_parameter(Name=BOOTSTRAPPED, Value="30", Type="String")
        yield


@pytest.mark.usefixtures("account")
def test_it_says_account_region_and_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "-c", "stage=dev"]) == 0
    assert capsys.readouterr().err == (
        "deploy: account 123456789012, region eu-central-1, stage dev (stack GoProCloudSync-dev)\n"
    )


@pytest.mark.usefixtures("account")
def test_a_region_that_is_not_bootstrapped_is_told_what_to_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert main(["deploy"]) == 1
    assert capsys.readouterr().err == (
        "error: account 123456789012, region us-east-1 is not prepared for the CDK yet: "
        'run make cdk ARGS="bootstrap" once\n'
    )
    assert main(["bootstrap"]) == 0


@pytest.mark.parametrize("command", ["deploy", "destroy", "bootstrap", "diff", "watch", "import"])
def test_without_credentials_it_says_so_in_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no AWS credentials found in this shell")


def test_half_of_a_pair_of_keys_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    assert main(["deploy"]) == 1
    assert "AWS_SECRET_ACCESS_KEY is missing" in capsys.readouterr().err


def test_a_profile_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "--profile", "archive"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "(archive)" in line


def test_files_that_are_not_aws_configurations_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "AWS_CONFIG_FILE").write_text("garbage\n[profile x\n")
    assert main(["deploy"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("/AWS_CONFIG_FILE is not a file as 'aws configure' writes it: correct it")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--profile"], "error: argument --profile: expected one argument"),
        (["-c"], "error: argument -c/--context: expected one argument"),
        (["-c", "prod"], "error: -c takes a setting and its value, like -c workers=2, not 'prod'"),
        (["-c", "=3"], "error: -c takes a setting and its value, like -c workers=2, not '=3'"),
    ],
)
def test_half_of_an_option_is_refused_in_one_line(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", *words]) == 1
    assert capsys.readouterr().err == f"{sentence}\n"


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("place", ["us-east-1:123456789012", "eu-central-1:999999999999"])
def test_an_adopted_key_of_elsewhere_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "-c", "existing_key=arn:aws:kms:eu-central-1:123456789012:key/0a"]) == 0
    capsys.readouterr()
    assert main(["deploy", "-c", f"existing_key=arn:aws:kms:{place}:key/0a"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "but this is account 123456789012, region eu-central-1: deploy there" in line


def test_a_wrong_setting_is_refused_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "-c", "scheduel=x"]) == 1
    assert capsys.readouterr().err.startswith("error: unknown setting 'scheduel': did you mean 'schedule'?")


@pytest.mark.parametrize(
    "arguments", [[], ["synth"], ["ls"], ["deploy", "--help"], ["bootstrap", "aws://111122223333/eu-west-1"]]
)
def test_what_needs_no_account_is_left_alone(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity"), "have expired: sign in again"),
        (
            ClientError({"Error": {"Code": "InvalidClientTokenId"}}, "GetCallerIdentity"),
            "(InvalidClientTokenId): renew them, or",
        ),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetCallerIdentity"), "(AccessDenied): renew them; docs"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
        (SSOTokenLoadError(error_msg="x"), "aws sso login"),
        (LoginRefreshRequired(), "run 'aws login' again"),
        (EndpointConnectionError(endpoint_url="https://sts.eu-nowhere-1.amazonaws.com"), "cannot be reached"),
    ],
)
def test_each_refusal_has_a_sentence_that_says_what_to_do(error: ClientError, sentence: str) -> None:
    assert sentence in caller.explained(error)
    assert "\n" not in caller.explained(error)
