"""What a sink remembers of the bytes it threw away: objects, uploads and parts as sizes and checksums."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from awscrt import checksums

from benchmarks.stage.contents import as_s3_writes

CRC64NVME = "CRC64NVME"


class Refused(Exception):
    """S3's answer is an error: its ``code``, and the ``status`` of the response."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that came in and were counted. ``parts`` is how many bodies they came in."""

    size: int
    crc: int
    parts: int = 1

    @property
    def crc64nvme(self) -> str:
        """In base64, as S3 writes it."""
        return as_s3_writes(self.crc)

    @property
    def etag(self) -> str:
        """Changes with the bytes, and cannot be taken for an MD5."""
        return f'"{self.crc:016x}-{self.parts}"'

    def __add__(self, following: Received) -> Received:
        crc = checksums.combine_crc64nvme(self.crc, following.crc, following.size)
        return Received(self.size + following.size, crc, self.parts + following.parts)


@dataclass(slots=True)
class Upload:
    """A multipart upload; ``algorithm`` and ``kind`` are what Create declared of checksums, empty if nothing."""

    key: str
    algorithm: str
    kind: str
    parts: dict[int, Received] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A part as Complete names it."""

    number: int
    etag: str


class State:
    """Everything one sink knows; several connections use it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, Received] = {}
        self._uploads: dict[str, Upload] = {}
        self._made = 0

    def visible(self, key: str) -> Received | None:
        """What is there under the key."""
        with self._lock:
            return self._objects.get(key)

    def put(self, key: str, received: Received, *, only_if_absent: bool) -> None:
        """Make it visible; ``Refused`` with 412 if there is something already and there should not be."""
        with self._lock:
            self._show(key, received, only_if_absent)

    def forget(self, key: str) -> None:
        """As if nothing had ever been written to the key."""
        with self._lock:
            self._objects.pop(key, None)
            self._uploads = {upload_id: upload for upload_id, upload in self._uploads.items() if upload.key != key}

    def create(self, key: str, algorithm: str, kind: str) -> str:
        """A new upload's id."""
        with self._lock:
            self._made += 1
            upload_id = f"upload-{self._made:06d}"
            self._uploads[upload_id] = Upload(key, algorithm, kind)
            return upload_id

    def upload(self, key: str, upload_id: str) -> Upload:
        """The upload as it is; ``Refused`` if there is none of this id for this key."""
        with self._lock:
            return self._upload(key, upload_id)

    def uploads(self) -> dict[str, Upload]:
        """All that were begun and neither completed nor aborted, by id."""
        with self._lock:
            return dict(self._uploads)

    def add_part(self, key: str, upload_id: str, number: int, received: Received) -> Upload:
        """Take a part in, instead of an earlier one of its number."""
        with self._lock:
            upload = self._upload(key, upload_id)
            upload.parts[number] = received
            return upload

    def parts(self, key: str, upload_id: str) -> dict[int, Received]:
        """The parts that are there, in the order of their numbers."""
        with self._lock:
            return dict(sorted(self._upload(key, upload_id).parts.items()))

    def abort(self, key: str, upload_id: str) -> None:
        """Drop the upload."""
        with self._lock:
            self._upload(key, upload_id)
            del self._uploads[upload_id]

    def complete(
        self,
        key: str,
        upload_id: str,
        listed: Sequence[Listed],
        *,
        only_if_absent: bool,
        size: int | None,
        crc64nvme: str | None,
    ) -> Received:
        """Join the parts in the order given and show them; ``size`` and ``crc64nvme`` are what the client expects."""
        with self._lock:
            upload = self._upload(key, upload_id)
            if not listed or [part.number for part in listed] != sorted({part.number for part in listed}):
                raise Refused("InvalidPartOrder")
            whole = Received(0, 0, parts=0)
            for part in listed:
                held = upload.parts.get(part.number)
                if held is None or held.etag.strip('"') != part.etag.strip('"'):
                    raise Refused("InvalidPart")
                whole += held
            if size is not None and size != whole.size:
                raise Refused("InvalidRequest")
            if crc64nvme is not None and crc64nvme != whole.crc64nvme:
                raise Refused("BadDigest")
            self._show(key, whole, only_if_absent)
            del self._uploads[upload_id]
            return whole

    def _upload(self, key: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise Refused("NoSuchUpload", 404)
        return upload

    def _show(self, key: str, received: Received, only_if_absent: bool) -> None:
        if only_if_absent and key in self._objects:
            raise Refused("PreconditionFailed", 412)
        self._objects[key] = received
