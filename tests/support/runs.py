"""A run's surroundings: execution, services of AWS that ``run_control`` asks, and the report's reader."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloud_sync_common.edges.executions import Executions, Notifier, SecretState
from cloud_sync_common.edges.runs_bucket import RunsBucket, run_key
from cloud_sync_common.models import MediaId, PieceId, Status
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.rules.events import Execution
from cloud_sync_common.services.reporting import Reporting
from cloud_sync_common.services.run_control import RunControl, RunLimits
from tests.support.aws import REGION, SECRET_NAME, Account, make_client

START = "2026-01-31T12:00:00Z"
START_SECONDS = 1_769_860_800
NO_MEDIA: dict[str, Any] = {
    **{"listed": 0, "already_synced": 0, "queued": 0, "missing": 0, "problems": 0, "unknown": 0},
    "skipped": [],
}
"""The summary of an empty library."""

_ROLE = "arn:aws:iam::123456789012:role/any"


@dataclass
class Runs:
    """``RunControl`` in an account with a state machine, a secret, a topic and a queue that gets its mails."""

    aws: Account
    runs: RunsBucket
    now: int = START_SECONDS + 65
    metrics: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        """Make what the stack has."""
        self._sfn = make_client("stepfunctions")
        definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}})
        machine = self._sfn.create_state_machine(name="sync", definition=definition, roleArn=_ROLE)
        self._machine = machine["stateMachineArn"]
        self._secrets = make_client("secretsmanager")
        self._secrets.create_secret(Name=SECRET_NAME)
        self._sns, self._sqs = make_client("sns"), make_client("sqs")
        self._topic = self._sns.create_topic(Name="alerts")["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        queue_arn = f"arn:aws:sqs:{REGION}:123456789012:mailbox"
        self._sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=queue_arn)

    def store_cookies(self) -> None:
        """What a person does after the first deployment."""
        self._secrets.put_secret_value(SecretId=SECRET_NAME, SecretString='{"cookies": "c4n4ry", "user-agent": "x"}')

    def start(self, name: str) -> Execution:
        """A running execution."""
        arn = self._sfn.start_execution(stateMachineArn=self._machine, name=name)["executionArn"]
        return Execution(arn, name, START)

    def start_elsewhere(self, machine: str, name: str) -> str:
        """The ARN of a running execution of another state machine, such as one of a former stack."""
        definition = self._sfn.describe_state_machine(stateMachineArn=self._machine)["definition"]
        other = self._sfn.create_state_machine(name=machine, definition=definition, roleArn=_ROLE)
        return str(self._sfn.start_execution(stateMachineArn=other["stateMachineArn"], name=name)["executionArn"])

    def stop(self, execution: Execution) -> None:
        """End it as if by the console's Stop."""
        self._sfn.stop_execution(executionArn=execution.arn)

    def lose_the_topic(self) -> None:
        """Let no mail be sent any more."""
        self._sns.delete_topic(TopicArn=self._topic)

    @property
    def reporting(self) -> Reporting:
        """What builds reports."""
        return Reporting(self.aws.tracker, self.aws.ledger, self.runs, lambda: self.now, not_ready_alarm_days=7)

    @property
    def control(self) -> RunControl:
        """The service."""
        return RunControl(
            tracker=self.aws.tracker,
            ledger=self.aws.ledger,
            runs=self.runs,
            executions=Executions(self._sfn),
            secret=SecretState(self._secrets, SECRET_NAME),
            notifier=Notifier(self._sns, self._topic),
            reporting=self.reporting,
            metrics=MetricsPublisher(self.metrics, lambda: 0.0),
            environment="prod",
            limits=RunLimits(8, 5),
            now=lambda: self.now,
            now_text=lambda: "now",
        )

    def mails(self) -> list[dict[str, Any]]:
        """What the topic has sent so far, each once."""
        received = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in received]

    def document(self, execution: Execution, name: str) -> Any:
        """One of the run's documents."""
        return self.runs.get_json(run_key(execution.run_id, name))

    def listed(self, execution: Execution, *queued: str, **summary: Any) -> None:
        """What ``media_lister`` leaves behind."""
        manifest = [{"media_id": one, "filename": f"{one}.MP4", "file_size": 0, "upload_date": None} for one in queued]
        counts = {**NO_MEDIA, "queued": len(queued), **summary}
        counts["listed"] = counts["already_synced"] + counts["queued"] + len(counts["skipped"])
        self.runs.put_json(run_key(execution.run_id, "manifest.json"), manifest)
        self.runs.put_json(run_key(execution.run_id, "summary.json"), counts)

    def claim(self, run_id: str, media_id: str) -> int:
        """What a downloader does first."""
        seen = (self.aws.tracker.medium(MediaId(media_id)) or {}).get("generation", 0)
        return self.aws.tracker.claim(
            MediaId(media_id), seen=seen, owner=run_id, now=self.now, expires=self.now + 900, facts={"run_id": run_id}
        )

    def finish(self, run_id: str, media_id: str, status: Status, **facts: Any) -> None:
        """What a downloader does last."""
        done = {"completed_run_id": run_id} if status == Status.COMPLETED else {}
        generation = self.claim(run_id, media_id)
        self.aws.tracker.finish_medium(MediaId(media_id), generation, status, {**done, **facts})

    def archive_piece(self, run_id: str, media_id: str, piece_id: str = "source-1", **facts: Any) -> Mapping[str, Any]:
        """A piece that is proven, under a fresh claim."""
        row = {
            "run_id": run_id,
            "status": Status.COMPLETED,
            "key": f"gopro-videos/2026/01/{media_id}/{piece_id}.MP4",
            "size": 1_000,
            "crc64nvme": "AAAAAAAAAAA=",
            "quality": "source",
            "label": "source",
            "position": 1,
            **facts,
        }
        self.aws.tracker.write_piece(MediaId(media_id), PieceId(piece_id), self.claim(run_id, media_id), row)
        return row
