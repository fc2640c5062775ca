"""The topic that tells a person what only a person can mend."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from constructs import Construct


class AlertTopic(Construct):
    """A topic for failed runs and refused cookies, TLS only, with one e-mail subscriber if there is an address.

    Without a key of its own: messages hold counts and instructions, and later publishers (alarms) could not use one.
    """

    def __init__(self, scope: Construct, construct_id: str, *, email: str) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name="GoPro cloud sync", enforce_ssl=True)
        if email:
            sns.Subscription(self, "Email", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email)
