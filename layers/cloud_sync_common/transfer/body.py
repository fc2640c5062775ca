"""A source's body on its way to S3: counted, checksummed, bounded by a length and a deadline."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from cloud_sync_common.errors import CloudSyncError, TruncatedBody, WrongContent
from cloud_sync_common.transfer.checksums import Crc64Nvme
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached
from cloud_sync_common.transfer.ports import SourceAnswer

Received = TypeVar("Received", bytes, int)

CHUNK = 256 * 1024
"""Bytes asked of the source at a time: what stays in a core's L2 cache (performance.md 2)."""

_DOCUMENT = re.compile(rb'(\xef\xbb\xbf)?\s*(<[!?a-z]|\{\s*["}]|\[\s*["{\[\]])', re.IGNORECASE)
"""How HTML, XML and JSON begin, maybe after a byte order mark; no format of a camera begins so."""


class SourceBody:
    """A forward-only body, for botocore to ``read`` or for our own sockets to ``fill`` from.

    ``expected`` is the length that must arrive, ``None`` if nobody knows it. botocore wraps whatever ``read`` raises
    into an exception of its own, so the original is kept in ``error``. ``sniff`` refuses a body that begins like an
    error document, whatever its headers said (fault F13).
    """

    def __init__(self, answer: SourceAnswer, expected: int | None, deadline: Deadline, *, sniff: bool = False) -> None:
        self._answer = answer
        self._sniff = sniff
        self._expected = expected
        self._crc = Crc64Nvme()
        self.deadline = deadline
        self.received = 0
        self.error: Exception | None = None

    @property
    def crc64nvme(self) -> str:
        """The checksum of what was read so far, in S3's form."""
        return self._crc.base64

    def read(self, amount: int = -1) -> bytes:
        """Up to ``amount`` bytes (a chunk when negative), empty at the end.

        Raises ``TruncatedBody`` for a short or overlong body, ``SourceUnavailable`` for a broken connection,
        ``WrongContent``, ``DeadlineReached``.
        """
        wanted = CHUNK if amount is None or amount < 0 else min(amount, CHUNK)
        return self._kept(lambda: self._read(wanted))

    def fill(self, view: memoryview) -> int:
        """Fill ``view``, less only at the end of a body whose length nobody knew. Raises as ``read``."""
        return self._kept(lambda: self._fill(view))

    def end(self) -> None:
        """Make sure that there is nothing more; raises ``TruncatedBody`` where there is, and as ``read``."""
        self._kept(self._end)

    def _kept(self, action: Callable[[], Received]) -> Received:
        try:
            return action()
        except (CloudSyncError, DeadlineReached) as error:
            self.error = error
            raise

    def _read(self, amount: int) -> bytes:
        self.deadline.check()
        data = self._answer.read(amount)
        self._take_in(data, is_end=not data and amount > 0)
        return data

    def _fill(self, view: memoryview) -> int:
        self.deadline.check()
        filled = self._answer.fill(view)
        self._take_in(view[:filled], is_end=filled < len(view))
        return filled

    def _end(self) -> int:
        if self._fill(memoryview(bytearray(1))):
            raise TruncatedBody(f"the source sent more than {self.received - 1} bytes")
        return 0

    def _take_in(self, data: bytes | memoryview, *, is_end: bool) -> None:
        if self._sniff and data:
            self._sniff = False
            if _DOCUMENT.match(data):
                raise WrongContent("the source sent an error document in place of media")
        self.received += len(data)
        self._crc.update(data)
        if self._expected is None:
            return
        if self.received > self._expected:
            raise TruncatedBody(f"the source sent more than the expected {self._expected} bytes")
        if is_end and self.received < self._expected:
            raise TruncatedBody(f"the source sent {self.received} of {self._expected} bytes")


class BodySection:
    """The next ``size`` bytes of a body as a body of their own: a part of a stream that serves no ranges."""

    def __init__(self, body: SourceBody, size: int) -> None:
        self._body = body
        self._left = size
        self._crc = Crc64Nvme()
        self.deadline = body.deadline

    @property
    def crc64nvme(self) -> str:
        """The checksum of this section as far as it was read, in S3's form."""
        return self._crc.base64

    @property
    def error(self) -> Exception | None:
        """What reading the whole has raised."""
        return self._body.error

    def read(self, amount: int = -1) -> bytes:
        """As ``SourceBody.read``, within the section."""
        wanted = CHUNK if amount is None or amount < 0 else amount
        if not self._left:
            return b""
        data = self._body.read(min(wanted, self._left))
        self._left -= len(data)
        self._crc.update(data)
        return data

    def fill(self, view: memoryview) -> int:
        """As ``SourceBody.fill``, within the section."""
        filled = self._body.fill(view[: self._left]) if self._left else 0
        self._left -= filled
        self._crc.update(view[:filled])
        return filled

    def end(self) -> None:
        """What follows belongs to the next section."""


OutgoingBody = SourceBody | BodySection
"""What the archive sends."""
