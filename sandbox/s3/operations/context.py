"""One call of an operation: the request and everything its handler may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sandbox.s3.account import Account, Bucket
from sandbox.s3.describe import KMS, SSE, SSE_KEY
from sandbox.s3.errors import S3Error, not_implemented
from sandbox.s3.kms import key_use
from sandbox.s3.message import Request, Response
from sandbox.s3.objects import Precondition
from sandbox.s3.xml import Element, render

PAGE = 1000


@dataclass(frozen=True)
class Context:
    """A call in hand. ``before_commit`` is the moment of ``Stage.COMMIT``.

    ``ask_kms(use, key)`` raises what S3 answers if KMS refuses this use of the key.
    """

    account: Account
    request: Request
    operation: str
    before_commit: Callable[[], None]
    ask_kms: Callable[[str, str], None]

    @property
    def bucket(self) -> Bucket:
        """The bucket in the path; raises NoSuchBucket."""
        return self.account.bucket(self.request.bucket)

    @property
    def now(self) -> datetime:
        """The time, in whole milliseconds as S3 keeps it."""
        now = self.account.surroundings.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def on_bytes(self, count: int) -> None:
        """Tell whoever watches that this many bytes have arrived."""
        self.account.surroundings.on_bytes(self.request.bucket, self.request.key, count)

    def meets(self, encryption: Mapping[str, str]) -> None:
        """The call is about something encrypted so: raises if S3 cannot use the key that the call needs.

        Over plain http it never does: S3 API reference, PutObject, ``SSEKMSKeyId``.
        """
        if encryption.get(SSE) != KMS:
            return
        request = self.request
        request.kms_key = encryption[SSE_KEY]
        use = key_use(self.operation, request.parameters)
        if use is None:
            return
        if not request.secure:
            raise S3Error(
                "InvalidArgument",
                "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure "
                "connection.",
                ArgumentName=SSE,
            )
        self.ask_kms(use, request.kms_key)

    def number(self, name: str, default: int, source: dict[str, str] | None = None) -> int:
        """A whole number from the query (or ``source``); raises InvalidArgument for anything else."""
        values = self.request.query if source is None else source
        text = values.get(name, str(default))
        if not (text.isascii() and text.isdigit()) or int(text) >= 2**31:
            raise S3Error("InvalidArgument", f"Provided {name} not an integer or within integer range")
        return int(text)


def precondition(headers: dict[str, str]) -> Precondition:
    """The conditions of a write. S3 knows no other value of If-None-Match than ``*`` here."""
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match not in (None, "*"):
        raise S3Error("NotImplemented", "A header you provided implies functionality that is not implemented")
    if none_match and match:
        raise not_implemented("If-Match together with If-None-Match")
    return Precondition(must_be_absent=bool(none_match), must_match=match.strip('"') if match else None)


def xml(root: str, children: list[Element], headers: dict[str, str] | None = None) -> Response:
    """An answer with an XML document."""
    return Response(
        headers={"Content-Type": "application/xml", **(headers or {})}, body=render(Element(root, children))
    )


def quoted(etag: str) -> str:
    """An ETag with its quotes."""
    return f'"{etag}"'


def timestamp(moment: datetime) -> str:
    """A time as the XML documents have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
