"""How fast, how lean and how right the transfer engine is beside other programs: ``make bench``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository's root."""

# `python -m benchmarks...` from the root finds the root by itself; in a function the layer is on the path.
if str(ROOT / "layers") not in sys.path:
    sys.path.insert(0, str(ROOT / "layers"))
