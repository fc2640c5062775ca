"""The CDK app in a process of its own, so that it works while everything else is being started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sandbox.run.errors import SandboxError

_STOP_SECONDS = 5.0
_STOP_POLL_SECONDS = 0.01

SKIP_BUNDLING: Mapping[str, object] = {"aws:cdk:bundling-stacks": []}
"""Leaves out the arm64 packages, which this machine cannot run and might have to download; same template."""


class Synthesis:
    """``python app.py`` at work; ``wait`` gives the cloud assembly's folder. Leaving the ``with`` ends the process."""

    def __init__(self, project: Path, folder: Path, settings: Mapping[str, str]) -> None:
        self._assembly = folder / "cdk.out"
        self._log = folder / "synthesis.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=project,
                env=_environment(self._assembly, settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Synthesis:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The whole group, for the app has a Node process of its own; neither has anything to put in order.
        deadline = time.monotonic() + _STOP_SECONDS
        while self._kill_group() and time.monotonic() < deadline:
            time.sleep(_STOP_POLL_SECONDS)
        self._process.wait()

    def _kill_group(self) -> bool:
        """Kill what is left of the group; false when nothing is. Only its first process is ours to wait for."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self._process.poll()
        return True

    def wait(self) -> Path:
        """The folder of the synthesised template; ``SandboxError`` with the app's last line if it failed."""
        if self._process.wait() != 0:
            raise SandboxError(f"the CDK app failed: {_last_line(self._log)}")
        return self._assembly


def _environment(assembly: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, where to write, and what the CDK's command line would pass on as ``-c``."""
    return {
        **os.environ,
        "CDK_OUTDIR": str(assembly),
        "TMPDIR": str(assembly.parent),
        "CDK_CONTEXT_JSON": json.dumps({**SKIP_BUNDLING, **settings}),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }


def _last_line(log: Path) -> str:
    """What the app said last: a traceback ends with its message, too."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "it said nothing"
