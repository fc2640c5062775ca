"""The steps of ``make smoke-aws`` in the sandbox's account: what runs in somebody's account has run here before."""

from __future__ import annotations

import os
import signal
import threading
from collections import ChainMap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.aws import Account
from sandbox.gopro.directory import directory_library
from sandbox.gopro.messages import Request, Response
from sandbox.gopro.server import GoProServer
from sandbox.run.preflight import runtime_folder
from sandbox.s3.server import S3Server
from smoke.checks import OK, UNCHECKED, Checks, SmokeError
from smoke.cli import prove
from smoke.library import MIB, RESUMED, write_library
from smoke.stage import Stage, settings
from tests.support.stage import RETRY_SCALE, synthesize

NOT_EMULATED = ("bucket policy", "IAM policy simulator")
PART = 16 * MIB


@dataclass
class Ground:
    """An account with the throw-away stage in it, and a simulator."""

    stage: Stage
    gopro: GoProServer
    account: Account


class Moments:
    """What the simulator waits for: the stop of the first run, and a look at the parts that the second one has sent."""

    def __init__(self) -> None:
        self.stopped, self.looked = threading.Event(), threading.Event()
        self._kept: int | None = None
        self._looks = 0

    def stop(self, parts: int) -> None:
        """The first run is over and has left so many parts."""
        self._kept = parts
        self.stopped.set()

    def look(self, parts: int) -> None:
        """Called between two looks: a second time with more parts than were kept, and one look has seen them."""
        self._looks += self._kept is not None and parts > self._kept
        if self._looks > 1:
            self.looked.set()
        self.looked.wait(0.05)


@contextmanager
def ground(folder: Path, assembly: Path) -> Iterator[Ground]:
    """Deploy ``assembly``; everything is closed afterwards."""
    keys = ChainMap[str, str]()
    here = Moments()
    write_library(folder / "library")

    def behaviour(request: Request) -> Response | None:
        first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if PART <= first < 2 * PART:
            assert here.stopped.wait(60)
        elif 2 * PART <= first < 3 * PART:
            assert here.looked.wait(60)
        return None

    with (
        GoProServer(directory_library(folder / "library"), behaviour=behaviour) as gopro,
        S3Server(folder / "s3", region="us-east-1", credentials=keys) as s3,
        Account(folder / "aws", s3=s3, retry_scale=RETRY_SCALE) as account,
    ):
        keys.maps.append(account.keys)
        deployment = account.deploy(assembly, runtime_folder(), {"GOPRO_API_URL": gopro.url})

        def parts() -> int:
            client, bucket = account.client("s3"), deployment.outputs["ArchiveBucketName"]
            uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
            with suppress(client.exceptions.NoSuchUpload):
                return sum(
                    len(client.list_parts(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"]).get("Parts", []))
                    for each in uploads
                    if each["Key"].endswith(RESUMED.name)
                )
            return 0

        def end_functions() -> None:
            for pid in (pid for pids in account.function_pids().values() for pid in pids):
                os.kill(pid, signal.SIGKILL)
            here.stop(parts())

        def pause() -> None:
            account.fire_rules()
            here.look(parts())

        stage = Stage("smoke-000000", account.client, deployment.outputs, end_functions, pause)
        try:
            yield Ground(stage, gopro, account)
        finally:
            here.stopped.set()
            here.looked.set()


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = settings("smoke-000000", "https://simulator.example")
    folder = tmp_path_factory.mktemp("assembly")
    return synthesize(folder, chosen)


def test_the_smoke_tests_steps_hold_in_the_sandbox(assembly: Path, tmp_path: Path) -> None:
    checks = Checks(NOT_EMULATED)
    with ground(tmp_path, assembly) as here:
        prove(here.stage, here.gopro.credentials, checks)
        assert len(here.account.executions()) == 2
        assert any("Uploader" in name and of.cold for name, of in here.account.function_stats().items())
    outcomes = {check.sentence: check.outcome for check in checks.made}
    left_out = {sentence for sentence, outcome in outcomes.items() if outcome == UNCHECKED}
    assert {outcomes[sentence] for sentence in outcomes.keys() - left_out} == {OK}, checks.table()
    assert len(left_out) == 6
    assert outcomes["storing cookies starts a run by itself"] == OK
    assert outcomes["parts that the stopped run had sent were kept and not sent again"] == OK
    assert outcomes["a body that differs from its trailing checksum is refused"] == OK
    assert checks.passed


def test_a_copy_that_is_too_fast_to_be_stopped_is_not_taken_for_a_resumed_one(assembly: Path, tmp_path: Path) -> None:
    with ground(tmp_path, assembly) as here:
        end = here.stage.end_functions

        def go_on() -> None:
            """As on AWS: the functions do not know of the stop, and send what is missing."""
            end()
            s3, bucket = here.account.client("s3"), here.stage.archive
            [upload] = [
                {"Bucket": bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
                for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
                if each["Key"].endswith(RESUMED.name)
            ]
            for number, start in enumerate(range(0, RESUMED.size, PART), 1):
                body = RESUMED.content[start : start + PART]
                s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME")

        with pytest.raises(SmokeError, match="before the run could be stopped"):
            prove(replace(here.stage, end_functions=go_on), here.gopro.credentials, Checks(NOT_EMULATED))
