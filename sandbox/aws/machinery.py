"""What an account is made of and how it starts and ends: moto, its repairs, functions, state machine, traces."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sandbox.aws.audit import SANDBOX
from sandbox.aws.clients import Clients
from sandbox.aws.functions.environment import inherited
from sandbox.aws.functions.host import FunctionHost
from sandbox.aws.keys import KeyRing
from sandbox.aws.moto_server import MotoServer
from sandbox.aws.permissions import STEP_FUNCTIONS
from sandbox.aws.repairs import dynamodb, lambda_invoke, stepfunctions
from sandbox.aws.state import AccountState
from sandbox.aws.stepfunctions.engine import Engine
from sandbox.aws.tracing.collector import Collector
from sandbox.s3 import S3Server
from sandbox.wire.disturbance import Disturbance


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where an account is: its region, its S3 server, the keys it issues, and where logs and traces go."""

    region: str
    s3: S3Server
    keys: KeyRing
    log_dir: Path
    segments_file: Path


class Machinery:
    """At work from construction to ``close``; whatever goes wrong in between, nothing of it is left running."""

    def __init__(
        self,
        surroundings: Surroundings,
        disturbance: Disturbance,
        *,
        environ: Mapping[str, str],
        concurrency: int,
        retry_scale: float,
        state: AccountState | None,
    ) -> None:
        self._surroundings = surroundings
        surroundings.log_dir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self.moto = MotoServer(plan=disturbance.plan, callers=disturbance.callers, keys=surroundings.keys)
            stack.callback(self.moto.close)
            self.clients = self._clients_of(SANDBOX, stack)
            self.traces = stack.enter_context(Collector(surroundings.segments_file))
            self.host = FunctionHost(
                _python(),
                surroundings.log_dir,
                inherited(environ) | self._endpoints(),
                region=surroundings.region,
                concurrency=concurrency,
                function_plan=disturbance.function_plan,
                traces=self.traces.add,
            )
            self.engine = Engine(
                region=surroundings.region,
                invoke=self.host.invoke,
                s3=self._clients_of(STEP_FUNCTIONS, stack).get("s3"),
                retry_scale=retry_scale,
                traces=self.traces.add,
            )
            stack.callback(self._end_work)
            disturbance.watch(self.host.pids_by_function)
            stack.enter_context(lambda_invoke.installed(self.host))
            self._install_kept(stack, state)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End all executions, processes and threads; idempotent."""
        self._stack.close()

    def _clients_of(self, owner: str, stack: ExitStack) -> Clients:
        """Return clients with a key of ``owner``'s own, so that the servers can tell whose calls these are."""
        s3 = self._surroundings.s3
        clients = Clients(
            region=self._surroundings.region,
            key=self._surroundings.keys.issue(owner),
            url=self.moto.url,
            s3_url=s3.url,
            s3_ca=str(s3.ca_bundle) if s3.ca_bundle else None,
        )
        stack.callback(clients.close)
        return clients

    def _install_kept(self, stack: ExitStack, state: AccountState | None) -> None:
        """Install the repairs that a kept account has to hear of."""
        if state is None:
            stack.enter_context(dynamodb.installed())
            stack.enter_context(stepfunctions.installed(self.engine))
        else:
            stack.enter_context(dynamodb.installed(state.items))
            stack.enter_context(stepfunctions.installed(self.engine, state.executions.note))
            stack.enter_context(state.keeping_secrets())

    def _endpoints(self) -> dict[str, str]:
        s3 = self._surroundings.s3
        endpoints = {
            "AWS_ENDPOINT_URL": self.moto.url,
            "AWS_ENDPOINT_URL_S3": s3.url,
            "AWS_XRAY_DAEMON_ADDRESS": self.traces.address,
        }
        return endpoints | ({"AWS_CA_BUNDLE": str(s3.ca_bundle)} if s3.ca_bundle else {})

    def _end_work(self) -> None:
        """Stop executions, kill functions, then join the threads that waited for them."""
        self.engine.cancel_all()
        self.host.close()
        self.engine.close()


def _python() -> Path:
    """Return the interpreter behind this virtual environment: functions see their own packages only."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)
