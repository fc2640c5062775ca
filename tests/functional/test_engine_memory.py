"""The engine's memory is its buffers, whatever the size of the file: measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ROOT
from benchmarks.stage import Stage
from tests.support.adapters import ADAPTERS

MIB = 1024 * 1024
SIZES = [1 * MIB, 64 * MIB, 256 * MIB]
MOST_KIB = 8 * 1000 * 1000 // 1024
"""8 MB: what the issue allows beyond the imports."""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_file_of_any_size_adds_at_most_8_mb_to_the_imports(tmp_path: Path, name: str) -> None:
    with Stage(tmp_path, prefer_nginx=False) as stage:
        served = [stage.source(size) for size in SIZES]
        trusted = {variable: str(stage.ca_bundle) for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")}
        urls = [file.url for file in served]
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.moving", stage.endpoint_url, stage.bucket, name, *urls],
            cwd=ROOT,
            env={**os.environ, **trusted, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers'}"},
            stdout=subprocess.PIPE,
            check=True,
        )
        stored = [stage.stored(f"file-{number}") for number in range(len(SIZES))]
    assert [(found.size, found.crc64nvme) if found else None for found in stored] == [
        (file.size, file.crc64nvme) for file in served
    ]
    imports, *peaks = json.loads(done.stdout)
    added = dict(zip(SIZES, (peak - imports for peak in peaks), strict=True))
    assert max(added.values()) <= MOST_KIB, added
