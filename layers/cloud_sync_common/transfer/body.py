"""A response body on its way to S3: counted, checksummed, bounded by a length and a deadline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError as Urllib3Error

from cloud_sync_common.edges.cut_off import CutOff
from cloud_sync_common.errors import SourceUnavailable, TransferError, TruncatedBody, WrongContent
from cloud_sync_common.transfer.checksums import Crc64Nvme
from cloud_sync_common.transfer.deadline import Deadline, DeadlineReached

if TYPE_CHECKING:
    import requests

CHUNK = 256 * 1024
"""Bytes asked of the socket at a time: what stays in a core's L2 cache (performance.md 2)."""

_DOCUMENT = re.compile(rb'(\xef\xbb\xbf)?\s*(<[!?a-z]|\{\s*["}]|\[\s*["{\[\]])', re.IGNORECASE)
"""How HTML, XML and JSON begin, maybe after a byte order mark; no format of a camera begins so."""


class SourceBody:
    """A forward-only, file-like body that botocore can stream; never more than ``CHUNK`` bytes in memory.

    ``expected`` is the length that must arrive, ``None`` if nobody knows it. botocore wraps whatever ``read`` raises
    into an exception of its own, so the original is kept in ``error``. ``sniff`` refuses a body that begins like an
    error document, whatever its headers said (fault F13). ``cut_off`` ends, at the deadline, a read that drips.
    """

    def __init__(
        self,
        response: requests.Response,
        expected: int | None,
        deadline: Deadline,
        cut_off: CutOff,
        *,
        sniff: bool = False,
    ) -> None:
        self._raw = response.raw
        self._sniff = sniff
        self._expected = expected
        self._deadline = deadline
        self._cut_off = cut_off
        self._crc = Crc64Nvme()
        self.received = 0
        self.error: Exception | None = None

    @property
    def crc64nvme(self) -> str:
        """The checksum of what was read so far, in S3's form."""
        return self._crc.base64

    def read(self, amount: int = -1) -> bytes:
        """Up to ``amount`` bytes (a chunk when negative), empty at the end.

        Raises ``TruncatedBody`` for a short or overlong body, ``SourceUnavailable`` for a broken connection,
        ``DeadlineReached``.
        """
        try:
            return self._read(CHUNK if amount is None or amount < 0 else min(amount, CHUNK))
        except (TransferError, SourceUnavailable, WrongContent, DeadlineReached) as error:
            self.error = error
            raise

    def _read(self, amount: int) -> bytes:
        self._deadline.check()
        try:
            data: bytes = self._raw.read(amount, decode_content=False)
        except (Urllib3Error, OSError, ValueError) as error:
            # ValueError: a chunk of negative length, or a read that begins while the cut-off takes TLS away.
            if self._cut_off.happened:
                raise DeadlineReached from None
            raise SourceUnavailable(f"the source broke off ({type(error).__name__})") from None
        if self._cut_off.happened:
            raise DeadlineReached
        if self._sniff and data:
            self._sniff = False
            _refuse_documents(data)
        self.received += len(data)
        self._crc.update(data)
        if self._expected is not None:
            if self.received > self._expected:
                raise TruncatedBody(f"the source sent more than the expected {self._expected} bytes")
            if not data and self.received < self._expected:
                raise TruncatedBody(f"the source sent {self.received} of {self._expected} bytes")
        return data


def _refuse_documents(beginning: bytes) -> None:
    if _DOCUMENT.match(beginning):
        raise WrongContent("the source sent an error document in place of media")
