"""Events that AWS's services send by themselves, and the rules that start something for them.

The one source is Secrets Manager: it sends ``Secret Label Updated`` when a staging label moves to another version, for
all labels but AWSPENDING and AWSPREVIOUS (Secrets Manager user guide, "Secret Label Updated event"). A label that moved
twice between two looks is one event here.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.aws.event_pattern import Event, matches
from sandbox.aws.targets import Firing, Letter, deliver, new_start

_SILENT = frozenset({"AWSPENDING", "AWSPREVIOUS"})

Labels = Mapping[tuple[str, str], str]
"""Secret's name and staging label to the id of the version that has it."""


class Secrets:
    """Tells as events which labels of the account's secrets have moved since it looked last."""

    def __init__(self, client: Callable[[str], Any], region: str, account: str) -> None:
        self._client = client
        self._place = {"account": account, "region": region}
        self._seen = self._labels()

    def moved(self) -> list[Event]:
        """Return an event for each label that has moved since the last call, or since this object was made."""
        before, self._seen = self._seen, self._labels()
        return [
            self._event(name, label, version)
            for (name, label), version in self._seen.items()
            if label not in _SILENT and before.get((name, label)) != version
        ]

    def _labels(self) -> Labels:
        pages = self._client("secretsmanager").get_paginator("list_secrets").paginate()
        return {
            (secret["Name"], label): version
            for page in pages
            for secret in page["SecretList"]
            for version, labels in secret.get("SecretVersionsToStages", {}).items()
            for label in labels
        }

    def _event(self, name: str, label: str, version: str) -> Event:
        arn = self._client("secretsmanager").describe_secret(SecretId=name)["ARN"]
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Secret Label Updated",
            "source": "aws.secretsmanager",
            **self._place,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "resources": [arn],
            "detail": {"name": name, "labelUpdated": label, "versionId": version},
        }


def send(client: Callable[[str], Any], event: Event) -> list[Firing]:
    """Start the targets of every enabled rule of the default bus whose pattern the event matches."""
    return [firing for rule in _matching(client("events"), event) for firing in _fired(client, rule, event)]


def _matching(events: Any, event: Event) -> Iterator[Mapping[str, Any]]:
    for page in events.get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            pattern = rule.get("EventPattern")
            if pattern and rule["State"] == "ENABLED" and matches(json.loads(pattern), event):
                yield rule


def _fired(client: Callable[[str], Any], rule: Mapping[str, Any], event: Event) -> Iterator[Firing]:
    text = json.dumps(event)
    for page in client("events").get_paginator("list_targets_by_rule").paginate(Rule=rule["Name"]):
        for target in page["Targets"]:
            start = new_start(rule["Arn"], target, otherwise=text)
            # EventBridge user guide, "Using dead-letter queues to process undelivered events".
            facts = {"RULE_ARN": str(rule["Arn"]), "TARGET_ARN": str(target["Arn"])}
            yield deliver(client, start, Letter(text, facts))
