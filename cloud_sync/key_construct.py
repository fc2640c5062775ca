"""The customer-managed key that encrypts the archive."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

ROTATION_DAYS = 2560
"""The longest that KMS allows. Its first two rotations add $1 a month each, for ever (KMS pricing): yearly ones would
treble the price of the key, and old data stays under the old key material in any case."""


class ArchiveKey(Construct):
    """A KMS key that outlives the stack, or the adopted one: without its key an archive cannot be read.

    Like bucket and secret it goes again if the very deployment that makes it fails (``RetainExceptOnCreate``): an empty
    key would cost $1 a month, and a secret's name would be taken at the next try.
    """

    def __init__(self, scope: Construct, construct_id: str, *, existing_key: str) -> None:
        super().__init__(scope, construct_id)
        self.key: kms.IKey = kms.Key.from_key_arn(self, "Key", existing_key) if existing_key else self._new_key()

    def _new_key(self) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            description="Encrypts the GoPro archive. Deleting it makes the archive unreadable.",
            enable_key_rotation=True,
            rotation_period=cdk.Duration.days(ROTATION_DAYS),
            pending_window=cdk.Duration.days(30),
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
