"""ResultWriter: ``manifest.json`` and the result files of a Map Run, in AWS's shape.

Shape as documented in the developer guide's page on ResultWriter: one file for each status that occurs, and a manifest
that lists them. Numbering always ends at 0 here: AWS begins a new file at 5 GB only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws.stepfunctions.errors import RESULT_WRITER_FAILED, StatesError
from sandbox.aws.stepfunctions.execution import Execution, ExecutionStatus
from sandbox.aws.stepfunctions.records import iso
from sandbox.aws.stepfunctions.services import Services
from sandbox.aws.stepfunctions.templates import to_json

_FILES = ("SUCCEEDED", "FAILED", "PENDING")


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """Where a Map Run's results go."""

    bucket: str
    prefix: str
    map_run_arn: str

    def key(self, name: str) -> str:
        """Return the key of a file: prefix, the Map Run's id, name."""
        start = f"{self.prefix.rstrip('/')}/" if self.prefix else ""
        return f"{start}{self.map_run_arn.rsplit(':', 1)[1]}/{name}"


def write(services: Services, place: ResultPlace, children: Iterable[Execution]) -> dict[str, Any]:
    """Write the files and return the Map's output; ``States.ResultWriterFailed`` when S3 refuses."""
    sorted_children: dict[str, list[dict[str, Any]]] = {name: [] for name in _FILES}
    for child in children:
        sorted_children[_file_of(child)].append(_entry(child))
    manifest: dict[str, Any] = {
        "DestinationBucket": place.bucket,
        "MapRunArn": place.map_run_arn,
        "ResultFiles": {name: _files(services, place, name, sorted_children[name]) for name in sorted(_FILES)},
    }
    _put(services, place.bucket, place.key("manifest.json"), manifest)
    details = {"Bucket": place.bucket, "Key": place.key("manifest.json")}
    return {"MapRunArn": place.map_run_arn, "ResultWriterDetails": details}


def _file_of(child: Execution) -> str:
    if child.status is ExecutionStatus.SUCCEEDED:
        return "SUCCEEDED"
    return "PENDING" if child.status is ExecutionStatus.RUNNING else "FAILED"


def _files(services: Services, place: ResultPlace, name: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not entries:
        return []
    key = place.key(f"{name}_0.json")
    return [{"Key": key, "Size": _put(services, place.bucket, key, entries)}]


def _entry(child: Execution) -> dict[str, Any]:
    entry: dict[str, Any] = {"Input": to_json(child.input), "InputDetails": {"Included": True}}
    if child.status is ExecutionStatus.RUNNING:
        return entry
    redrivable = child.status is not ExecutionStatus.SUCCEEDED
    entry |= {
        "ExecutionArn": child.arn,
        "Name": child.name,
        "RedriveCount": 0,
        "RedriveStatus": "REDRIVABLE_BY_MAP_RUN" if redrivable else "NOT_REDRIVABLE",
        "StartDate": iso(child.started_at),
        "StateMachineArn": child.machine.arn,
        "Status": child.status.value,
        "StopDate": iso(child.stopped_at or child.started_at),
    }
    entry["OutputDetails"] = {"Included": True}
    if child.status is ExecutionStatus.SUCCEEDED:
        reason = "Execution is SUCCEEDED and cannot be redriven"
        return entry | {"Output": to_json(child.output), "RedriveStatusReason": reason}
    return entry | {
        name: value for name, value in (("Error", child.error), ("Cause", child.cause)) if value is not None
    }


def _put(services: Services, bucket: str, key: str, content: list[Any] | Mapping[str, Any]) -> int:
    body = json.dumps(content, separators=(",", ":")).encode("utf-8")
    try:
        services.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise StatesError(RESULT_WRITER_FAILED, f"S3 refuses to write s3://{bucket}/{key}: {code}") from None
    except BotoCoreError as error:
        cause = f"Writing s3://{bucket}/{key} failed: {type(error).__name__}"
        raise StatesError(RESULT_WRITER_FAILED, cause) from None
    return len(body)
