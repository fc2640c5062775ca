"""The processes of the stage as the benchmark holds them: started, asked, counted, ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import ROOT, process_tree

_ENDS_WITHIN_S = 10.0


class StageFailed(Exception):
    """A server of the stage did not start, or has ended; what it had to say is on standard error or in the message."""


class ServerProcess:
    """One of the stage's own servers (``serving``): ``module`` with ``options``."""

    def __init__(self, module: str, options: Sequence[str], env: Mapping[str, str]) -> None:
        self._name = module.rpartition(".")[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **env},
            start_new_session=True,  # Ctrl-C is the benchmark's to act on
        )
        try:
            self.port: int = self._heard()["port"]
        except StageFailed:
            self.close()
            raise

    def ask(self, order: object) -> Any:
        """Its answer to an order; ``StageFailed`` if it has ended."""
        if self._process.stdin is None:
            raise StageFailed(f"the {self._name} takes no orders")
        try:
            self._process.stdin.write(f"{json.dumps(order)}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise StageFailed(f"the {self._name} has ended") from None
        return self._heard()

    def cpu_seconds(self) -> float:
        """What it has used so far."""
        return process_tree.cpu_seconds(self._process.pid)

    def close(self) -> None:
        """End it, and wait until it has ended."""
        try:
            self._process.communicate(timeout=_ENDS_WITHIN_S)  # closes its standard input, and it ends with that
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _heard(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise StageFailed(f"the {self._name} has ended")
        return json.loads(line)
