"""``python -m sandbox run`` as a person types it: exit code, output, and what it leaves in ``--out``."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
LIMIT = 300
"""Seconds after which a run that hangs fails the tests."""


@dataclass(frozen=True)
class Run:
    """One finished command and what it left in its ``--out`` folder."""

    done: subprocess.CompletedProcess[str]
    out: Path
    scratch: Path

    @property
    def last(self) -> dict[str, Any]:
        """The JSON object on the last line of stdout."""
        value = json.loads(self.lines[-1])
        assert isinstance(value, dict)
        return value

    @property
    def lines(self) -> list[str]:
        """What was printed."""
        return self.done.stdout.splitlines()

    @property
    def problem(self) -> str:
        """The one line on stderr of a run that ended red."""
        assert self.done.returncode == 1, self.done.stdout + self.done.stderr
        [line] = self.done.stderr.splitlines()
        return line

    def document(self, name: str) -> Any:
        """One of the folder's JSON files."""
        return json.loads((self.out / name).read_text(encoding="utf-8"))

    def states(self, name: str) -> list[dict[str, Any]]:
        """Every visit of a state."""
        return [entry for entry in self.document("state.json") if entry["state"] == name]


def environment(scratch: Path) -> dict[str, str]:
    """Ours, with temporary files where the test can see them and no proxy between us and this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "TMPDIR": str(scratch)}


def sandbox(folder: Path, arguments: Sequence[str]) -> Run:
    """Run the command to its end with ``--out`` and ``--json``."""
    out, scratch = folder / "out", folder / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "run", "--out", str(out), "--json", *arguments],
        cwd=PROJECT,
        env=environment(scratch),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Run(done, out, scratch)


def make_library(folder: Path, files: int) -> Path:
    """Write so many small videos, the same at every call; the folder for ``--library``."""
    folder.mkdir()
    for number in range(1, files + 1):
        path = folder / f"GX01{number:04d}.MP4"
        path.write_bytes(random.Random(number).randbytes(150_000 + number))  # noqa: S311 - content, not a secret
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    return folder
