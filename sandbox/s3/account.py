"""The buckets of the emulated account, and what an operation needs beside its request."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from sandbox.s3.disk import Disk, read_json
from sandbox.s3.errors import S3Error
from sandbox.s3.model import BucketConfig
from sandbox.s3.objects import ObjectStore
from sandbox.s3.uploads import UploadStore

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Bucket:
    """One bucket: its configuration, its objects and its open uploads."""

    config: BucketConfig
    objects: ObjectStore
    uploads: UploadStore


@dataclass(frozen=True)
class Surroundings:
    """What operations are told from outside: where and when they run, and who wants to know of arriving bytes."""

    region: str
    account_id: str
    now: Callable[[], datetime]
    on_bytes: Callable[[str, str, int], None]


class Account:
    """Every bucket under one root; reopened on the same root it is the same account."""

    def __init__(self, disk: Disk, surroundings: Surroundings) -> None:
        self.disk = disk
        self.surroundings = surroundings
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        for record in sorted((disk.root / "buckets").glob("*/bucket.json")):
            self._open(BucketConfig(**read_json(record)))

    def create_bucket(self, config: BucketConfig) -> None:
        """Create a bucket or change its configuration; objects stay. ``ValueError`` for a name that S3 refuses."""
        if not _BUCKET_NAME.fullmatch(config.name) or ".." in config.name:
            raise ValueError(f"{config.name!r} is not a bucket name: 3-63 of a-z, 0-9, dot and hyphen")
        with self._lock:
            self.disk.write_json(self.disk.root / "buckets" / config.name / "bucket.json", asdict(config))
            self._open(config)

    def _open(self, config: BucketConfig) -> None:
        known = self._buckets.get(config.name)
        if known:
            known.objects.configure(config)
            self._buckets[config.name] = Bucket(config, known.objects, known.uploads)
            return
        objects = ObjectStore(self.disk, config)
        uploads = UploadStore(self.disk, config.name, objects.completed_uploads())
        self._buckets[config.name] = Bucket(config, objects, uploads)

    def bucket(self, name: str) -> Bucket:
        """The bucket; raises NoSuchBucket."""
        try:
            return self._buckets[name]
        except KeyError:
            raise S3Error("NoSuchBucket", BucketName=name) from None

    def names(self) -> list[str]:
        """The buckets' names, sorted."""
        return sorted(self._buckets)
