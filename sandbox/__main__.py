"""``python -m sandbox``: the whole pipeline on this machine, without an AWS account."""

from __future__ import annotations

import sys

from sandbox.cli import install_last_resort, main

if __name__ == "__main__":
    install_last_resort()
    sys.exit(main(sys.argv[1:]))
