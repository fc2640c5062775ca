"""An AWS account on this machine: deploy a synthesised stack into it, run its state machine, look at what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from math import inf
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from sandbox.aws import events, views
from sandbox.aws.audit import Happenings, audit
from sandbox.aws.deployment import Deployment, Execution, ExecutionResult, ExecutionSummary, described
from sandbox.aws.functions.api import FunctionStats
from sandbox.aws.functions.host import DEFAULT_CONCURRENCY
from sandbox.aws.functions.limits import LIMITS
from sandbox.aws.keys import KeyRing
from sandbox.aws.machinery import Machinery, Surroundings
from sandbox.aws.moto_server import ACCOUNT_ID
from sandbox.aws.permissions import PermissionReport
from sandbox.aws.schedule import fire
from sandbox.aws.state import AccountState
from sandbox.aws.stepfunctions.records import ExecutionRecord
from sandbox.aws.targets import Firing
from sandbox.aws.template.cloud import Cloud
from sandbox.aws.template.deploy import deploy_template
from sandbox.aws.template.model import DeployError, NotEmulated, load
from sandbox.aws.tracing.tree import Tree, trace_tree
from sandbox.s3 import S3Server
from sandbox.wire.disturbance import Disturbance

_POLL_SECONDS = 0.25


class Account:
    """moto with its repairs, a function host and a Step Functions engine, around the given S3 server.

    ``retry_scale`` shortens the waits of the state machine's Retry and is noted in ``not_emulated`` unless it is 1.0.
    ``root`` receives ``logs/``. ``state`` keeps the account: it is put back when the stack is deployed, and every
    change is in it before its answer is sent; the caller closes it after the account. ``disturbance`` is what shall go
    wrong here; give it to the S3 server as well.
    Use as a context manager; ``close`` leaves no process and no thread behind.
    One account at a time: moto's state belongs to the process.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings with defaults; a settings object would only move them
        self,
        root: Path,
        *,
        s3: S3Server,
        retry_scale: float = 1.0,
        region: str = "us-east-1",
        concurrency: int = DEFAULT_CONCURRENCY,
        environ: Mapping[str, str] | None = None,
        state: AccountState | None = None,
        disturbance: Disturbance | None = None,
    ) -> None:
        self.keys = KeyRing()
        self._region = region
        self._s3 = s3
        self._retry_scale = retry_scale
        self._state = state
        self._firings: list[Firing] = []
        self._deployment: Deployment | None = None
        self._cloud: Cloud | None = None
        self._secrets: events.Secrets | None = None
        self.log_dir = root / "logs"
        self.segments_file = root / "segments.jsonl"
        """Every X-Ray document as it was received, one on each line."""
        self._parts = Machinery(
            Surroundings(region, s3, self.keys, self.log_dir, self.segments_file),
            disturbance or Disturbance(),
            environ=os.environ if environ is None else environ,
            concurrency=concurrency,
            retry_scale=retry_scale,
            state=state,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all executions, processes and threads; idempotent."""
        self._parts.close()

    def client(self, service: str) -> Any:
        """Return a boto3 client of this account; it is shared, do not close it."""
        return self._parts.clients.get(service)

    def deploy(self, template_dir: Path, runtime_dir: Path, extra_environment: Mapping[str, str]) -> Deployment:
        """Deploy the stack of a cloud assembly.

        ``runtime_dir`` holds the third-party packages for this machine; ``extra_environment`` is added to every
        function. Raises ``DeployError`` with one line that names the resource, ``StateError`` if the kept account was
        made for another stack; an account takes one deployment.
        """
        if self._deployment is not None:
            raise DeployError("this account has a stack already; make a new account")
        template = load(template_dir.resolve())
        cloud = Cloud(
            client=self.client,
            s3=self._s3,
            host=self._parts.host,
            keys=self.keys,
            region=self._region,
            account_id=ACCOUNT_ID,
            stack=template.stack,
            assets=template.assets,
            runtime_dir=runtime_dir.resolve(),
            extra_environment=dict(extra_environment),
        )
        outputs = deploy_template(template, cloud)
        if self._state is not None:
            self._state.reopen(cloud)
        self._cloud = cloud
        self._secrets = events.Secrets(self.client, self._region, ACCOUNT_ID)
        self._deployment = described(cloud, outputs, self._own_limits())
        return self._deployment

    def _own_limits(self) -> list[NotEmulated]:
        limits = [NotEmulated("functions", "AWS::Lambda::Function", what, f"{what}: {why}") for what, why in LIMITS]
        limits += self._state.not_kept() if self._state is not None else []
        if self._retry_scale != 1.0:
            why = f"waits are multiplied by {self._retry_scale}"
            limits.append(NotEmulated("state machine", "AWS::StepFunctions::StateMachine", "Retry", why))
        return limits

    @property
    def deployment(self) -> Deployment:
        """The deployed stack; ``DeployError`` before ``deploy``."""
        if self._deployment is None:
            raise DeployError("nothing is deployed yet; call deploy first")
        return self._deployment

    def put_secret(self, name: str, value: str) -> None:
        """Store a secret's value, as ``put-secret-value`` does; ``DeployError`` if the stack has no such secret."""
        client = self.client("secretsmanager")
        try:
            client.put_secret_value(SecretId=name, SecretString=value)
        except client.exceptions.ResourceNotFoundException:
            raise DeployError(f"the functions' SECRET_NAME is {name}, and the stack has no such secret") from None

    def start(self, input_json: str, name: str | None = None) -> Execution:
        """Start the state machine and return at once."""
        request = {"stateMachineArn": self.deployment.state_machine_arn, "input": input_json}
        started = self.client("stepfunctions").start_execution(**request, **({"name": name} if name else {}))
        return Execution(started["executionArn"])

    def fire_schedule(self, name: str | None = None) -> Firing:
        """Start what a schedule starts, as EventBridge Scheduler would when it is due; see ``schedule.fire``."""
        firing = fire(self.client, name)
        self._firings.append(firing)
        return firing

    def fire_rules(self) -> list[Firing]:
        """Send the events of what happened since the deployment or the last call, and start what rules start for them.

        See ``events``: secrets whose labels have moved. Nothing matching: nothing is started.
        """
        if self._secrets is None:
            raise DeployError("nothing is deployed yet; call deploy first")
        fired = [firing for event in self._secrets.moved() for firing in events.send(self.client, event)]
        self._firings += fired
        return fired

    def firings(self) -> list[Firing]:
        """Return what was made of each fired schedule and rule, oldest first."""
        return list(self._firings)

    def executions(self) -> list[ExecutionSummary]:
        """Return every execution of the state machine, those of former processes included, oldest first."""
        return views.executions_of(self.deployment.state_machine_arn, self._region)

    def wait(
        self, execution: Execution, poll: Callable[[], None] | None = None, timeout: float | None = None
    ) -> ExecutionResult:
        """Wait for the end, calling ``poll`` a few times a second; ``TimeoutError`` after ``timeout`` seconds."""
        found = self._parts.engine.find(execution.arn)
        ends = inf if timeout is None else monotonic() + timeout
        while not found.done.wait(max(0.0, min(_POLL_SECONDS, ends - monotonic()))):
            if poll is not None:
                poll()
            if monotonic() > ends:
                raise TimeoutError(f"the execution has not ended after {timeout} seconds")
        return ExecutionResult(found.status.value, found.output, found.error, found.cause)

    def stop(self, execution: Execution) -> None:
        """Stop an execution, as ``stop-execution`` does; idempotent."""
        self._parts.engine.stop(execution.arn)

    def records(self, execution: Execution) -> list[ExecutionRecord]:
        """Return every visited state of an execution and its children, in the order of entry."""
        return self.records_of(execution.arn)

    def records_of(self, arn: str) -> list[ExecutionRecord]:
        """Return the same for an execution's ARN."""
        return self._parts.engine.records(arn)

    def history(self, execution: Execution) -> list[dict[str, Any]]:
        """Return the event histories of an execution and its children as plain JSON data, the parent's first."""
        return self.history_of(execution.arn)

    def history_of(self, arn: str) -> list[dict[str, Any]]:
        """Return the same for an execution's ARN."""
        return views.history_of(self._parts.engine, arn)

    def tracker_rows(self) -> list[dict[str, Any]]:
        """Return every row of the table as plain JSON data."""
        return views.rows_of(self.deployment.table_name, self._region)

    def notifications(self) -> list[dict[str, Any]]:
        """Return the messages published to the stack's topic, oldest first."""
        return views.notifications_of(self.deployment.topic_arn, self._region)

    def audit(self, executions: Iterable[str], name_of: Callable[[str], str] = str) -> PermissionReport:
        """Match every call so far with what the stack's roles grant; ``executions`` are ARNs.

        Raises ``PermissionsError`` for a policy or a call that cannot be judged.
        """
        if self._cloud is None:
            raise DeployError("nothing is deployed yet; call deploy first")
        happenings = Happenings(
            s3_calls=self._s3.requests,
            api_calls=self._parts.moto.calls(),
            history=[event for arn in executions for event in self.history_of(arn)],
            functions=self.function_stats(),
            firings=self._firings,
        )
        return audit(self._cloud, happenings, name_of)

    def traces_of(self, arn: str, names: Mapping[str, str]) -> Tree:
        """Return what an execution and everything below it did, as one tree; ``names`` are the functions'."""
        return trace_tree(self.records_of(arn), self._parts.traces.segments(), self._parts.host.invocations(), names)

    def function_pids(self) -> dict[str, list[int]]:
        """Return the process ids behind each function, by function name; for tests and fault injection."""
        return self._parts.host.pids_by_function()

    def measure_starts(self) -> None:
        """Start what nobody has invoked, so that ``function_stats`` tells of every function how long that takes."""
        self._parts.host.measure_starts()

    def function_stats(self) -> dict[str, FunctionStats]:
        """Return cold and warm starts, peak memory and errors by function name."""
        return self._parts.host.stats()
