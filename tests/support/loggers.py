"""The root logger and the quiet ones, put back as they were."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_sync_common.observability.logs import QUIET


@contextmanager
def loggers_kept() -> Iterator[None]:
    """Whatever the block does to handlers and levels is undone afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
