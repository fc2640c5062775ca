"""Builds the services out of the environment: the one place that knows variables, clients and clocks.

Everything is built on first use and kept for the life of the function's process, so that warm invocations reuse
connections; nothing happens at import. Credentials are read from the secret once in an invocation.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache, wraps
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config

from cloud_sync_common.edges.archive import Archive
from cloud_sync_common.edges.credentials import Credentials, retrieve_credentials
from cloud_sync_common.edges.executions import Executions, Notifier, SecretState
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket
from cloud_sync_common.edges.sessions import cdn_session
from cloud_sync_common.edges.table import Table
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.edges.whole_answers import refuse_cut_answer
from cloud_sync_common.errors import InvalidInput
from cloud_sync_common.gopro_provider import GoProProvider, source_settings
from cloud_sync_common.observability.logs import configure
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.multipart import MultipartArchiver
from cloud_sync_common.services.archiving.piece_archiver import PieceArchiver
from cloud_sync_common.services.archiving.record import RecordArchiver
from cloud_sync_common.services.archiving.work import PieceRow, TransferLimits
from cloud_sync_common.services.claims import Claims
from cloud_sync_common.services.downloading import Downloader
from cloud_sync_common.services.listing import Lister
from cloud_sync_common.services.reporting import Reporting
from cloud_sync_common.services.run_control import RunControl, RunLimits
from cloud_sync_common.services.uploading import Uploader
from cloud_sync_common.transfer.deadline import Deadline
from cloud_sync_common.transfer.engine import PartMover
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT, READ_TIMEOUT = 10, 60
"""Seconds; a stalled call must not eat the invocation."""


class LambdaContext(Protocol):
    """What the handlers use of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        ...


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Environment:
    """The functions' environment variables, as the template sets them."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A variable that must be there."""
        value = self.values.get(name, "")
        if not value:
            raise InvalidInput(f"the environment variable {name} is missing: deploy the stack again")
        return value

    def number(self, name: str) -> int:
        """A variable that must be a whole number."""
        text = self.text(name)
        if not text.isdigit():
            raise InvalidInput(f"the environment variable {name} must be a whole number: deploy the stack again")
        return int(text)


class Wiring:
    """One function's edges and services, each built when first asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environment = Environment(environ)
        self._credentials: Credentials | None = None
        self.tracing = Tracing(environ)
        fields = {
            "function": environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            "environment": environ.get("ENVIRONMENT", ""),
        }
        self.redaction = configure(environ.get("LOG_LEVEL", "INFO"), sys.stdout, fields)

    def new_invocation(self) -> None:
        """Forget what must not outlive an invocation: credentials may have been renewed since the last one."""
        self._credentials = None
        self.tracing.new_invocation()

    def credentials(self) -> Credentials:
        """GoPro's cookies, read once in an invocation."""
        if self._credentials is None:
            with self.tracing.subsegment("retrieve_credentials"):
                client = _client("secretsmanager")
                self._credentials = retrieve_credentials(client, self.environment.text("SECRET_NAME"))
            self.redaction.keep_secret(self._credentials.secrets)
        return self._credentials

    @cached_property
    def run_control(self) -> RunControl:
        """The service behind ``run_control``."""
        limits = RunLimits(
            self.environment.number("MAX_CONCURRENT_MEDIA"), self.environment.number("TOLERATED_FAILURES")
        )
        return RunControl(
            tracker=self.tracker,
            ledger=self.ledger,
            runs=self.runs,
            executions=Executions(_client("stepfunctions")),
            secret=SecretState(_client("secretsmanager"), self.environment.text("SECRET_NAME")),
            notifier=Notifier(_client("sns"), self.environment.text("TOPIC_ARN")),
            reporting=Reporting(
                self.tracker, self.ledger, self.runs, _now, self.environment.number("NOT_READY_ALARM_DAYS")
            ),
            metrics=self.metrics,
            environment=self.environment.text("ENVIRONMENT"),
            limits=limits,
            now=_now,
            now_text=_now_text,
        )

    @cached_property
    def lister(self) -> Lister:
        """The service behind ``media_lister``."""
        return Lister(self.provider, self.credentials, self.tracker, self.ledger, self.runs, _now_text)

    @cached_property
    def downloader(self) -> Downloader:
        """The service behind ``video_downloader``."""
        row = PieceRow(self.tracker, _now_text)
        completion = Completion(self.archive, row, self.tracing)
        multipart = MultipartArchiver(self.archive, row, self.mover, completion, self.transfer_limits)
        return Downloader(
            tracker=self.tracker,
            ledger=self.ledger,
            claims=Claims(self.tracker, self.ledger, _now, _now_text),
            provider=self.provider,
            credentials=self.credentials,
            archiver=PieceArchiver(self.archive, row, self.mover, completion, multipart, self.transfer_limits),
            records=RecordArchiver(
                self.archive, row, completion, self.provider, self.credentials, self.transfer_limits.storage_class
            ),
            metrics=self.metrics,
            monotonic=time.monotonic,
            environment=self.environment.text("ENVIRONMENT"),
            max_stalled_passes=self.environment.number("MAX_STALLED_PASSES"),
            side_file_days=self.environment.number("SIDE_FILE_DAYS"),
        )

    @cached_property
    def uploader(self) -> Uploader:
        """The service behind ``multipart_uploader``."""
        return Uploader(self.tracker, self.ledger, self.provider, self.credentials, self.archive, self.mover)

    @cached_property
    def _table(self) -> Table:
        return Table(_client("dynamodb"), self.environment.text("TABLE_NAME"))

    @cached_property
    def tracker(self) -> Tracker:
        """The sync tracker."""
        return Tracker(self._table)

    @cached_property
    def ledger(self) -> RunLedger:
        """Run rows and the run lock."""
        return RunLedger(self._table)

    @cached_property
    def runs(self) -> RunsBucket:
        """The runs bucket."""
        return RunsBucket(_client("s3"), self.environment.text("RUNS_BUCKET"))

    @cached_property
    def archive(self) -> Archive:
        """The archive bucket."""
        return Archive(_client("s3"), self.environment.text("ARCHIVE_BUCKET"), _body_client(self._workers))

    @cached_property
    def provider(self) -> GoProProvider:
        """GoPro."""
        return GoProProvider(settings=source_settings(self.environment.values))

    @cached_property
    def mover(self) -> PartMover:
        """The byte path."""
        settings = self.provider.settings
        reader = SourceReader(
            cdn_session(self._workers),
            lambda url: check_url(url, settings.allowed_hosts, allow_loopback_http=settings.allow_loopback),
        )
        return PartMover(self.archive, reader, Retry(time.sleep), self.tracing, self._workers)

    @cached_property
    def metrics(self) -> MetricsPublisher:
        """Embedded metrics on stdout."""
        return MetricsPublisher(sys.stdout)

    @cached_property
    def transfer_limits(self) -> TransferLimits:
        """How pieces are moved."""
        return TransferLimits(
            multipart_threshold=self.environment.number("MULTIPART_THRESHOLD"),
            bytes_per_function=self.environment.number("BYTES_PER_FUNCTION"),
            max_functions=self.environment.number("MAX_FUNCTIONS_PER_MEDIUM"),
            storage_class=self.environment.text("STORAGE_CLASS"),
        )

    @property
    def _workers(self) -> int:
        return self.environment.number("WORKERS")


@lru_cache(maxsize=1)
def wiring() -> Wiring:
    """This process's wiring, out of its own environment."""
    return Wiring(os.environ)


def guarded(handler: Handler) -> Handler:
    """Have a handler begin each invocation anew, and let no secret out with an exception.

    Lambda writes an exception's words into the log and into the execution's history, past every logger.
    """

    @wraps(handler)
    def run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        wired = wiring()
        wired.new_invocation()
        try:
            return handler(event, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes on
            raise wired.redaction.error(error) from None

    return run


def deadline_of(context: LambdaContext) -> Deadline:
    """Until when this invocation may move bytes."""
    return Deadline.for_invocation(time.monotonic, context.get_remaining_time_in_millis())


def seconds_left(context: LambdaContext) -> int:
    """Whole seconds until this invocation is killed."""
    return context.get_remaining_time_in_millis() // 1000


def _client(service: Any) -> Any:
    """A client with botocore's standard retries, which jitter."""
    return _make_client(service, Config(retries={"mode": "standard", "total_max_attempts": 5}))


def _body_client(connections: int) -> S3Client:
    """S3 for streamed bodies, which cannot be rewound: whoever holds the source tries again."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, max_pool_connections=connections + 2)
    client: S3Client = _make_client("s3", config)
    return client


def _make_client(service: Any, config: Config) -> Any:
    timeouts = Config(connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    client: Any = boto3.client(service, config=config.merge(timeouts))
    client.meta.events.register("before-parse", refuse_cut_answer)
    return client


def _now() -> int:
    return int(time.time())


def _now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
