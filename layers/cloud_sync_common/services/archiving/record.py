"""``medium.json``, archived like any piece: intent, bytes under a free key, HEAD, proof."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from cloud_sync_common.edges.archive import Archive, KeyTaken, WriteConflict
from cloud_sync_common.edges.credentials import Credentials
from cloud_sync_common.errors import ArchiveUnavailable
from cloud_sync_common.gopro_provider import GoProProvider
from cloud_sync_common.models import Source, Status
from cloud_sync_common.services.archiving.completion import Completion
from cloud_sync_common.services.archiving.targets import find_target
from cloud_sync_common.services.archiving.work import Advance, PieceRow, PieceWork, Target, is_proven_in_this_run
from cloud_sync_common.transfer.checksums import Crc64Nvme


class _Held(BytesIO):
    """A body that is held in memory; reading it cannot fail."""

    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class RecordArchiver:
    """Brings GoPro's own record of a medium into the archive; one that changes later goes beside the first."""

    archive: Archive
    row: PieceRow
    completion: Completion
    provider: GoProProvider
    credentials: Callable[[], Credentials]
    storage_class: str

    def advance(self, work: PieceWork) -> Advance:
        """Ask for the record and archive it unless it is there. Its bytes are ours, so that none count as moved.

        Raises as ``GoProProvider.medium_record`` does, ``DeadlineReached``, and what PieceArchiver raises for S3.
        """
        if is_proven_in_this_run(work):
            return Advance(done=True, moved=0)
        work.deadline.check()
        content = self.provider.medium_record(work.medium.media_id, self.credentials())
        digest = hashlib.sha256(content).hexdigest()
        source = Source(len(content), f'"sha256-{digest}"', ranges=False)
        target, found = find_target(self.archive, work, source, mark=digest)
        if found is not None:
            self.completion.record(work, target, found)
            return Advance(done=True, moved=0)
        planned = (Status.IN_PROGRESS, target.token, target.key)
        if (work.row.get("status"), work.row.get("token"), work.row.get("key")) != planned:
            self.row.intend(work, target)
        self.completion.prove(work, target, self._put(work, target, content))
        return Advance(done=True, moved=0)

    def _put(self, work: PieceWork, target: Target, content: bytes) -> str | None:
        """The checksum of what was sent; ``None`` where the key was taken meanwhile: HEAD then tells by whom."""
        crc = Crc64Nvme()
        crc.update(content)
        try:
            self.archive.put(target.key, _Held(content), len(content), target.attributes(work, self.storage_class))
        except KeyTaken:
            return None
        except WriteConflict:
            raise ArchiveUnavailable("another write of this key is under way") from None
        return crc.base64
