"""Everything that a run needs, started and deployed: GoPro, S3, the other AWS services, the synthesised stack."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.run.function_names import handler_names
from sandbox.run.options import RunOptions
from sandbox.run.phases import Phases
from sandbox.run.preflight import PROJECT, runtime_folder
from sandbox.run.source import Source, open_source
from sandbox.run.synthesis import Synthesis
from sandbox.run.watch import ByteTap
from sandbox.s3 import S3Server, StoredObject

if TYPE_CHECKING:
    from sandbox.aws import Account, Deployment
    from sandbox.aws.functions.api import FunctionStats

REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployed stack in its surroundings."""

    source: Source
    s3: S3Server
    account: Account
    deployment: Deployment
    tap: ByteTap

    def function_stats(self) -> dict[str, FunctionStats]:
        """Starts and memory of the functions, by the names of their handlers' folders."""
        names = self.function_names()
        return {names[name]: stats for name, stats in self.account.function_stats().items()}

    def function_names(self) -> dict[str, str]:
        """Generated name -> the handler's folder."""
        return handler_names(self.account.function_stats(), PROJECT / "lambda_functions")

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
    phases.enter("synth")
    synthesis = stack.enter_context(Synthesis(PROJECT, folder, options.settings))
    source = stack.enter_context(open_source(options, folder))
    tap, keys = ByteTap(), ChainMap[str, str]()
    s3 = stack.enter_context(S3Server(folder / "s3", region=REGION, credentials=keys, on_bytes=tap))
    # Only now: this imports moto, which takes seconds, and the synthesis is already at work.
    from sandbox.run.cloud import deploy, open_account  # noqa: PLC0415

    account = stack.enter_context(open_account(folder / "aws", s3))
    # S3 knows every key that the account issues, from the moment it is issued.
    keys.maps.append(account.keys)
    assembly = synthesis.wait()
    phases.enter("deploy")
    deployment = deploy(account, assembly, runtime, gopro_url=source.url, credentials=source.credentials)
    tap.bucket = deployment.archive_bucket
    phases.leave()
    return Stage(source, s3, account, deployment, tap)
