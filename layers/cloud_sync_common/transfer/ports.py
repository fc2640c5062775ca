"""What an adapter of the byte path has to offer; ``by_requests`` and ``sockets`` are the two there are.

The S3 side needs no port of its own: both adapters are ``edges.archive.Archive`` on a boto3 client, and differ in who
puts the bytes of a body on the wire. So its requests, signatures and errors are botocore's in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from cloud_sync_common.models import SecretUrl
from cloud_sync_common.transfer.deadline import Deadline


class SourceAnswer(Protocol):
    """A source's answer whose body is read once, forward.

    ``read`` and ``fill`` raise ``SourceUnavailable`` for a body that breaks off, stalls or is framed wrongly, and
    ``DeadlineReached``.
    """

    status: int
    headers: Mapping[str, str]
    """Names in lower case; what came several times is joined by commas."""

    def read(self, amount: int) -> bytes:
        """At most ``amount`` bytes of the body as they come over the wire, empty at its end."""
        ...

    def fill(self, view: memoryview) -> int:
        """Fill ``view`` from the body; fewer bytes than it holds mean that the body has ended."""
        ...

    def until(self, deadline: Deadline) -> AbstractContextManager[object]:
        """While the block lasts, no read lasts beyond the deadline."""
        ...

    def close(self) -> None:
        """Be done with it: the connection is kept for the next request if the body was read to its end."""
        ...


class SourceTransport(Protocol):
    """Sends one request to a source. Adds no cookie, no Authorization header, follows no redirect, tries once."""

    def request(self, method: str, url: SecretUrl, headers: Mapping[str, str]) -> SourceAnswer:
        """Send it and read the answer's headers.

        Raises ``UnsafeUrl`` for a name that leads to no permitted address, ``SourceUnavailable`` for no answer.
        """
        ...
