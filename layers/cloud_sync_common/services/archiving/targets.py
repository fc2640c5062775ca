"""Where a piece goes: the key chosen first, or one beside it where that holds another version of the piece."""

from __future__ import annotations

from cloud_sync_common.edges.archive import Archive, ArchivedObject
from cloud_sync_common.errors import KeyConflict
from cloud_sync_common.models import ObjectKey, Source
from cloud_sync_common.rules.attributes import idempotency_token, is_this_piece
from cloud_sync_common.rules.naming import object_key, revised_key
from cloud_sync_common.services.archiving.work import PieceWork, Target


def find_target(
    archive: Archive, work: PieceWork, source: Source, mark: str | None = None
) -> tuple[Target, ArchivedObject | None]:
    """Return the key to write to, and the object if an earlier pass has made it visible.

    The key chosen first never moves. Only when it holds an older version of the same piece does the new one go beside
    it; ``mark`` tells versions apart in the name, by default the token. Raises ``KeyConflict`` where somebody else's
    object is in the way.
    """
    media_id, piece_id = work.medium.media_id, work.piece.piece_id
    token = idempotency_token(media_id, piece_id, source)
    kept = work.row.get("key")
    target = Target(ObjectKey(kept) if kept else object_key(work.medium, work.piece), source, token)
    found = archive.head(target.key)
    if found is None or target.is_held_by(found):
        return target, found
    if not is_this_piece(found.metadata, media_id, piece_id):
        raise KeyConflict(f"{target.key} holds an object that is not this piece")
    beside = Target(revised_key(target.key, work.piece, mark or token), source, token)
    found = archive.head(beside.key)
    if found is not None and not beside.is_held_by(found):
        raise KeyConflict(f"{beside.key} holds an object that is not this piece")
    return beside, found
