"""The GoPro login as a person stored it: read from Secrets Manager, cleaned of what copying and pasting adds.

No message made here holds any part of a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cloud_sync_common.edges.aws_errors import Meaning, code_of, meaning_of
from cloud_sync_common.errors import (
    AccessDenied,
    CloudSyncError,
    CredentialsMalformed,
    CredentialsMissing,
    SecretUnavailable,
)
from cloud_sync_common.rules.cookies import access_token, clean_cookies, secret_values, without_prefix

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

COOKIES, USER_AGENT = "cookies", "user-agent"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A whole Cookie header and the browser's User-Agent; printing one shows neither."""

    cookies: str
    user_agent: str

    def __repr__(self) -> str:
        return "Credentials([redacted])"

    @property
    def token(self) -> str | None:
        """The access token alone, for a Bearer header; ``None`` when the cookies hold none."""
        return access_token(self.cookies)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must not appear in any log, whatever surrounds them."""
        return secret_values(self.cookies)


def retrieve_credentials(client: SecretsManagerClient, secret_name: str) -> Credentials:
    """Read the secret ``secret_name``: JSON with ``cookies`` and ``user-agent``.

    Raises `CredentialsMissing` (no value yet), `CredentialsMalformed` (names the key, never its value), `AccessDenied`,
    or `SecretUnavailable` once botocore's own retries are used up.
    """
    try:
        answer = client.get_secret_value(SecretId=secret_name)
    except (ClientError, BotoCoreError) as error:
        raise _unreadable(error, secret_name) from None
    return parse_secret(answer.get("SecretString"), secret_name)


def parse_secret(value: object, secret_name: str) -> Credentials:
    """Read the secret's text; raises `CredentialsMalformed`."""
    if not isinstance(value, str):
        raise CredentialsMalformed(f"the secret {secret_name} holds no text; {_how_to_store(secret_name)}")
    try:
        fields = json.loads(value)
    except (ValueError, RecursionError):
        raise CredentialsMalformed(f"the secret {secret_name} is not JSON; {_how_to_store(secret_name)}") from None
    if not isinstance(fields, Mapping):
        raise CredentialsMalformed(f"the secret {secret_name} is no JSON object; {_how_to_store(secret_name)}")
    for key in (COOKIES, USER_AGENT):
        if not isinstance(fields.get(key), str):
            raise CredentialsMalformed(f"the secret {secret_name} has no text `{key}`; {_how_to_store(secret_name)}")
    return make_credentials(fields[COOKIES], fields[USER_AGENT])


def make_credentials(cookies: str, user_agent: str) -> Credentials:
    """Return credentials that can be sent as headers, cleaned; raises `CredentialsMalformed` naming the key."""
    return Credentials(
        cookies=_sendable(clean_cookies(cookies), COOKIES),
        user_agent=_sendable(" ".join(without_prefix(user_agent, "user-agent:").split()), USER_AGENT),
    )


def _sendable(value: str, key: str) -> str:
    if not value:
        raise CredentialsMalformed(f"`{key}` in the secret is empty; copy the whole header from the browser")
    if not value.isascii() or not value.isprintable():
        raise CredentialsMalformed(
            f"`{key}` in the secret has a character that no header has (browsers shorten long values with an ellipsis);"
            " copy the whole header again"
        )
    if key == COOKIES and "=" not in value:
        raise CredentialsMalformed("`cookies` in the secret holds no cookie (name=value); copy the whole Cookie header")
    return value


def _unreadable(error: ClientError | BotoCoreError, secret_name: str) -> CloudSyncError:
    code = code_of(error)
    if code == "ResourceNotFoundException":
        return CredentialsMissing(f"no GoPro cookies are stored yet; {_how_to_store(secret_name)}")
    if code == "InvalidRequestException":
        return CredentialsMissing(
            f"the secret {secret_name} is marked for deletion; run `aws secretsmanager restore-secret --secret-id"
            f" {secret_name}`"
        )
    if code == "DecryptionFailure" or isinstance(error, NoCredentialsError):
        return AccessDenied(
            f"the secret {secret_name} cannot be decrypted or read ({code}); check its KMS key and role"
        )
    meaning = meaning_of(error)
    if meaning in {Meaning.DENIED, Meaning.REFUSED}:
        return AccessDenied(f"Secrets Manager refuses to give {secret_name} ({code}); check the function's role")
    return SecretUnavailable(f"Secrets Manager does not answer properly for {secret_name} ({code})")


def _how_to_store(secret_name: str) -> str:
    return (
        f"store them with: aws secretsmanager put-secret-value --secret-id {secret_name} --secret-string"
        """ '{"cookies": "...", "user-agent": "..."}'"""
    )
