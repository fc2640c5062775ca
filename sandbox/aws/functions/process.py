"""Operating system side of a function: start, measure, kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


class Spawner:
    """Starts function processes from one thread that lives as long as the host.

    The kernel's "kill when the parent dies" looks at the parent *thread*: started from a short-lived thread, a
    function would be killed as soon as that thread ends.
    """

    def __init__(self, python: Path) -> None:
        self._python = python
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

    def start(self, handler: str, *, cwd: Path, env: Mapping[str, str], log: Path) -> FunctionProcess:
        """Start a runtime client for ``handler``; its output is appended to ``log``."""
        return self._thread.submit(self._start, handler, cwd, env, log).result()

    def _start(self, handler: str, cwd: Path, env: Mapping[str, str], log: Path) -> FunctionProcess:
        # -S and -P: nothing but the standard library and PYTHONPATH, as in a Lambda sandbox.
        command = [str(self._python), "-S", "-P", str(_LAUNCH), str(os.getpid()), handler]
        with log.open("ab") as output:
            popen = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the sandbox; a kill takes the function's own children too
            )
        return FunctionProcess(popen)

    def close(self) -> None:
        """End the thread (and with it, by the kernel's doing, any process still alive)."""
        self._thread.shutdown(wait=True)


class FunctionProcess:
    """A running function process."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def exit_reason(self) -> str | None:
        """Return ``None`` while alive, else ``exit status 1`` or ``signal: killed`` as Lambda words it."""
        code = self._popen.poll()
        if code is None:
            return None
        if code == -signal.SIGKILL:
            return "signal: killed"
        return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def resident_mb(self) -> float:
        """Return the resident memory in MiB, 0.0 when the process has gone. The main process only."""
        try:
            fields = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            return 0.0
        return int(fields[1]) * _PAGE_BYTES / _MIB

    def kill(self) -> None:
        """Kill the process and whatever it started, and wait for its end; idempotent."""
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
