"""What every function's process has: environment, logs, traces, metrics, clients, the tracker's table.

Everything is made on first use and kept for the life of the process, so that warm invocations reuse connections.
Credentials are read from the secret once in an invocation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, TypeVar, cast

from cloud_sync_common.edges.credentials import Credentials, retrieve_credentials
from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.runs_bucket import RunsBucket
from cloud_sync_common.edges.table import Table
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.observability.logs import configure
from cloud_sync_common.observability.metrics import MetricsPublisher
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.wiring.clients import retrying_client
from cloud_sync_common.wiring.environment import Environment

Made = TypeVar("Made")


class Wiring:
    """One process's edges, and whatever else is made of them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environment = Environment(environ)
        self._credentials: Credentials | None = None
        self._clients: dict[str, Any] = {}
        self._kept: dict[Callable[[Wiring], object], object] = {}
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

    def kept(self, make: Callable[[Wiring], Made]) -> Made:
        """What ``make`` makes of this wiring: once, then the same again. Raises what it raises, and tries again."""
        if make not in self._kept:
            self._kept[make] = make(self)
        return cast("Made", self._kept[make])

    def client(self, service: str) -> Any:
        """The process's one client of an AWS service: each new one begins with look-ups and handshakes of its own."""
        if service not in self._clients:
            self._clients[service] = retrying_client(service)
        return self._clients[service]

    def credentials(self) -> Credentials:
        """GoPro's cookies, read once in an invocation."""
        if self._credentials is None:
            with self.tracing.subsegment("retrieve_credentials"):
                client = self.client("secretsmanager")
                self._credentials = retrieve_credentials(client, self.environment.text("SECRET_NAME"))
            self.redaction.keep_secret(self._credentials.secrets)
        return self._credentials

    @cached_property
    def tracker(self) -> Tracker:
        """The sync tracker."""
        return Tracker(self._table)

    @cached_property
    def ledger(self) -> RunLedger:
        """Run rows and the run lock."""
        return RunLedger(self._table)

    @cached_property
    def _table(self) -> Table:
        return Table(self.client("dynamodb"), self.environment.text("TABLE_NAME"))

    @cached_property
    def runs(self) -> RunsBucket:
        """The runs bucket."""
        return RunsBucket(self.client("s3"), self.environment.text("RUNS_BUCKET"))

    @cached_property
    def metrics(self) -> MetricsPublisher:
        """Embedded metrics on stdout."""
        return MetricsPublisher(sys.stdout)


@lru_cache(maxsize=1)
def wiring() -> Wiring:
    """This process's wiring, out of its own environment."""
    return Wiring(os.environ)
