"""Least privilege, proven in both directions: whole runs ask for nothing that is not granted, and use every grant.

One account goes through the common and the rare: no cookies, fresh cookies, the schedule, a large medium, a killed
function, an upload given up, refused cookies, a run beside another, a dead run, failed media, a lost document, starts
that fail. Afterwards every call is judged against the synthesised roles. A grant that none of it needs is either taken
away or in ``UNUSED``, with what the sandbox does not do.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from sandbox.aws.deployment import ExecutionResult
from sandbox.aws.permissions import PermissionReport
from sandbox.aws.permissions.report import Grant
from sandbox.aws.targets import Firing
from sandbox.features import NOT_EMULATED
from sandbox.gopro.library import SimMedium
from sandbox.gopro.messages import Request, Response
from sandbox.gopro.signing import piece_path
from sandbox.run.function_names import handler_names
from sandbox.run.preflight import PROJECT
from sandbox.s3.behaviour import Action, Call, Drop
from sandbox.s3.behaviour import Stage as Moment
from sandbox.s3.errors import S3Error
from tests.support.holding import HeldArchive
from tests.support.pipeline import MIB, PART, make_file, make_medium, source
from tests.support.stage import Stage, open_stage, synthesize

SETTINGS = {
    "multipart_threshold": str(5 * MIB),
    "bytes_per_function": str(PART),
    "max_concurrent_media": "1",
    "max_functions_per_medium": "2",
    "workers": "2",
}
"""Small numbers: a medium of a few parts is large, and shared out over functions."""

_MACHINE, _RESULTS = "the state machine", "results in parts, read back"
_CHILDREN = "under which ARN a Map watches its children"
UNUSED = {
    (_MACHINE, "s3:AbortMultipartUpload", r"/runs/\*/results/\*"): _RESULTS,
    (_MACHINE, "s3:GetObject", r"/runs/\*/results/\*"): _RESULTS,
    (_MACHINE, "s3:ListMultipartUploadParts", r"/runs/\*/results/\*"): _RESULTS,
    (_MACHINE, "states:DescribeExecution", r":execution:[^/:]+:\*"): _CHILDREN,
    (_MACHINE, "states:StopExecution", r":execution:[^/:]+:\*"): _CHILDREN,
    (_MACHINE, "states:RedriveExecution", r":execution:[^/:]+/\w+:\*"): "redrive",
}
"""Grants that AWS needs and no run here can use: principal, action and end of the resource, to the row of "Not
emulated" in docs/SANDBOX.md that says why."""


@dataclass
class Tour:
    """Takes one account through everything that a role may be needed for."""

    stage: Stage
    folder: Path
    made: int = 0

    def medium(self, *sizes: int) -> SimMedium:
        """A new video with a chapter of each size."""
        self.made += 1
        paths = [self.folder / f"GX{number:02d}{self.made:04d}.MP4" for number in range(1, len(sizes) + 1)]
        files = [make_file(path, size, seed=self.made) for path, size in zip(paths, sizes, strict=True)]
        return make_medium(f"{self.made:024x}", *(source(file, number) for number, file in enumerate(files, 1)))

    def serve(self, *media: SimMedium) -> None:
        """Serve these media, and let everything behave well."""
        self.stage.serve(*media)
        self.stage.s3_behaviour = None

    def once(self, wanted: Moment, operation: str, action: Action) -> list[int]:
        """Let S3 act like this in the first such call; what comes back is empty until it has."""
        struck: list[int] = []

        def act(moment: Moment, call: Call) -> Action | None:
            if (moment, call.operation) != (wanted, operation) or struck:
                return None
            struck.append(call.number)
            return action

        self.stage.s3_behaviour = act
        return struck

    def wait(self, firings: list[Firing]) -> ExecutionResult:
        (firing,) = firings
        assert firing.execution is not None
        return self.stage.wait(firing.execution)

    def without_cookies(self) -> None:
        self.serve()
        assert self.stage.run()[1]["status"] == "SKIPPED"

    def fresh_cookies(self) -> None:
        """Start by the rule; small media and a large one."""
        media = [self.medium(100_000), self.medium(2 * PART + 7)]
        self.serve(*media)
        self.stage.store_cookies()
        assert self.wait(self.stage.account.fire_rules()).output["status"] == "SUCCEEDED"
        assert len(self.stage.objects(*media)) == len(media)

    def schedule(self) -> None:
        self.serve(self.medium(100_000))
        assert self.wait([self.stage.account.fire_schedule()]).output["status"] == "SUCCEEDED"

    def killed_function(self) -> None:
        """Kill the downloader when S3 has carried out a Complete, so that the next pass has to look."""
        self.serve(self.medium(6 * MIB))
        killed: list[int] = []

        def kill(moment: Moment, call: Call) -> Action | None:
            if moment == Moment.ANSWER and call.operation == "CompleteMultipartUpload" and not killed:
                (pids,) = [found for name, found in self.stage.account.function_pids().items() if "Downloader" in name]
                killed.extend(pids)
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
                return Drop()
            return None

        self.stage.s3_behaviour = kill
        assert self.stage.run()[1]["counts"]["completed"] == 1
        assert killed

    def upload_given_up(self) -> None:
        self.serve(self.medium(6 * MIB))
        struck = self.once(Moment.COMMIT, "CompleteMultipartUpload", S3Error("BadDigest"))
        assert self.stage.run()[1]["counts"]["completed"] == 1
        assert struck

    def refused_cookies(self, *media: SimMedium, after: int) -> None:
        """Refuse the cookies after so many questions for URLs: the run stops and says so."""
        self.serve(*media)
        asked: list[str] = []

        def refuse(request: Request) -> Response | None:
            if request.path.endswith("/download"):
                asked.append(request.path)
            return Response(401, {}, b"{}") if len(asked) > after or not after else None

        self.stage.gopro_behaviour = refuse
        mails = len(self.stage.account.notifications())
        assert self.stage.run()[0].error == "CredentialsExpired"
        assert len(self.stage.account.notifications()) == mails + 1

    def medium_in_two_runs(self) -> None:
        """Let the second chapter fail in one run and arrive in the next, whose report names both."""
        medium = self.medium(100_000, 100_001)
        self.serve(medium)
        second = piece_path(medium, medium.pieces[1])
        web_page = Response(200, {"Content-Type": "text/html"}, b"<html>sorry</html>")
        self.stage.gopro_behaviour = lambda request: web_page if request.path == second else None
        assert self.stage.run()[1]["status"] == "PARTIAL"
        self.stage.gopro_behaviour = None
        # Two chapters, and the record of the medium.
        assert len(self.stage.run()[1]["media"][0]["pieces"]) == 3

    def lost_document(self) -> None:
        """Say once that the run's request is not there."""
        self.serve(self.medium(100_000))
        struck = self.once(Moment.REQUEST, "GetObject", S3Error("NoSuchKey"))
        assert "request.json is missing" in (self.stage.run()[0].cause or "")
        assert struck

    def two_runs_and_a_dead_one(self) -> None:
        """Start a run beside another, stop the first, and let a third take over what it held."""
        medium = self.medium(100_000)
        self.serve(medium)
        hold = HeldArchive()
        self.stage.s3_behaviour = hold
        first = self.stage.start()
        assert hold.reached.wait(60)
        assert self.stage.run()[1]["status"] == "SKIPPED"
        self.stage.account.stop(first)
        self.stage.wait(first)
        self.stage.s3_behaviour = None
        hold.gate.set()
        assert self.stage.run()[1]["status"] == "SUCCEEDED"
        assert len(self.stage.objects(medium)) == 1

    def starts_that_fail(self) -> None:
        self.stage.store_cookies()
        with _nothing_can_be_started(self.stage):
            firings = [self.stage.account.fire_schedule(), *self.stage.account.fire_rules()]
        assert [firing.execution for firing in firings] == [None, None]
        assert all(firing.dead_letter_arn for firing in firings)


@contextmanager
def _nothing_can_be_started(stage: Stage) -> Iterator[None]:
    """Refuse every StartExecution at the wire, as Step Functions refuses a machine that is being deleted."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        response: Any = AWSResponse(request.url, 400, HTTPHeaders(), None)
        response._content = b'{"__type": "StateMachineDeleting", "message": "because"}'
        return response  # type: ignore[no-any-return]

    events = stage.account.client("stepfunctions").meta.events
    events.register("before-send.sfn.StartExecution", answer)
    try:
        yield
    finally:
        events.unregister("before-send.sfn.StartExecution", answer)


@pytest.fixture(name="report", scope="module")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PermissionReport]:
    folder = tmp_path_factory.mktemp("grants")
    with open_stage(folder, synthesize(folder, SETTINGS)) as stage:
        tour = Tour(stage, folder / "media")
        tour.without_cookies()
        tour.fresh_cookies()
        tour.schedule()
        tour.killed_function()
        tour.upload_given_up()
        tour.refused_cookies(after=0)
        tour.refused_cookies(tour.medium(100_000), tour.medium(100_001), after=1)
        tour.refused_cookies(tour.medium(2 * PART + 7), after=1)
        tour.medium_in_two_runs()
        tour.lost_document()
        tour.two_runs_and_a_dead_one()
        tour.starts_that_fail()
        names = handler_names(stage.account.function_stats(), PROJECT / "lambda_functions")
        executions = [execution.arn for execution in stage.account.executions()]
        yield stage.account.audit(executions, names.__getitem__)


@pytest.mark.verifies("permissions.granted")
def test_whole_runs_ask_for_nothing_that_is_not_granted(report: PermissionReport) -> None:
    assert [str(each) for each in report.ungranted] == []


def excuses(report: PermissionReport) -> dict[Grant, str]:
    """Return what is unused and why it may be; nothing for a grant that nobody has thought of."""
    return {
        grant: why
        for grant in report.unused
        for (principal, action, end), why in UNUSED.items()
        if (principal, action) == (grant.principal, grant.action) and re.search(f"{end}$", grant.resource)
    }


@pytest.mark.verifies("permissions.unused")
def test_every_grant_is_used_but_those_that_the_sandbox_cannot_use(report: PermissionReport) -> None:
    assert [str(grant) for grant in report.unused if grant not in excuses(report)] == []


def test_no_grant_is_used_only_where_another_one_grants_the_same(report: PermissionReport) -> None:
    assert [str(grant) for grant in report.used if not grant.alone] == []


def test_every_excuse_is_needed_and_said_in_the_sandboxs_document(report: PermissionReport) -> None:
    assert sorted(excuses(report).values()) == sorted(UNUSED.values())
    listed = " ".join(what for _, what, _ in NOT_EMULATED)
    assert [why for why in UNUSED.values() if why not in listed] == []
