"""What was asked of the server: one entry per call, for tests, the permissions check and the report."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.s3.message import Request


@dataclass(frozen=True)
class LoggedRequest:
    """One call that was made; a duplicated one is two.

    ``status`` 0: the client went away, or the answer was withheld before anything was done. ``answered`` is false
    where the server ended the connection on purpose instead of sending the answer, and for the first of two calls made
    of one. ``secure``: it came over TLS.

    ``parameters`` are the query parameters and headers named in ``message.PARAMETERS``, as they were sent, where they
    were sent. ``kms_key`` is the ARN of the key that the call met: for PutObject and CreateMultipartUpload the one
    that headers or bucket defaults choose; for UploadPart, ListParts and CompleteMultipartUpload the upload's; for
    GetObject, HeadObject, GetObjectAttributes and GetObjectTagging the object's. ``None`` without SSE-KMS, for all
    other operations, and for a call that was refused before it got so far. ``kms.key_use`` tells what KMS was asked
    for.
    """

    operation: str
    bucket: str
    key: str
    status: int
    access_key_id: str | None
    error: str | None = None
    answered: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)
    secure: bool = True
    kms_key: str | None = None


class Log:
    """Entries in the order of the calls' completion; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[LoggedRequest] = []

    def add(self, request: Request, operation: str, status: int, error: str | None, *, answered: bool) -> None:
        """Write down how a call ended."""
        entry = LoggedRequest(
            operation,
            request.bucket,
            request.key,
            status,
            request.access_key_id,
            error,
            answered,
            request.parameters,
            request.secure,
            request.kms_key,
        )
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> list[LoggedRequest]:
        """Every call so far."""
        with self._lock:
            return list(self._entries)
