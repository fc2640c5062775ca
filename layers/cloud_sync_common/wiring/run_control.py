"""The service behind ``run_control``."""

from __future__ import annotations

from cloud_sync_common.edges.executions import Executions, Notifier, SecretState
from cloud_sync_common.services.reporting import Reporting
from cloud_sync_common.services.run_control import RunControl, RunLimits
from cloud_sync_common.wiring.clocks import now, now_text
from cloud_sync_common.wiring.process import Wiring


def run_control(wired: Wiring) -> RunControl:
    """Begins and ends runs."""
    environment = wired.environment
    return RunControl(
        tracker=wired.tracker,
        ledger=wired.ledger,
        runs=wired.runs,
        executions=Executions(wired.client("stepfunctions")),
        secret=SecretState(wired.client("secretsmanager"), environment.text("SECRET_NAME")),
        notifier=Notifier(wired.client("sns"), environment.text("TOPIC_ARN")),
        reporting=Reporting(wired.tracker, wired.ledger, wired.runs, now, environment.number("NOT_READY_ALARM_DAYS")),
        metrics=wired.metrics,
        environment=environment.text("ENVIRONMENT"),
        limits=RunLimits(environment.number("MAX_CONCURRENT_MEDIA"), environment.number("TOLERATED_FAILURES")),
        now=now,
        now_text=now_text,
    )
