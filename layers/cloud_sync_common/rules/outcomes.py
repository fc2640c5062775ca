"""The shapes that the functions hand to the state machine: every documented key, always, of constant size. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cloud_sync_common.models import SCHEMA, MediaId, Outcome, PieceId


@dataclass(frozen=True, slots=True)
class PartRange:
    """A run of part numbers, both inclusive: the work of one function."""

    first: int
    last: int


def download_result(
    media_id: MediaId, outcome: Outcome, *, ranges: Iterable[dict[str, Any]] = (), max_concurrency: int = 1
) -> dict[str, Any]:
    """What ``video_downloader`` returns. ``summary`` is the child execution's whole output: under 200 bytes."""
    return {
        "outcome": outcome.value,
        "media_id": media_id,
        "ranges": list(ranges),
        "max_concurrency": max_concurrency,
        "summary": {"media_id": media_id, "outcome": outcome.value},
    }


def range_event(run_id: str, media_id: MediaId, piece_id: PieceId, generation: int, parts: PartRange) -> dict[str, Any]:
    """What ``multipart_uploader`` gets: see ``rules.events.parse_upload``."""
    return {
        "schema": SCHEMA,
        "run_id": run_id,
        "media_id": media_id,
        "piece_id": piece_id,
        "generation": generation,
        "first_part": parts.first,
        "last_part": parts.last,
    }
