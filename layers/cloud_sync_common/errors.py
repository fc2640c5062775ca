"""Every failure this project raises, by what it means for the workflow.

Step Functions matches an error's class name exactly and knows no inheritance, so the leaf names are a contract with
``cloud_sync/state_machine.asl.json``; ``tests/infrastructure/test_names_agree.py`` compares both sides.

::

    CloudSyncError
      RunError              the run cannot go on: the stop flag is raised, a person is told
        InvalidInput          the console's input or an event is wrong
        CredentialsMissing    the secret has no value yet
        CredentialsMalformed  the secret's value is not the JSON we need
        CredentialsExpired    GoPro refuses the cookies (also an APIError)
        SchemaChanged         GoPro answered with another shape (also an APIError)
        ArchiveDenied         S3 or KMS refuses us
        AccessDenied          another AWS service refuses us
        RunStopped            another function has raised the stop flag
      TransientError        the workflow's Retry tries again
        SourceThrottled       GoPro says slow down (also an APIError)
        SourceUnavailable     GoPro or its CDN does not answer properly (also an APIError)
        TransferError         moving bytes failed
          UrlExpired            the pre-signed URL is no longer good
          TruncatedBody         fewer or more bytes than promised
          SourceChanged         the source's size or validator is not the planned one
          SourceGone            the CDN no longer has a piece whose medium GoPro still has
        ArchiveThrottled      S3 or KMS says slow down
        ArchiveUnavailable    S3 does not answer properly
        RunsBucketUnavailable the runs bucket does not answer properly
        TrackerUnavailable    DynamoDB does not answer properly
        SecretUnavailable     Secrets Manager does not answer properly
        LeaseLost             another worker has claimed the medium meanwhile
      MediumError           this medium fails, with a reason; the run goes on
        MediumNotFound        GoPro has no such medium or quality (also an APIError)
        MediumRefused         GoPro refuses to serve this one medium (also an APIError)
        NoOriginal            the medium is ready, and neither an original nor the fallback exists
        SizeUnproven          the source never said how long the piece is
        RangesUnsupported     the source serves no ranges and one invocation is too short
        UnsafeUrl             GoPro handed out a URL that we refuse to open
        WrongContent          a web page or an error document in place of media
        KeyConflict           the object key holds something else
        ChecksumMismatch      S3 holds other bytes than we sent
        NoProgress            pass after pass moved nothing
        ArchiveRefused        S3 refuses the object for what it is
        PieceTooLarge         larger than an S3 object can be
"""

from __future__ import annotations


class CloudSyncError(Exception):
    """The base of all of this project's errors; its message is one line, says what to do and holds no secret."""


class RunError(CloudSyncError):
    """The run cannot go on."""


class TransientError(CloudSyncError):
    """Worth another try by the workflow."""


class MediumError(CloudSyncError):
    """This medium fails with a reason; others are not affected."""


class APIError(CloudSyncError):
    """GoPro's API refused a call; ``status`` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        """Seconds that GoPro asked us to wait, if it did."""


class InvalidInput(RunError):
    """The console's input or an event is wrong; the message names the key."""


class CredentialsMissing(RunError):
    """The secret has no value yet."""


class CredentialsMalformed(RunError):
    """The secret's value is not JSON with ``cookies`` and ``user-agent``."""


class CredentialsExpired(APIError, RunError):
    """GoPro refuses the cookies (401/403): a person must store fresh ones."""


class SchemaChanged(APIError, RunError):
    """GoPro answered with a shape that we do not know; going on could lose media."""


class ArchiveDenied(RunError):
    """S3 or KMS refuses us: policy, key or bucket."""


class AccessDenied(RunError):
    """DynamoDB, Secrets Manager or the runs bucket refuses us."""


class RunStopped(RunError):
    """Another function of this run has raised the stop flag."""


class SourceThrottled(APIError, TransientError):
    """GoPro says slow down (429)."""


class SourceUnavailable(APIError, TransientError):
    """GoPro's API or CDN does not answer properly (5xx, time-outs, resets, 408).

    ``timed_out``: it said nothing for so long that waiting was given up.
    """

    def __init__(
        self, message: str, *, status: int = 0, retry_after: float | None = None, timed_out: bool = False
    ) -> None:
        super().__init__(message, status=status, retry_after=retry_after)
        self.timed_out = timed_out


class TransferError(TransientError):
    """Moving bytes failed."""


class UrlExpired(TransferError):
    """The pre-signed URL is no longer good; resolve again."""


class TruncatedBody(TransferError):
    """The body was shorter or longer than its own headers or the asked range said."""


class SourceChanged(TransferError):
    """Size or validator differ from the ones that the upload was planned with."""


class SourceGone(TransferError):
    """GoPro still has the medium, but nothing (404) where its piece should be."""


class ArchiveThrottled(TransientError):
    """S3 or KMS says slow down."""


class ArchiveUnavailable(TransientError):
    """S3 does not answer properly."""


class RunsBucketUnavailable(TransientError):
    """The runs bucket does not answer properly."""


class TrackerUnavailable(TransientError):
    """DynamoDB does not answer properly or throttles."""


class SecretUnavailable(TransientError):
    """Secrets Manager does not answer properly or throttles."""


class LeaseLost(TransientError):
    """Another worker has claimed the medium; whatever this one wanted to write is void."""


class MediumNotFound(APIError, MediumError):
    """GoPro has no such medium or quality (404)."""


class MediumRefused(APIError, MediumError):
    """GoPro refuses to serve this medium, although the cookies are good."""


class NoOriginal(MediumError):
    """The medium is ready, and GoPro has neither its original nor the fallback quality."""


class SizeUnproven(MediumError):
    """The source never said how many bytes the piece has, so that completeness cannot be proven."""


class RangesUnsupported(MediumError):
    """The source serves no byte ranges, and the piece did not fit into one invocation."""


class UnsafeUrl(MediumError):
    """A URL from GoPro that we refuse to open, or that redirects to one: scheme, host, address or a login."""


class WrongContent(MediumError):
    """A web page or an error document in place of media."""


class KeyConflict(MediumError):
    """The object key holds an object that is not this piece; nothing was overwritten."""


class ChecksumMismatch(MediumError):
    """The checksum that S3 stored is not the one computed while streaming."""


class NoProgress(MediumError):
    """Several passes in a row moved nothing."""


class ArchiveRefused(MediumError):
    """S3 refuses the object for a reason that another try does not change."""


class PieceTooLarge(MediumError):
    """Larger than 10,000 parts of 5 GiB."""
