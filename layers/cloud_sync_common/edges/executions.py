"""Step Functions and Secrets Manager, as far as ``run_control`` asks them anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud_sync_common.edges.aws_errors import AWS_ERRORS, Meaning, code_of, meaning_of
from cloud_sync_common.errors import AccessDenied, SecretUnavailable, TrackerUnavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient

SUBJECT_MOST = 99
"""Characters of an SNS subject ("less than 100"); it must be ASCII."""


@dataclass(frozen=True, slots=True)
class Executions:
    """Whether another execution still runs."""

    client: SFNClient

    def is_running(self, arn: str) -> bool:
        """False for one that ended, and for one that Step Functions no longer knows (90 days after it closed)."""
        try:
            return self.client.describe_execution(executionArn=arn)["status"] == "RUNNING"
        except AWS_ERRORS as error:
            if code_of(error) in ("ExecutionDoesNotExist", "InvalidArn"):
                return False
            if meaning_of(error) in (Meaning.DENIED, Meaning.REFUSED):
                raise AccessDenied(f"Step Functions refuses the call ({code_of(error)})") from error
            raise TrackerUnavailable(f"Step Functions does not answer properly ({code_of(error)})") from error


@dataclass(frozen=True, slots=True)
class SecretState:
    """Whether the secret has a value, without reading it."""

    client: SecretsManagerClient
    secret_name: str

    def has_value(self) -> bool:
        """True once somebody has stored a current version."""
        try:
            answer = self.client.describe_secret(SecretId=self.secret_name)
        except AWS_ERRORS as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            if meaning_of(error) in (Meaning.DENIED, Meaning.REFUSED):
                raise AccessDenied(f"Secrets Manager refuses the call ({code_of(error)})") from error
            raise SecretUnavailable(f"Secrets Manager does not answer properly ({code_of(error)})") from error
        return any("AWSCURRENT" in stages for stages in answer.get("VersionIdsToStages", {}).values())


@dataclass(frozen=True, slots=True)
class Notifier:
    """Tells a person by e-mail. Raises botocore's exceptions: whoever calls decides that a run does not fail of it."""

    client: SNSClient
    topic_arn: str

    def publish(self, subject: str, message: str) -> None:
        """Send one message; the subject is cut to what SNS takes."""
        plain = subject.encode("ascii", "replace").decode("ascii").replace("\n", " ")[:SUBJECT_MOST]
        self.client.publish(TopicArn=self.topic_arn, Subject=plain, Message=message)
