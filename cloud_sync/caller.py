"""Whose AWS account the shell's credentials open: asked before anything is deployed there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    EndpointConnectionError,
    LoginError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

DEFAULT_REGION = "us-east-1"
"""Where the CDK's command line deploys to if neither environment nor profile names a region."""

BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
"""The parameter that ``cdk bootstrap`` leaves in every account and region that it prepared
(https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html)."""

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_WAYS = "docs/DEPLOY.md, 'Credentials', shows how to get some"


class CallerError(Exception):
    """AWS cannot be asked with this shell's credentials; the message is one line and says what to do."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and where."""

    account: str
    region: str
    arn: str


def open_session(profile: str | None, environ: Mapping[str, str] = os.environ) -> boto3.Session:
    """Return a session for the account and region that the CDK's command line would use.

    Raises ``CallerError`` for a profile that does not exist, and for configuration files that cannot be read.
    """
    try:
        # The CDK reads AWS_REGION before the profile; botocore knows only AWS_DEFAULT_REGION.
        named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        session = boto3.Session(profile_name=profile, region_name=named)
        return session if session.region_name else boto3.Session(profile_name=profile, region_name=DEFAULT_REGION)
    except ProfileNotFound as error:
        raise CallerError(f"{error}: name a profile of ~/.aws/config; {_WAYS}") from None
    except BotoCoreError as error:
        raise CallerError(explained(error)) from None


def identify(session: boto3.Session) -> Caller:
    """Ask AWS whose credentials these are (GetCallerIdentity, which needs no permission).

    Raises ``CallerError``: none, incomplete, expired, refused, or AWS not reachable.
    """
    try:
        answer = _client(session, "sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise CallerError(explained(error)) from None
    return Caller(answer["Account"], session.region_name, answer["Arn"])


def is_bootstrapped(session: boto3.Session) -> bool | None:
    """Tell whether the CDK can deploy to this account and region; ``None`` if the caller may not ask."""
    try:
        _client(session, "ssm").get_parameter(Name=BOOTSTRAP_VERSION)
    except ClientError as error:
        return False if error.response["Error"]["Code"] == "ParameterNotFound" else None
    except BotoCoreError:
        return None
    return True


def _client(session: boto3.Session, service: Any) -> Any:
    return session.client(service, config=Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2}))


def explained(error: BotoCoreError | ClientError) -> str:
    """Return in one line what keeps AWS from answering, and what to do."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code in _EXPIRED:
            return "the AWS credentials of this shell have expired: sign in again, or export new ones"
        if code == "InvalidClientTokenId":
            # A Region that the account must enable first answers like this as well.
            return (
                f"AWS does not know the credentials of this shell here ({code}): renew them, or, if they work in other "
                f"regions, enable this one in the console under 'Account'; {_WAYS}"
            )
        return f"AWS refuses the credentials of this shell ({code}): renew them; {_WAYS}"
    return _without_answer(error)


def _without_answer(error: BotoCoreError) -> str:
    if isinstance(error, NoCredentialsError):
        return f"no AWS credentials found in this shell; {_WAYS}"
    if isinstance(error, PartialCredentialsError):
        return f"the AWS credentials of this shell are incomplete ({error.kwargs['cred_var']} is missing); {_WAYS}"
    if isinstance(error, SSOError | TokenRetrievalError | LoginError):
        command = "aws login" if isinstance(error, LoginError) else "aws sso login"
        return f"the AWS sign-in of this shell is over: run '{command}' again, with --profile if you use one"
    if isinstance(error, ConfigParseError):
        return f"{error.kwargs['path']} is not a file as 'aws configure' writes it: correct it"
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached ({error.kwargs['endpoint_url']}): check the network, and that the region exists"
    return f"AWS cannot be asked: {' '.join(str(error).split())}"
