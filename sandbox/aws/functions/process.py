"""Operating system side of a function: start, measure, kill."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.aws.functions.memory import Sessions, proportional_mb, resident_mb

_LAUNCH = Path(__file__).with_name("launch.py")


class SpawnerClosed(Exception):
    """No process is started any more: the sandbox is ending."""


class Spawner:
    """Starts function processes from one thread that lives as long as the host.

    The kernel's "kill when the parent dies" looks at the parent *thread*: started from a short-lived thread, a
    function would be killed as soon as that thread ends.
    """

    def __init__(self, python: Path) -> None:
        self._python = python
        self._sessions = Sessions()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

    def start(self, handler: str, *, cwd: Path, env: Mapping[str, str], log: Path) -> FunctionProcess:
        """Start a runtime client for ``handler``; its output is appended to ``log``. Raises ``SpawnerClosed``."""
        try:
            started = self._thread.submit(self._start, handler, cwd, env, log)
        except RuntimeError:  # what the executor says after its shutdown
            raise SpawnerClosed("the sandbox is ending") from None
        return started.result()

    def _start(self, handler: str, cwd: Path, env: Mapping[str, str], log: Path) -> FunctionProcess:
        told, report = os.pipe()
        try:
            with log.open("ab") as output:
                popen = subprocess.Popen(
                    # -S and -P: nothing but the standard library and PYTHONPATH, as in a Lambda sandbox.
                    [str(self._python), "-S", "-P", str(_LAUNCH), str(os.getpid()), handler, str(report)],
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the sandbox; a kill takes the function's children too
                    pass_fds=(report,),
                )
        except BaseException:
            os.close(told)
            raise
        finally:
            os.close(report)
        return FunctionProcess(popen, self._sessions, told)

    def close(self) -> None:
        """End the thread (and with it, by the kernel's doing, any process still alive)."""
        self._thread.shutdown(wait=True)


class FunctionProcess:
    """A running function process. Thread-safe. ``told`` is where it says how long its handler's import took."""

    def __init__(self, popen: subprocess.Popen[bytes], sessions: Sessions, told: int) -> None:
        self._popen = popen
        self._sessions = sessions
        self._told = told
        os.set_blocking(told, False)
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def exit_reason(self) -> str | None:
        """Return ``None`` while alive, else ``exit status 1`` or ``signal: killed`` as Lambda words it."""
        with self._lock:
            if self._popen.returncode is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._bury()
            code = self._popen.returncode
        if code is None:
            return None
        if code == -signal.SIGKILL:
            return "signal: killed"
        return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def import_ms(self) -> float | None:
        """Return the milliseconds that the import of the handler's module took; once, ``None`` while it is not over."""
        with self._lock:
            if self._popen.returncode is not None:
                return None
            with contextlib.suppress(BlockingIOError):
                told = os.read(self._told, 32)
                return float(told) if told else None
            return None

    def used_mb(self) -> float:
        """Return the memory in MiB of the process and of those that it started; 0.0 when they have gone."""
        others = self._sessions.others(self.pid)
        if not others:
            return resident_mb(self.pid)
        return sum(proportional_mb(pid) for pid in (self.pid, *others))

    def kill(self) -> None:
        """Kill the process and whatever it started, and wait for its end; idempotent."""
        with self._lock:
            if self._popen.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
                self._bury()

    def _bury(self) -> None:
        """End what a dead process has left behind, then let go of it: until then nobody can get its process id."""
        for orphan in self._sessions.others(self.pid, now=True):
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        self._popen.wait()
        os.close(self._told)
