"""The synthesised template, the real machine and the real functions, for tests that look at whole runs."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.aws import Account, Deployment
from sandbox.aws.deployment import Execution, ExecutionResult
from sandbox.gopro.library import Library, SimMedium
from sandbox.gopro.messages import Request, Response
from sandbox.gopro.server import GoProServer
from sandbox.run.preflight import PROJECT, runtime_folder
from sandbox.run.synthesis import Synthesis
from sandbox.s3.behaviour import Action, Call
from sandbox.s3.behaviour import Stage as Moment
from sandbox.s3.model import StoredObject
from sandbox.s3.server import S3Server

RETRY_SCALE = 0.01
"""The machine's Retry waits are this much shorter here."""

WAIT = 120
"""Seconds after which a run is taken to hang."""


@dataclass
class Stage:
    """A deployed stack with a GoPro account whose library and manners tests change as they like."""

    gopro: GoProServer
    s3: S3Server
    account: Account
    deployment: Deployment
    gopro_behaviour: Callable[[Request], Response | None] | None = None
    s3_behaviour: Callable[[Moment, Call], Action | None] | None = None

    def serve(self, *media: SimMedium) -> None:
        """Replace the library and forget former manners."""
        self.gopro.replace_library(Library(media))
        self.gopro_behaviour = None
        self.s3_behaviour = None

    def start(self, run_input: object = None) -> Execution:
        """Start a run."""
        return self.account.start(json.dumps({} if run_input is None else run_input))

    def wait(self, execution: Execution) -> ExecutionResult:
        """Wait for a run's end."""
        return self.account.wait(execution, timeout=WAIT)

    def run(self, run_input: object = None) -> tuple[ExecutionResult, dict[str, Any]]:
        """Run to the end; its result and its report."""
        execution = self.start(run_input)
        result = self.wait(execution)
        self.refuse_runtime_errors(execution)
        return result, self.report_of(execution)

    def report_of(self, execution: Execution) -> dict[str, Any]:
        """The report that the run has left in the runs bucket."""
        name = execution.arn.rpartition(":")[2]
        reports = [item for item in self.documents() if item.key.endswith(f"-{name}/report.json")]
        assert len(reports) == 1
        report: dict[str, Any] = json.loads(reports[0].path.read_text())
        counts = report["counts"]
        assert counts["listed"] == sum(number for name, number in counts.items() if name != "listed")
        return report

    def refuse_runtime_errors(self, execution: Execution) -> None:
        """No path expression of the machine may ever fail: ``States.ALL`` does not catch that."""
        errors = {record.error for record in self.account.records(execution)}
        assert not errors & {"States.Runtime", "States.DataLimitExceeded"}

    def objects(self, *media: SimMedium) -> dict[str, bytes]:
        """Content by file name of what is archived of the given media, without their records."""
        return {
            item.key.rpartition("/")[2]: item.path.read_bytes()
            for item in self.s3.objects(self.deployment.archive_bucket)
            if item.metadata["source-media-id"] in {medium.media_id for medium in media}
            and item.metadata["piece"] != "record-1"
        }

    def documents(self) -> list[StoredObject]:
        """Everything in the runs bucket."""
        return list(self.s3.objects(self.deployment.runs_bucket))

    def row(self, medium: SimMedium) -> dict[str, Any]:
        """The medium's row in the tracker; it must exist."""
        rows = self.account.tracker_rows()
        return next(row for row in rows if (row["media_id"], row["record"]) == (medium.media_id, "MEDIUM"))

    def store_cookies(self) -> None:
        """Store what the simulator accepts, as its owner would."""
        self.account.put_secret(self.deployment.secret_name, json.dumps(dict(self.gopro.credentials)))


def synthesize(folder: Path, settings: dict[str, str]) -> Path:
    """The cloud assembly for these settings."""
    with Synthesis(PROJECT, folder, settings) as synthesis:
        return synthesis.wait()


def shorten_timeouts(assembly: Path, seconds: int) -> None:
    """Give every function of an assembly less time than the settings allow: a test must not wait for a minute."""
    (path,) = assembly.glob("*.template.json")
    template = json.loads(path.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Timeout"] = seconds
    path.write_text(json.dumps(template))


@contextmanager
def open_stage(folder: Path, assembly: Path) -> Iterator[Stage]:
    """Deploy an assembly around an empty library; everything is closed afterwards."""
    held: list[Stage] = []
    keys = ChainMap[str, str]()

    def gopro_behaviour(request: Request) -> Response | None:
        return held[0].gopro_behaviour(request) if held and held[0].gopro_behaviour else None

    def s3_behaviour(moment: Moment, call: Call) -> Action | None:
        return held[0].s3_behaviour(moment, call) if held and held[0].s3_behaviour else None

    with (
        GoProServer(Library(()), behaviour=gopro_behaviour) as gopro,
        S3Server(folder / "s3", region="us-east-1", credentials=keys, behaviour=s3_behaviour) as s3,
        Account(folder / "aws", s3=s3, retry_scale=RETRY_SCALE) as account,
    ):
        keys.maps.append(account.keys)
        deployment = account.deploy(assembly, runtime_folder(), {"GOPRO_API_URL": gopro.url})
        held.append(Stage(gopro, s3, account, deployment))
        yield held[0]
