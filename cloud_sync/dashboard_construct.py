"""One small board: do runs work, what comes in, what fails, are the functions well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cloud_sync.settings import Settings

NAMESPACE, PROVIDER = "GoProSync", "gopro"
"""What the functions publish under (``observability/metrics.py``, ``rules/attributes.py``)."""

_DAY = cdk.Duration.days(1)
_MINUTES = cdk.Duration.minutes(5)
_WHOLE_WIDTH, _THIRD = 24, 8
_HEIGHT = 6


class SyncDashboard(Construct):
    """A CloudWatch dashboard over two weeks; three in an account are free, each further one is $3 a month.

    It only reads metrics that are there anyway, so it adds none. Each row is one question; alarms of a later version
    get a row of their own in front. Named after stack and region, for dashboards are global in an account
    (API_PutDashboard).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        machine: sfn.IStateMachine,
        functions: Mapping[str, lambda_.IFunction],
        dead_letters: Mapping[str, sqs.IQueue],
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.stage
        self.name = f"{settings.stack_name}-{cdk.Aws.REGION}"
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=self.name,
            default_interval=cdk.Duration.days(14),
            widgets=[
                self._runs(machine),
                self._media(),
                self._failures(dead_letters),
                _functions(functions, settings.function_timeout_seconds),
            ],
        )

    def _runs(self, machine: sfn.IStateMachine) -> list[cloudwatch.IWidget]:
        metrics = (
            machine.metric_started(label="started", period=_DAY),
            machine.metric_succeeded(label="succeeded", period=_DAY),
            machine.metric_failed(label="failed", period=_DAY),
            machine.metric_timed_out(label="timed out", period=_DAY),
            machine.metric_aborted(label="stopped by hand", period=_DAY),
        )
        return [_graph("Runs a day", metrics, width=_WHOLE_WIDTH)]

    def _media(self) -> list[cloudwatch.IWidget]:
        return [
            _graph("Media archived a day", [self._published("VideosSynced", "media")], width=_THIRD),
            _graph("Bytes archived a day", [self._published("BytesTransferred", "bytes")], width=_THIRD),
            _graph(
                "Megabits a second, of each medium",
                [
                    self._published("TransferThroughput", "median", statistic="p50"),
                    self._published("TransferThroughput", "slowest tenth", statistic="p10"),
                ],
                width=_THIRD,
            ),
        ]

    def _failures(self, dead_letters: Mapping[str, sqs.IQueue]) -> list[cloudwatch.IWidget]:
        """Failures by their reason: a search finds reasons that nobody has seen yet."""
        wanted = f'MetricName="SyncFailures" Provider="{PROVIDER}" Environment="{self._stage}"'
        schema = f"{{{NAMESPACE},Provider,Environment,ErrorType}}"
        reasons = cloudwatch.SearchExpression(
            expression=f"SEARCH('{schema} {wanted}', 'Sum', {_DAY.to_seconds():.0f})",
            label="",
            period=_DAY,
        )
        waiting = [
            queue.metric_approximate_number_of_messages_visible(label=label, statistic="Maximum", period=_MINUTES)
            for label, queue in dead_letters.items()
        ]
        return [
            _graph("Failed media a day", [self._published("SyncFailures", "failures")], width=_THIRD),
            _graph("Failed media a day, by reason", [reasons], width=_THIRD),
            _graph("Starts that failed (dead letters)", waiting, width=_THIRD),
        ]

    def _published(self, metric: str, label: str, *, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return a metric of the functions' own."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=metric,
            dimensions_map={"Provider": PROVIDER, "Environment": self._stage},
            statistic=statistic,
            period=_DAY,
            label=label,
        )


def _functions(functions: Mapping[str, lambda_.IFunction], timeout_seconds: int) -> list[cloudwatch.IWidget]:
    """Errors and throttles count tries, so a few are no harm: the state machine tries again."""
    limit = cloudwatch.HorizontalAnnotation(
        value=timeout_seconds * 1000, label="time-out of the transferring functions"
    )
    return [
        _graph(
            "Functions: errors",
            [function.metric_errors(label=label, period=_MINUTES) for label, function in functions.items()],
            width=_THIRD,
        ),
        _graph(
            "Functions: throttles",
            [function.metric_throttles(label=label, period=_MINUTES) for label, function in functions.items()],
            width=_THIRD,
        ),
        _graph(
            "Functions: duration, p99, in milliseconds",
            [
                function.metric_duration(label=label, statistic="p99", period=_MINUTES)
                for label, function in functions.items()
            ],
            width=_THIRD,
            limits=[limit],
        ),
    ]


def _graph(
    title: str,
    metrics: Sequence[cloudwatch.IMetric],
    *,
    width: int,
    limits: Sequence[cloudwatch.HorizontalAnnotation] = (),
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        left_annotations=list(limits),
        width=width,
        height=_HEIGHT,
    )
