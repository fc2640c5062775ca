"""The customer-managed key that encrypts the archive."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct


class ArchiveKey(Construct):
    """A KMS key that outlives the stack, or the adopted one: without its key an archive cannot be read."""

    def __init__(self, scope: Construct, construct_id: str, *, existing_key: str) -> None:
        super().__init__(scope, construct_id)
        self.key: kms.IKey = kms.Key.from_key_arn(self, "Key", existing_key) if existing_key else self._new_key()

    def _new_key(self) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            description="Encrypts the GoPro archive. Deleting it makes the archive unreadable.",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(30),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
