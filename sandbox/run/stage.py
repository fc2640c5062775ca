"""Everything that a run needs, started and deployed: GoPro, S3, the other AWS services, the synthesised stack."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.run.disturbing import disturbance_of, open_faults
from sandbox.run.function_names import handler_names
from sandbox.run.options import RunOptions
from sandbox.run.phases import Phases
from sandbox.run.preflight import PROJECT, runtime_folder
from sandbox.run.source import Source, open_source
from sandbox.run.state_folder import OBJECTS
from sandbox.run.synthesis import Synthesis
from sandbox.run.watch import ByteTap
from sandbox.s3 import S3Server, StoredObject

if TYPE_CHECKING:
    from sandbox.aws import Account, Deployment, Execution
    from sandbox.aws.functions.api import FunctionStats
    from sandbox.aws.permissions import PermissionReport
    from sandbox.aws.state import AccountState
    from sandbox.aws.tracing.tree import Tree
    from sandbox.faults import Faults

REGION = "us-east-1"
HANDLERS = PROJECT / "lambda_functions"


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployed stack in its surroundings."""

    source: Source
    s3: S3Server
    account: Account
    deployment: Deployment
    tap: ByteTap
    faults: Faults | None = None
    state: AccountState | None = None
    """The kept account of ``--state``."""

    def start(self, number: int, state_input: Mapping[str, object] | None) -> Execution:
        """Start run ``number`` with this input; ``None``: as the schedule would. Raises ``SandboxError``."""
        if state_input is not None:
            return self.account.start(json.dumps(state_input), name=f"run-{number}")
        from sandbox.run.cloud import start_scheduled  # noqa: PLC0415 - as below: it imports moto

        return start_scheduled(self.account)

    def permissions(self, executions: Sequence[str]) -> PermissionReport:
        """What the roles were used for, and what was done without a grant; raises ``SandboxError``."""
        from sandbox.run.cloud import permissions_used  # noqa: PLC0415 - as below: it imports moto

        return permissions_used(self.account, executions, self.function_names())

    def traces(self, execution: str) -> Tree:
        """What one execution did, by ARN, as a tree."""
        return self.account.traces_of(execution, self.function_names())

    def function_stats(self) -> dict[str, FunctionStats]:
        """Starts and memory of the functions, by the names of their handlers' folders."""
        names = self.function_names()
        return {names[name]: stats for name, stats in self.account.function_stats().items()}

    def function_names(self) -> dict[str, str]:
        """Generated name -> the handler's folder."""
        return handler_names(self.account.function_stats(), HANDLERS)

    def archive(self) -> list[StoredObject]:
        """Every object in the archive bucket."""
        return list(self.s3.objects(self.deployment.archive_bucket))

    def run_documents(self) -> list[StoredObject]:
        """Every object in the runs bucket."""
        return list(self.s3.objects(self.deployment.runs_bucket))


@contextmanager
def open_stage(options: RunOptions, folder: Path, phases: Phases, closing: Callable[[], None]) -> Iterator[Stage]:
    """Start everything, with the synthesis at work meanwhile; all of it has ended when the block is left.

    ``closing`` is called before the first thing is ended.
    """
    with ExitStack() as stack:
        try:
            yield _opened(stack, options, folder, phases)
        finally:
            closing()


def _opened(stack: ExitStack, options: RunOptions, folder: Path, phases: Phases) -> Stage:
    runtime = runtime_folder()
    faults = open_faults(options, HANDLERS)
    disturbance = disturbance_of(faults, HANDLERS)
    phases.enter("synth")
    assembly = _assembly(stack, options, folder)
    # Only now: this imports moto, which takes seconds, and the synthesis is already at work.
    from sandbox.run.cloud import deploy, open_account  # noqa: PLC0415
    from sandbox.run.keeping import open_state, with_kept_credentials  # noqa: PLC0415

    state = stack.enter_context(open_state(options))
    source = stack.enter_context(open_source(with_kept_credentials(options, state), folder, disturbance))
    tap, keys = ByteTap(), ChainMap[str, str]()
    objects = (options.state or folder) / OBJECTS
    s3 = stack.enter_context(
        S3Server(
            objects,
            region=REGION,
            credentials=keys,
            on_bytes=tap,
            plan=disturbance.plan,
            callers=disturbance.callers,
        )
    )
    account = stack.enter_context(open_account(folder / "aws", s3, state, disturbance))
    # S3 knows every key that the account issues, from the moment it is issued.
    keys.maps.append(account.keys)
    synthesised = assembly()
    phases.enter("deploy")
    deployment = deploy(account, synthesised, runtime, source=source, state=state)
    tap.bucket = deployment.archive_bucket
    phases.leave()
    return Stage(source, s3, account, deployment, tap, faults, state)


def _assembly(stack: ExitStack, options: RunOptions, folder: Path) -> Callable[[], Path]:
    """What waits for the cloud assembly: the given one, or the project's own, whose synthesis begins here."""
    given = options.assembly
    if given is not None:
        return lambda: given
    return stack.enter_context(Synthesis(PROJECT, folder, options.settings)).wait
