"""The stored login: read, cleaned, or refused with the key's name and never its value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from cloud_sync_common.edges.credentials import Credentials, make_credentials, retrieve_credentials
from cloud_sync_common.errors import (
    AccessDenied,
    CloudSyncError,
    CredentialsMalformed,
    CredentialsMissing,
    SecretUnavailable,
)

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "gopro/credentials"
CANARY = "c4n4ry"
GOOD = {"cookies": f"gp_access_token={CANARY}; gp_user_id=u1", "user-agent": "Mozilla/5.0 (X11)"}


def make_client() -> SecretsManagerClient:
    return boto3.client(
        "secretsmanager", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def retrieve(secret: str) -> Credentials:
    client = make_client()
    with Stubber(client) as stub:
        stub.add_response("get_secret_value", {"SecretString": secret}, {"SecretId": NAME})
        return retrieve_credentials(client, NAME)


def test_the_secret_gives_cookies_and_user_agent() -> None:
    assert retrieve(json.dumps(GOOD)) == Credentials(GOOD["cookies"], GOOD["user-agent"])


def test_printing_credentials_shows_nothing_of_them() -> None:
    credentials = retrieve(json.dumps(GOOD))
    assert CANARY not in f"{credentials} {credentials!r}"


@pytest.mark.parametrize(
    "pasted",
    [
        "gp_access_token=eyJabc.def; gp_user_id=u1",
        "  gp_access_token=eyJabc.def; gp_user_id=u1 \r\n",
        "Cookie: gp_access_token=eyJabc.def; gp_user_id=u1",
        "'cookie:gp_access_token=eyJabc.def; gp_user_id=u1'",
        '"gp_access_token=eyJabc.def; gp_user_id=u1;"',
        "\u201cgp_access_token=eyJabc.def; gp_user_id=u1\u201d",
        "gp_access_token=eyJa\nbc.def; gp_user_id=u1",
        "gp_access_token=eyJabc.def;\n   gp_user_id=u1",
        "gp_access_token=eyJabc.def\r\n\r\ngp_user_id=u1\n",
        "gp_access_token%3DeyJabc.def%3B%20gp_user_id%3Du1",
        "gp_access_token=%22eyJabc%2Edef%22; gp_user_id=u1",
        'gp_access_token="eyJabc.def"; gp_user_id=u1',
    ],
)
def test_what_pasting_adds_to_cookies_is_undone(pasted: str) -> None:
    assert make_credentials(pasted, "x").cookies == "gp_access_token=eyJabc.def; gp_user_id=u1"


@pytest.mark.parametrize(
    "pasted",
    [
        "eyJabc.def",
        '"eyJabc.def"\n',
        "eyJabc\n.def",
        "Bearer eyJabc.def",
        "bearer: eyJabc.def",
        "Authorization: Bearer eyJabc.def\r\n",
        "'authorization: bearer eyJa\n  bc.def;'",
        "Authorization: eyJabc.def",
        "Bearer eyJabc%2Edef",
        'Bearer "eyJabc.def"',
        'gp_access_token="eyJabc.def"',
    ],
)
def test_a_token_however_it_was_pasted_becomes_the_cookie_that_it_is(pasted: str) -> None:
    assert make_credentials(pasted, "x").cookies == "gp_access_token=eyJabc.def"


@pytest.mark.parametrize(
    ("cookies", "token"),
    [
        ("gp_access_token=eyJabc.def", "eyJabc.def"),
        ("a=1; gp_access_token=eyJabc.def ;gp_user_id=u1", "eyJabc.def"),
        ("gp_access_token=%22eyJabc.def%22", "eyJabc.def"),
        ("gp_user_id=u1; xgp_access_token=eyJabc", None),
        ("gp_access_token=", None),
        ("gp_access_token=a b", None),
        ("gp_access_token=a%0d%0aHost: x", None),
        ("nonsense", None),
    ],
)
def test_the_token_alone_is_found_among_the_cookies_and_never_breaks_a_header(cookies: str, token: str | None) -> None:
    assert Credentials(cookies, "x").token == token


def test_the_secrets_are_the_values_that_are_long_enough_to_be_some() -> None:
    credentials = Credentials("gp_language=en; session=abc%2Fdefgh; gp_access_token=eyJabc.def; flag", "x")
    assert credentials.secrets == ("abc%2Fdefgh", "abc/defgh", "eyJabc.def")


def test_a_pasted_user_agent_is_cleaned_too() -> None:
    assert make_credentials("a=b", ' "User-Agent: Mozilla/5.0\n (X11)" ').user_agent == "Mozilla/5.0 (X11)"


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        (f"gp_access_token={CANARY}", "not JSON"),
        (" ", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (json.dumps([CANARY]), "no JSON object"),
        (json.dumps({"cookie": CANARY, "user-agent": "x"}), "`cookies`"),
        (json.dumps({"cookies": f"a={CANARY}"}), "`user-agent`"),
        (json.dumps({"cookies": {"gp_access_token": CANARY}, "user-agent": "x"}), "`cookies`"),
        (json.dumps({"cookies": " \n", "user-agent": "x"}), "`cookies`"),
        (json.dumps({"cookies": f"a={CANARY}", "user-agent": ""}), "`user-agent`"),
        (json.dumps({"cookies": f"a={CANARY}\u2026", "user-agent": "x"}), "`cookies`"),
        (json.dumps({"cookies": f"a={CANARY}\u0000", "user-agent": "x"}), "`cookies`"),
        (json.dumps({"cookies": f"a={CANARY}", "user-agent": f"{CANARY}\u00e9"}), "`user-agent`"),
        (json.dumps({"cookies": CANARY, "user-agent": "x"}), "`cookies`"),
    ],
)
def test_a_wrong_secret_is_refused_by_key_and_without_its_value(secret: str, named: str) -> None:
    with pytest.raises(CredentialsMalformed) as refusal:
        retrieve(secret)
    assert named in str(refusal.value)
    assert CANARY not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_binary_secret_is_refused() -> None:
    client = make_client()
    with Stubber(client) as stub:
        stub.add_response("get_secret_value", {"SecretBinary": b"x"}, {"SecretId": NAME})
        with pytest.raises(CredentialsMalformed):
            retrieve_credentials(client, NAME)


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ResourceNotFoundException", 400, CredentialsMissing),
        ("InvalidRequestException", 400, CredentialsMissing),
        ("AccessDeniedException", 400, AccessDenied),
        ("DecryptionFailure", 400, AccessDenied),
        ("ValidationException", 400, AccessDenied),
        ("ThrottlingException", 400, SecretUnavailable),
        ("InternalServiceError", 500, SecretUnavailable),
    ],
)
def test_each_refusal_of_secrets_manager_has_its_meaning(code: str, status: int, error: type[CloudSyncError]) -> None:
    client = make_client()
    with Stubber(client) as stub:
        stub.add_client_error("get_secret_value", code, CANARY, status)
        with pytest.raises(error) as refusal:
            retrieve_credentials(client, NAME)
    assert CANARY not in str(refusal.value)


def test_a_secret_without_value_tells_the_command_that_stores_one() -> None:
    client = make_client()
    with Stubber(client) as stub:
        stub.add_client_error("get_secret_value", "ResourceNotFoundException", "", 400)
        with pytest.raises(CredentialsMissing, match=f"put-secret-value --secret-id {NAME}"):
            retrieve_credentials(client, NAME)


def test_no_answer_at_all_is_worth_another_try() -> None:
    client = make_client()

    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://example.test")

    client.meta.events.register("before-send.secretsmanager.GetSecretValue", unreachable)
    with pytest.raises(SecretUnavailable):
        retrieve_credentials(client, NAME)
