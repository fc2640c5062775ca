"""``run_control``: begins a run, records what died, ends a run. The only writer of run rows and the run lock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cloud_sync_common.edges.aws_errors import AWS_ERRORS
from cloud_sync_common.edges.executions import Executions, Notifier, SecretState
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket, run_key
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.models import MediaId, Outcome
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.rules.advice import ERROR_NAMES, failure_of
from cloud_sync_common.rules.attributes import PROVIDER
from cloud_sync_common.rules.events import Execution
from cloud_sync_common.rules.outcomes import download_result
from cloud_sync_common.rules.report import RunStatus, skipped_report
from cloud_sync_common.rules.report_text import to_markdown
from cloud_sync_common.rules.run_request import parse_run_request
from cloud_sync_common.services.reporting import Reporting

logger = logging.getLogger(__name__)

ERROR_TYPES = ERROR_NAMES | {
    *("Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "Lambda.Unknown", "States.Timeout"),
    "Lambda.TooManyRequestsException",
}
"""The closed list of the metric's ErrorType; each costs $0.30 a month once it occurs."""
OTHER = "Other"
RUN_ROW_DAYS = 400
MAIL_BYTES = 200_000
"""Of one notification; SNS takes 256 KiB."""
NOTIFIED = frozenset({RunStatus.FAILED.value, RunStatus.PARTIAL.value})


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Settings that the state machine reads from ``begin``'s result."""

    max_concurrency: int
    tolerated_failures: int


@dataclass(frozen=True, slots=True)
class RunControl:
    """Begin, record_failure and end. Every method can be repeated. Edges are passed in."""

    tracker: Tracker
    ledger: RunLedger
    runs: RunsBucket
    executions: Executions
    secret: SecretState
    notifier: Notifier
    reporting: Reporting
    metrics: MetricsPublisher
    environment: str
    limits: RunLimits
    now: Callable[[], int]
    now_text: Callable[[], str]

    def begin(self, execution: Execution, raw_input: object) -> dict[str, Any]:
        """Check the input and take the run lock.

        ``decision`` is ``PROCEED``, or ``SKIP`` when another run is alive or no cookies are stored yet. Raises
        ``InvalidInput`` before anything is written.
        """
        request = parse_run_request(raw_input)
        run_id = execution.run_id
        if not self.secret.has_value():
            return self._skip(run_id, f"no cookies are stored yet in the secret {self.secret.secret_name}")
        if not request.dry_run:
            holder = self._take_lock(execution)
            if holder is not None:
                return self._skip(run_id, f"run {holder} is still at work")
        assert isinstance(raw_input, Mapping)  # noqa: S101 - parse_run_request has refused anything else
        self.runs.put_json(run_key(run_id, "request.json"), dict(raw_input))
        if not request.dry_run:
            self._write_run_row(execution)
        return self._begun(run_id, "PROCEED", RunStatus.SUCCEEDED, "")

    def record_failure(self, run_id: str, media_id: MediaId, error: Mapping[str, Any]) -> dict[str, Any]:
        """Mark a medium FAILED whose function was killed or kept failing; harmless if it has finished meanwhile."""
        row = self.tracker.medium(media_id) or {}
        name, reason = failure_of(error)
        facts = {
            "reason": reason,
            "attempts": row.get("attempts", 0) + 1,
            "updated_at": self.now_text(),
        }
        seen = row.get("generation", 0)
        if self.tracker.fail_unfinished(media_id, run_id=run_id, seen=seen, now=self.now(), facts=facts):
            self.metrics.record_sync_failure(
                provider=PROVIDER, environment=self.environment, error_type=name if name in ERROR_TYPES else OTHER
            )
        return download_result(media_id, Outcome.FAILED)

    def end(self, execution: Execution, error: Mapping[str, Any]) -> dict[str, Any]:
        """Write the report, tell a person if one should know, release the lock.

        In this order, so that whatever is interrupted is done again by a retry. The result is the execution's output:
        small, and every key always there.
        """
        run_id = execution.run_id
        report, ending = self.reporting.build(execution, error)
        self._store(report)
        row = self.ledger.run(run_id) or {}
        if "ended_at" not in row:
            self._notify(report)
        if row:
            self.ledger.end(run_id, {"status": report["status"], "ended_at": self.now_text()})
        self.ledger.release_lock(execution.arn)
        logger.info("run ended", extra={"run_id": run_id, "status": report["status"], **report["counts"]})
        return self._ended(report, ending.error)

    # Begin

    def _take_lock(self, execution: Execution) -> str | None:
        """Take the lock; the id of the run that holds it if that one is alive."""
        facts = {"run_id": execution.run_id, "taken_at": self.now_text()}
        if self.ledger.take_lock(execution.arn, facts):
            return None
        held = self.ledger.lock()
        if held is None:
            return self._take_lock_instead_of(execution, "", facts)
        owner = str(held["lock_owner"])
        if _machine_of(owner) == _machine_of(execution.arn) and self.executions.is_running(owner):
            return str(held.get("run_id", owner))
        logger.warning("taking over the run lock of %s, which is no longer running", owner)
        # Before the lock is ours: were this invocation killed in between, nobody would know of the dead run any more,
        # and its leases would stand in the way until they expire.
        self._abandon(held.get("run_id"))
        return self._take_lock_instead_of(execution, owner, facts)

    def _abandon(self, dead_run: object) -> None:
        if isinstance(dead_run, str) and (self.ledger.run(dead_run) or {}).get("status") == "RUNNING":
            self.ledger.end(dead_run, {"status": "ABANDONED", "ended_at": self.now_text()})

    def _take_lock_instead_of(self, execution: Execution, owner: str, facts: dict[str, Any]) -> str | None:
        if not self.ledger.take_lock(execution.arn, facts, instead_of=owner or None):
            return "that began at the same time"
        return None

    def _write_run_row(self, execution: Execution) -> None:
        self.ledger.begin(
            execution.run_id,
            {
                "execution_arn": execution.arn,
                "started_at": execution.started_at,
                "expires_at": self.now() + RUN_ROW_DAYS * 86_400,
            },
        )

    def _skip(self, run_id: str, reason: str) -> dict[str, Any]:
        report = skipped_report(run_id, reason)
        self._store(report)
        return self._begun(run_id, "SKIP", RunStatus.SKIPPED, reason)

    def _begun(self, run_id: str, decision: str, status: RunStatus, reason: str) -> dict[str, Any]:
        return {
            **self._ended({**skipped_report(run_id, reason), "status": status.value}, ""),
            "decision": decision,
            "results_prefix": run_key(run_id, "results"),
            "limits": {
                "max_concurrency": self.limits.max_concurrency,
                "tolerated_failures": self.limits.tolerated_failures,
            },
        }

    # End

    def _store(self, report: Mapping[str, Any]) -> None:
        run_id = str(report["run"])
        # The run's own reason is in report.md and the execution's output; the shape of the JSON is a contract.
        document = {name: value for name, value in report.items() if name != "reason"}
        self.runs.put_json(run_key(run_id, "report.json"), document)
        self.runs.put_text(run_key(run_id, "report.md"), to_markdown(report), "text/markdown")

    def _notify(self, report: Mapping[str, Any]) -> None:
        """A mail that cannot be sent never fails a run (fault F58)."""
        if report["status"] not in NOTIFIED:
            return
        try:
            self.notifier.publish(
                f"GoPro sync {report['status']}: {report['reason']}",
                _cut(f"{report['reason']}\n\n{to_markdown(report)}"),
            )
        except AWS_ERRORS as error:
            logger.error("the notification could not be sent: %s", type(error).__name__)  # noqa: TRY400 - no traceback

    def _ended(self, report: Mapping[str, Any], error: str) -> dict[str, Any]:
        failed = report["status"] == RunStatus.FAILED.value
        return {
            "run_id": report["run"],
            "status": report["status"],
            "counts": report["counts"],
            "bytes_transferred": report["bytes_transferred"],
            "seconds": report["seconds"],
            "report_key": run_key(str(report["run"]), "report.json"),
            "error": (error or "RunFailed") if failed else "",
            "reason": report["reason"],
        }


def _machine_of(execution_arn: str) -> str:
    """The state machine's part of an execution's ARN; a lock of a former stack's machine is nobody's any more."""
    return execution_arn.rpartition(":")[0]


def _cut(mail: str) -> str:
    """A mail of at most ``MAIL_BYTES``; a shorter one says that it is."""
    if len(mail.encode()) <= MAIL_BYTES:
        return mail
    kept = mail.encode()[:MAIL_BYTES].decode(errors="ignore")
    return f"{kept}\n\nCut here; report.md in the runs bucket has the rest."
