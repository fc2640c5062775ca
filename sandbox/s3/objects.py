"""The objects of one bucket, on disk and in an index: one record per key (its versions, newest first), one file each.

Keys never become paths: a record's name is the key's SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import uuid
from dataclasses import dataclass

from sandbox.s3.disk import Disk, read_json
from sandbox.s3.errors import S3Error
from sandbox.s3.model import BucketConfig, StoredObject


@dataclass(frozen=True)
class Precondition:
    """The conditions of a write: ``If-None-Match: *`` and ``If-Match``."""

    must_be_absent: bool = False
    must_match: str | None = None

    def check(self, current: StoredObject | None) -> None:
        """Raises PreconditionFailed, or NoSuchKey where there is nothing that could match."""
        if self.must_be_absent and current is not None:
            raise S3Error("PreconditionFailed", Condition="If-None-Match")
        if self.must_match is None:
            return
        if current is None:
            raise S3Error("NoSuchKey")
        if self.must_match not in ("*", current.etag):
            raise S3Error("PreconditionFailed", Condition="If-Match")


class ObjectStore:
    """The objects of one bucket. Thread-safe; a reopened store sees what was committed."""

    def __init__(self, disk: Disk, config: BucketConfig) -> None:
        self._disk = disk
        self._config = config
        self._folder = disk.root / "buckets" / config.name
        self._content = self._folder / "content"
        self._content.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._versions: dict[str, list[StoredObject]] = {}
        self._load()

    def _load(self) -> None:
        for record in (self._folder / "objects").glob("*/*.json"):
            versions = [StoredObject.from_json(version, self._content) for version in read_json(record)]
            self._versions[versions[0].key] = versions
        known = {version.path for versions in self._versions.values() for version in versions}
        for path in self._content.iterdir():
            if path not in known:  # its writer was killed before the record was in place
                path.unlink()

    def configure(self, config: BucketConfig) -> None:
        """Take over a changed configuration of the same bucket, for what is written from now on."""
        with self._lock:
            self._config = config

    def find(self, key: str, version_id: str | None = None) -> StoredObject | None:
        """The current version of a key, or the asked one."""
        with self._lock:
            versions = self._versions.get(key, [])
            if version_id is None:
                return versions[0] if versions else None
            return next((version for version in versions if version.version_id == version_id), None)

    def all(self) -> list[StoredObject]:
        """Every current object, in the order of S3's listings (UTF-8 bytes of the key)."""
        with self._lock:
            return [self._versions[key][0] for key in sorted(self._versions)]

    def completed_uploads(self) -> set[str]:
        """The uploads that became objects."""
        with self._lock:
            return {found.upload_id for versions in self._versions.values() for found in versions if found.upload_id}

    def commit(self, new: StoredObject, precondition: Precondition) -> StoredObject:
        """Make ``new``, whose content lies aside, the current version; returns it as stored.

        The caller has checked the precondition once, when its request began: one that fails only now was beaten by
        another write in between, which S3 tells apart (ConditionalRequestConflict).
        """
        with self._lock:
            before = self._versions.get(new.key, [])
            try:
                precondition.check(before[0] if before else None)
            except S3Error as beaten:
                raise S3Error("ConditionalRequestConflict", Condition=beaten.fields.get("Condition", "")) from beaten
            stored = dataclasses.replace(
                new,
                path=self._content / uuid.uuid4().hex,
                version_id=uuid.uuid4().hex if self._config.versioned else None,
            )
            new.path.replace(stored.path)
            after = [stored, *before] if self._config.versioned else [stored]
            name = hashlib.sha256(new.key.encode()).hexdigest()
            record = self._folder / "objects" / name[:2] / f"{name}.json"
            self._disk.write_json(record, [version.to_json() for version in after])
            self._versions[new.key] = after
            for version in before if not self._config.versioned else []:
                version.path.unlink()
            return stored
