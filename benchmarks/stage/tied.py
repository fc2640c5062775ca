"""Becomes another program, one that ends with whoever started it: ``python -m benchmarks.stage.tied COMMAND``.

For servers that, unlike the stage's own, do not end with their standard input. Tied to the thread that started it.
"""

from __future__ import annotations

import os
import signal
import sys

from benchmarks import kernel

if __name__ == "__main__":
    kernel.die_with_parent(signal.SIGTERM)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the stage's own command
