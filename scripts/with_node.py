"""Runs a program of Node.js with the Node.js that came from PyPI: ``python scripts/with_node.py npm ci``.

``npm`` is the wheel's own (its copied launchers do not work where they lie, so its script is named); any other name is
a program of ``node_modules``: ``cdk``, ``asl-validator``. Replaces this process, so the exit code is the program's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from cloud_sync.toolchain import wheel_bin  # noqa: E402 - needs the path above


def main(arguments: list[str]) -> NoReturn:
    """Become the program; exit with a one-line reason if that is impossible."""
    if not arguments:
        sys.exit("usage: with_node.py npm|cdk|asl-validator [arguments]")
    folder = wheel_bin()
    if folder is None:
        sys.exit("error: Node.js is not installed in this environment: run 'make .venv'")
    name, *rest = arguments
    npm = folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    script = npm if name == "npm" else PROJECT / "node_modules" / ".bin" / name
    if not script.exists():
        sys.exit(f"error: the Node.js program {name!r} is not installed: run 'make node_modules'")
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join((str(folder), environment.get("PATH", os.defpath)))
    # Beside Node's own certificates: a company's proxy may sign with one that only the machine knows.
    environment.setdefault("NODE_USE_SYSTEM_CA", "1")
    environment.setdefault("JSII_NODE", str(folder / "node"))
    os.execve(folder / "node", ["node", str(script), *rest], environment)  # noqa: S606 - that is this script's purpose


if __name__ == "__main__":
    main(sys.argv[1:])
