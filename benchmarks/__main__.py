"""``python -m benchmarks``: the transfer engine beside its peers (``make bench``)."""

from __future__ import annotations

import sys

from benchmarks.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
