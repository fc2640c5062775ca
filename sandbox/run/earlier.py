"""What the archive held before this invocation, for comparing it with its source afterwards.

A kept account outlives its source: the library of today may have other files than that of yesterday. What was archived
from a file that is no longer served, or that has changed since, must still be there and be what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.run.comparison import MEDIUM_METADATA, ArchivedObject, Served, ServedPiece, is_record
from sandbox.run.fingerprints import Fingerprint, fingerprint


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was archived before and is served no more: it must still be there."""

    fingerprint: Fingerprint
    required: bool = True


def served_or_kept(served: Served | None, earlier: Iterable[ArchivedObject]) -> Served | None:
    """Return ``served``, with those of the ``earlier`` objects added whose content the source no longer serves."""
    kept: dict[str, list[ArchivedObject]] = {}
    for each in earlier:
        if is_record(each):
            continue
        kept.setdefault(each.metadata.get(MEDIUM_METADATA, ""), []).append(each)
    if served is None or not kept:
        return served

    def both(media_id: str) -> Sequence[ServedPiece]:
        now = list(served(media_id))
        if media_id not in kept:
            return now
        current = {piece.fingerprint for piece in now}
        held = [fingerprint(each.path) for each in kept[media_id]]
        return [*now, *(_Kept(one) for one in held if one not in current)]

    return both
