"""What all starters of runs have in common: how long they try, and the queue that keeps a start which failed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

MAX_AGE_SECONDS = 3600
"""An hour of tries: a run that starts later than that had better wait for its next turn."""

MAX_RETRIES = 10

INPUT = "{}"
"""A run's input from its starters: everything that is new."""


def dead_letter_queue(scope: Construct) -> sqs.Queue:
    """Return a queue of 14 days, encrypted and TLS only. A message in it names a run that never began."""
    return sqs.Queue(
        scope,
        "DeadLetters",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
    )
