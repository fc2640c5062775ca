"""First program of a function's process: ties its life to the sandbox's, then becomes Lambda's runtime client.

Runs with the function's own module path, so it imports nothing of the sandbox.
Arguments: the sandbox's process id, the handler, the descriptor that takes the milliseconds of the handler's import.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import runpy
import signal
import sys
from time import perf_counter
from types import ModuleType

_PR_SET_PDEATHSIG = 1
"""From Linux's ``prctl.h``."""


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the sandbox dies, even of SIGKILL. Linux only; elsewhere no effect."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # the sandbox had gone before the kernel was asked


def _time_import(module: str, report: int) -> None:
    """Have the runtime client's import of ``module`` timed, which it does by ``importlib.import_module``, once."""
    os.set_inheritable(report, False)
    original = importlib.import_module

    def timed(name: str, package: str | None = None) -> ModuleType:
        if name != module:
            return original(name, package)
        importlib.import_module = original
        began = perf_counter()
        try:
            return original(name, package)
        finally:
            os.write(report, f"{(perf_counter() - began) * 1000:.3f}".encode("ascii"))
            os.close(report)

    importlib.import_module = timed


def main() -> None:
    """Become ``python -m awslambdaric <handler>``."""
    parent, handler, report = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    _die_with(parent)
    _time_import(handler.rpartition(".")[0].replace("/", "."), report)
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
