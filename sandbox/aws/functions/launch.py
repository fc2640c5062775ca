"""First program of a function's process: ties its life to the sandbox's, then becomes Lambda's runtime client.

Runs with the function's own module path, so it imports nothing of the sandbox.
Arguments: the sandbox's process id, the handler.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""From Linux's ``prctl.h``."""


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the sandbox dies, even of SIGKILL. Linux only; elsewhere no effect."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # the sandbox had gone before the kernel was asked


def main() -> None:
    """Become ``python -m awslambdaric <handler>``."""
    parent, handler = int(sys.argv[1]), sys.argv[2]
    _die_with(parent)
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
