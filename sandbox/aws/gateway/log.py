"""The record of the calls that were made to moto's services."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

KEPT = (
    "SecretId", "KeyId", "TopicArn", "TargetArn", "QueueUrl", "QueueName", "FunctionName", "Name", "GroupName",
    "TableName", "executionArn", "stateMachineArn", "mapRunArn", "name", "logGroupName", "logStreamName", "RoleName",
    "RoleArn", "namespace", "Namespace",
)  # fmt: skip
"""Parameters that name what a call is about, in the services' own spelling; only text is kept of them."""

MEMBERS = "Members"
"""Of a DynamoDB call: one entry for each table, index or row that it touches."""

CONTEXT_KEYS = "EncryptionContext"
"""Of a direct KMS call."""


def resource_of(parameters: Mapping[str, Any]) -> str:
    """Return what a call is about, for those who plan faults: its tables, or the first of its names."""
    touched: Sequence[Mapping[str, Any]] = parameters.get(MEMBERS, ())
    if touched:
        return ",".join(dict.fromkeys(str(member["TableName"]) for member in touched))
    return next((parameters[name] for name in KEPT if name in parameters), "")


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call. ``number`` counts from 1 in the order of arrival.

    ``service`` is IAM's prefix for it (``dynamodb``, ``states``), ``operation`` the API's name. ``parameters`` hold
    only names, ARNs and the partition keys of rows (see ``parameters``). ``owner`` is whom the access key was issued
    to, ``None`` for a key that was not issued here. ``status`` is that of the answer, even of one that was then held
    back by order; 0: there was none. ``error`` is an error's code.
    """

    number: int
    service: str
    operation: str
    parameters: Mapping[str, Any]
    access_key_id: str | None
    owner: str | None
    status: int
    error: str | None = None

    @property
    def resource(self) -> str:
        """What the call is about."""
        return resource_of(self.parameters)


class CallLog:
    """Calls in the order of their arrival; one that is under way has status 0. Thread-safe."""

    def __init__(self) -> None:
        self._calls: list[ApiCall] = []
        self._lock = threading.Lock()

    def arrived(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        access_key_id: str | None,
        owner: str | None,
    ) -> int:
        """Enter a call whose request has arrived, and return its number."""
        with self._lock:
            number = len(self._calls) + 1
            self._calls.append(ApiCall(number, service, operation, parameters, access_key_id, owner, 0))
        return number

    def ended(self, number: int, status: int, error: str | None) -> None:
        """Say how a call was answered."""
        with self._lock:
            self._calls[number - 1] = replace(self._calls[number - 1], status=status, error=error)

    def calls(self) -> list[ApiCall]:
        """Return every call so far."""
        with self._lock:
            return list(self._calls)
