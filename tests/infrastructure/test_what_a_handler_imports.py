"""A function imports what it needs and nothing else: every module is paid for at each cold start."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.infrastructure.synthesis import PROJECT

SERVICES = {"run_control", "reporting", "listing", "downloading", "uploading", "archiving", "claims", "passes"}
NEEDED = {
    "run_control": {"run_control", "reporting"},
    "media_lister": {"listing"},
    "video_downloader": {"downloading", "archiving", "claims", "passes"},
    "multipart_uploader": {"uploading", "archiving"},
}

# What each does without, besides the others' services. awscrt is not among it: botocore imports it where it is.
WITHOUT = {
    "run_control": ["requests", "cloud_sync_common.transfer", "cloud_sync_common.gopro_provider"],
    "media_lister": ["cloud_sync_common.transfer.engine", "cloud_sync_common.edges.archive"],
    "video_downloader": ["cloud_sync_common.rules.report", "cloud_sync_common.edges.executions"],
    "multipart_uploader": ["cloud_sync_common.rules.report", "cloud_sync_common.edges.executions"],
}

# X-Ray's SDK is for a function whose invocation is traced, and brings asyncio.
NOBODY_NEEDS = ["aws_xray_sdk", "asyncio", "unittest", "pydoc", "cloud_sync", "sandbox", "moto"]


def _imported(function: str) -> set[str]:
    """Every module of a new interpreter that has imported nothing but the handler."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import handler, json, sys; print(json.dumps(sorted(sys.modules)))"],
        env={"PATH": os.defpath, "PYTHONPATH": f"{PROJECT / 'lambda_functions' / function}:{PROJECT / 'layers'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("function", NEEDED)
def test_a_handler_imports_what_its_function_needs(function: str) -> None:
    modules = _imported(function)
    services = {name.split(".")[2] for name in modules if name.startswith("cloud_sync_common.services.")}
    assert services & SERVICES == NEEDED[function]
    assert sorted(modules & {*WITHOUT[function], *NOBODY_NEEDS}) == []


def test_every_function_is_looked_at() -> None:
    assert {path.parent.name for path in (PROJECT / "lambda_functions").glob("*/handler.py")} == set(NEEDED)
