"""The secret that a person pastes the browser's cookies into."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct


class CredentialsSecret(Construct):
    """A secret without a value, or the adopted one. A value from here would sit in the template for all to read.

    ``arn`` is what roles are given: exact for our own, and with AWS's six random characters open for an adopted one,
    whose full ARN cannot be known without asking AWS.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, existing: bool) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self.arn = self._pattern() if existing else self._new_secret()

    def _pattern(self) -> str:
        return cdk.Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{self.name}-??????",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def _new_secret(self) -> str:
        secret = secretsmanager.CfnSecret(
            self,
            "Secret",
            name=self.name,
            description="GoPro login of the archive: JSON with 'cookies' (the whole Cookie header) and 'user-agent'.",
        )
        secret.apply_removal_policy(cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        return secret.ref
