"""The time of day, as rows and reports have it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def now_text() -> str:
    """ISO 8601 in UTC, whole seconds: ``2026-01-31T12:00:00Z``."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
