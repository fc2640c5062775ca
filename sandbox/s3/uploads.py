"""The open multipart uploads of one bucket and their parts, on disk and in an index."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.s3.disk import Disk, read_json
from sandbox.s3.errors import S3Error
from sandbox.s3.model import OpenUpload, Part


@dataclass
class _Entry:
    upload: OpenUpload
    parts: dict[int, Part]
    lock: threading.RLock = field(default_factory=threading.RLock)
    ended: bool = False


class UploadStore:
    """The open uploads of one bucket. Thread-safe; a reopened store sees every part that was acknowledged."""

    def __init__(self, disk: Disk, bucket: str, completed: set[str]) -> None:
        self._disk = disk
        self._folder = disk.root / "buckets" / bucket / "uploads"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._entries: dict[str, _Entry] = {}
        for folder in self._folder.iterdir():
            self._load(folder, completed)

    def _load(self, folder: Path, completed: set[str]) -> None:
        if folder.name in completed or not (folder / "upload.json").exists():
            self._disk.remove_tree(folder)
            return
        upload = OpenUpload.from_json(read_json(folder / "upload.json"))
        parts = [Part.from_json(read_json(record), folder) for record in folder.glob("part-*.json")]
        known = {part.path for part in parts}
        for path in folder.glob("content-*"):
            if path not in known:  # its writer was killed before the record was in place
                path.unlink()
        self._entries[upload.upload_id] = _Entry(upload, {part.number: part for part in parts})

    def create(self, upload: OpenUpload) -> None:
        """Open an upload."""
        self._disk.write_json(self._folder / upload.upload_id / "upload.json", upload.to_json())
        self._entries[upload.upload_id] = _Entry(upload, {})

    def get(self, upload_id: str, key: str) -> OpenUpload:
        """The upload; raises NoSuchUpload once it is completed or aborted, and for another key's id."""
        entry = self._entries.get(upload_id)
        if entry is None or entry.upload.key != key:
            raise S3Error("NoSuchUpload", UploadId=upload_id)
        return entry.upload

    def all(self) -> list[OpenUpload]:
        """Every open upload, by key and then by the time it was opened, as S3 lists them."""
        uploads = [entry.upload for entry in list(self._entries.values())]
        return sorted(uploads, key=lambda upload: (upload.key, upload.initiated, upload.upload_id))

    def parts(self, upload: OpenUpload) -> list[Part]:
        """The parts that are there, by number."""
        with self._hold(upload) as entry:
            return [entry.parts[number] for number in sorted(entry.parts)]

    def put_part(self, upload: OpenUpload, part: Part) -> None:
        """Keep ``part``, whose content lies aside; an earlier one of that number is replaced (the last one wins)."""
        folder = self._folder / upload.upload_id
        with self._hold(upload) as entry:
            before = entry.parts.get(part.number)
            stored = dataclasses.replace(part, path=folder / f"content-{uuid.uuid4().hex}")
            part.path.replace(stored.path)
            self._disk.write_json(folder / f"part-{part.number:05d}.json", stored.to_json())
            entry.parts[part.number] = stored
            if before:
                before.path.unlink()

    @contextmanager
    def ending(self, upload: OpenUpload) -> Iterator[None]:
        """Hold the upload still for the block, and end it if the block succeeds: its parts are gone then.

        Raises NoSuchUpload if another call has ended it already.
        """
        with self._hold(upload) as entry:
            yield
            entry.ended = True
            del self._entries[upload.upload_id]
            self._disk.remove_tree(self._folder / upload.upload_id)

    def abort(self, upload: OpenUpload) -> None:
        """End an upload without an object. Raises NoSuchUpload if it has ended already."""
        with self.ending(upload):
            pass

    @contextmanager
    def _hold(self, upload: OpenUpload) -> Iterator[_Entry]:
        entry = self._entries.get(upload.upload_id)
        if entry is None:
            raise S3Error("NoSuchUpload", UploadId=upload.upload_id)
        with entry.lock:
            if entry.ended:  # while we waited for the lock
                raise S3Error("NoSuchUpload", UploadId=upload.upload_id)
            yield entry
