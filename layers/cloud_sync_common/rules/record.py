"""``medium.json``: everything that GoPro knows about a medium and its owner would lose, without any secret. Pure.

Title, description, tags, camera, dates, HiLights ... whatever GoPro names, also what it will name tomorrow: what may be
secret is left out by its name and its looks, all else stays. The same answer always becomes the same bytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cloud_sync_common.models import SCHEMA, Piece, PieceId, SecretUrl
from cloud_sync_common.rules.listing_row import whole_number
from cloud_sync_common.rules.naming import RECORD, SIDE_RECORD
from cloud_sync_common.rules.urls import MASK, redact

_LEFT_OUT = re.compile(
    r"token|ur[il]s?(_|\b)|href|links?\b|heads?\b|signature|cookie|secret|passw|credential|authori[sz]ation|session_id"
    r"|user_id|owner|account|e?mail\b|folder_path|thumbnail_updated",
    re.IGNORECASE,
)
"""Names of what opens something, says who the owner is, or leads to an address that soon is none."""

_ACCOUNT_IDS = ("gopro_user_id", "user_id")
_ADDRESS = re.compile(r"\s*[a-z][a-z0-9+.-]*://\S+\s*", re.IGNORECASE)
_DEEPEST = 20


def record_piece() -> Piece:
    """Return the record as one of its medium's pieces. It has no URL: we write it."""
    return Piece(PieceId(f"{RECORD}-1"), RECORD, RECORD, 1, SIDE_RECORD, SecretUrl(""), is_extra=True)


def medium_record(answer: Mapping[str, object], hilights_ms: Iterable[int] | None) -> bytes:
    """Return the document as UTF-8 JSON, keys sorted.

    ``answer`` is GoPro's own of ``/media/{id}``; ``hilights_ms`` are the HiLight tags in milliseconds from the
    beginning, ``None`` if GoPro did not tell them.
    """
    ids = [value for name in _ACCOUNT_IDS if isinstance(value := answer.get(name), str) and len(value) > 3]
    hilights = None if hilights_ms is None else sorted(hilights_ms)
    document = {"schema": SCHEMA, "medium": _kept(answer, ids, 0), "hilights_ms": hilights}
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode("utf-8", "replace")


def has_hilights(answer: Mapping[str, object]) -> bool:
    """Tell whether asking for the HiLight tags is worth a call."""
    return bool(whole_number(answer.get("moments_count")))


def parse_hilights(payload: object) -> list[int] | None:
    """Read the answer of ``/media/{id}/moments``: times in ms; ``None`` for a shape that we do not know."""
    embedded = payload.get("_embedded") if isinstance(payload, Mapping) else None
    moments = embedded.get("moments") if isinstance(embedded, Mapping) else None
    if not isinstance(moments, list):
        return None
    times = [whole_number(moment.get("time")) for moment in moments if isinstance(moment, Mapping)]
    return [time for time in times if time is not None]


def _kept(value: Any, ids: list[str], depth: int) -> Any:
    """The value without what must not be kept; ``None`` in the place of a secret that has no name."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping):
        pairs = sorted((str(name), inner) for name, inner in value.items() if not _LEFT_OUT.search(str(name)))
        return {_text(name, ids): _kept(inner, ids, depth + 1) for name, inner in pairs}
    if isinstance(value, list):
        return [_kept(inner, ids, depth + 1) for inner in value]
    if isinstance(value, str):
        return None if _ADDRESS.fullmatch(value) else _text(value, ids)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _text(value: str, ids: list[str]) -> str:
    for each in ids:
        value = value.replace(each, MASK)
    return redact(value)
