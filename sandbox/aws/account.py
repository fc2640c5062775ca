"""An AWS account on this machine: deploy a synthesised stack into it, run its state machine, look at what it did."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from math import inf
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from moto.sns.models import sns_backends

from sandbox.aws.clients import Clients
from sandbox.aws.deployment import Deployment, Execution, ExecutionResult, described
from sandbox.aws.functions.api import FunctionStats
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import DEFAULT_CONCURRENCY, FunctionHost
from sandbox.aws.keys import KeyRing
from sandbox.aws.moto_server import ACCOUNT_ID, MotoServer
from sandbox.aws.repairs import dynamodb_lock, lambda_invoke, stepfunctions
from sandbox.aws.rows import plain_row
from sandbox.aws.stepfunctions.engine import Engine
from sandbox.aws.stepfunctions.records import ExecutionRecord, iso
from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.deploy import deploy_template
from sandbox.aws.template.model import DeployError, NotEmulated, load
from sandbox.s3 import S3Server

_POLL_SECONDS = 0.25


class Account:
    """moto with its repairs, a function host and a Step Functions engine, around the given S3 server.

    ``retry_scale`` shortens the waits of the state machine's Retry and is noted in ``not_emulated`` unless it is 1.0.
    ``root`` receives ``logs/``. Use as a context manager; ``close`` leaves no process and no thread behind.
    One account at a time: moto's state belongs to the process.
    """

    def __init__(
        self,
        root: Path,
        *,
        s3: S3Server,
        retry_scale: float = 1.0,
        region: str = "us-east-1",
        concurrency: int = DEFAULT_CONCURRENCY,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.log_dir = root / "logs"
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.keys = KeyRing()
        self._region = region
        self._s3 = s3
        self._retry_scale = retry_scale
        self._deployment: Deployment | None = None
        with ExitStack() as stack:
            self._moto = MotoServer()
            stack.callback(self._moto.close)
            self._clients = Clients(
                region=region,
                key=self.keys.issue("the sandbox itself"),
                url=self._moto.url,
                s3_url=s3.url,
                s3_ca=str(s3.ca_bundle) if s3.ca_bundle else None,
            )
            stack.callback(self._clients.close)
            passed = inherited(os.environ if environ is None else environ)
            base = {**passed, **self._endpoints()}
            self._host = FunctionHost(_python(), self.log_dir, base, region=region, concurrency=concurrency)
            self._engine = Engine(
                region=region, invoke=self._host.invoke, s3=self.client("s3"), retry_scale=retry_scale
            )
            stack.callback(self._end_work)
            stack.enter_context(dynamodb_lock.installed())
            stack.enter_context(lambda_invoke.installed(self._host))
            stack.enter_context(stepfunctions.installed(self._engine))
            self._stack = stack.pop_all()

    def _endpoints(self) -> dict[str, str]:
        endpoints = {"AWS_ENDPOINT_URL": self._moto.url, "AWS_ENDPOINT_URL_S3": self._s3.url}
        return endpoints | ({"AWS_CA_BUNDLE": str(self._s3.ca_bundle)} if self._s3.ca_bundle else {})

    def _end_work(self) -> None:
        """Stop executions, kill functions, then join the threads that waited for them."""
        self._engine.cancel_all()
        self._host.close()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all executions, processes and threads; idempotent."""
        self._stack.close()

    def client(self, service: str) -> Any:
        """Return a boto3 client of this account; it is shared, do not close it."""
        return self._clients.get(service)

    def deploy(self, template_dir: Path, runtime_dir: Path, extra_environment: Mapping[str, str]) -> Deployment:
        """Deploy the stack of a cloud assembly.

        ``runtime_dir`` holds the third-party packages for this machine; ``extra_environment`` is added to every
        function. Raises ``DeployError`` with one line that names the resource; an account takes one deployment.
        """
        if self._deployment is not None:
            raise DeployError("this account has a stack already; make a new account")
        template = load(template_dir.resolve())
        cloud = Cloud(
            client=self.client,
            s3=self._s3,
            host=self._host,
            keys=self.keys,
            region=self._region,
            account_id=ACCOUNT_ID,
            stack=template.stack,
            assets=template.assets,
            runtime_dir=runtime_dir.resolve(),
            extra_environment=dict(extra_environment),
        )
        outputs = deploy_template(template, cloud)
        self._deployment = described(cloud, outputs, self._own_limits())
        return self._deployment

    def _own_limits(self) -> list[NotEmulated]:
        if self._retry_scale == 1.0:
            return []
        why = f"waits are multiplied by {self._retry_scale}"
        return [NotEmulated("state machine", "AWS::StepFunctions::StateMachine", "Retry", why)]

    @property
    def deployment(self) -> Deployment:
        """The deployed stack; ``DeployError`` before ``deploy``."""
        if self._deployment is None:
            raise DeployError("nothing is deployed yet; call deploy first")
        return self._deployment

    def put_secret(self, name: str, value: str) -> None:
        """Store a secret's value, as ``put-secret-value`` does."""
        self.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)

    def start(self, input_json: str, name: str | None = None) -> Execution:
        """Start the state machine and return at once."""
        request = {"stateMachineArn": self.deployment.state_machine_arn, "input": input_json}
        started = self.client("stepfunctions").start_execution(**request, **({"name": name} if name else {}))
        return Execution(started["executionArn"])

    def wait(
        self, execution: Execution, poll: Callable[[], None] | None = None, timeout: float | None = None
    ) -> ExecutionResult:
        """Wait for the end, calling ``poll`` a few times a second; ``TimeoutError`` after ``timeout`` seconds."""
        found = self._engine.find(execution.arn)
        ends = inf if timeout is None else monotonic() + timeout
        while not found.done.wait(max(0.0, min(_POLL_SECONDS, ends - monotonic()))):
            if poll is not None:
                poll()
            if monotonic() > ends:
                raise TimeoutError(f"the execution has not ended after {timeout} seconds")
        return ExecutionResult(found.status.value, found.output, found.error, found.cause)

    def stop(self, execution: Execution) -> None:
        """Stop an execution, as ``stop-execution`` does; idempotent."""
        self._engine.stop(execution.arn)

    def records(self, execution: Execution) -> list[ExecutionRecord]:
        """Return every visited state of an execution and its children, in the order of entry."""
        return self.records_of(execution.arn)

    def records_of(self, arn: str) -> list[ExecutionRecord]:
        """Return the same for an execution's ARN."""
        return self._engine.records(arn)

    def history(self, execution: Execution) -> list[dict[str, Any]]:
        """Return the event histories of an execution and its children as plain JSON data, the parent's first."""
        return self.history_of(execution.arn)

    def history_of(self, arn: str) -> list[dict[str, Any]]:
        """Return the same for an execution's ARN."""
        parent = self._engine.find(arn)
        return [
            {**event, "timestamp": iso(event["timestamp"]), "executionArn": each.arn}
            for each in (parent, *parent.children)
            for event in each.history.events()
        ]

    def tracker_rows(self) -> list[dict[str, Any]]:
        """Return every row of the table as plain JSON data."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.deployment.table_name)
        return [plain_row(row) for page in pages for row in page["Items"]]

    def notifications(self) -> list[dict[str, Any]]:
        """Return the messages published to the stack's topic, oldest first."""
        topic = sns_backends[ACCOUNT_ID][self._region].topics[self.deployment.topic_arn]
        return [{"message_id": sent[0], "message": sent[1], "subject": sent[2]} for sent in topic.sent_notifications]

    def function_pids(self) -> dict[str, list[int]]:
        """Return the process ids behind each function, by function name; for tests and fault injection."""
        return {name: self._host.pids(name) for name in self._host.stats()}

    def function_stats(self) -> dict[str, FunctionStats]:
        """Return cold and warm starts, peak memory and errors by function name."""
        return self._host.stats()


def _python() -> Path:
    """Return the interpreter behind this virtual environment: functions see their own packages only."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)
