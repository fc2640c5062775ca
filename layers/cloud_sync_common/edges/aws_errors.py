"""What boto3's exceptions mean to us: a request refused, slowed down, or not answered properly."""

from __future__ import annotations

from enum import Enum

from botocore.exceptions import BotoCoreError, ClientError

DENIED_CODES = frozenset({
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "InvalidAccessKeyId",
    "KMS.DisabledException",
    "KMS.InvalidStateException",
    "KMS.NotFoundException",
    "KMS.KMSInvalidStateException",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
})  # fmt: skip

THROTTLING_CODES = frozenset({
    "KMS.ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
})  # fmt: skip

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
"""The function's own temporary credentials ran out between signing and answer, as S3, DynamoDB and others say it.

botocore signs each request anew, so that another try has fresh ones where they can be renewed in this process. Lambda's
cannot (they are in its environment): there the workflow's Retry gets a process that has new ones. Nobody has to change
anything, so these stop no run.
"""

PASSING_CODES = EXPIRED_CODES | {"RequestTimeout", "RequestTimeTooSkewed", "TransactionCanceledException"}
"""Another try may mend these although their status is 4xx. A transaction whose own condition failed is looked at before
(``edges.table``); what is left is a conflict with another writer, or throttling.
"""

AWS_ERRORS = (ClientError, BotoCoreError)
"""Everything a boto3 client raises for a call that was put together rightly."""


class Meaning(Enum):
    """What a failed AWS call tells us to do."""

    DENIED = "a person must change something"
    THROTTLED = "slower"
    UNAVAILABLE = "again"
    REFUSED = "this request is wrong"


def code_of(error: ClientError | BotoCoreError) -> str:
    """The service's error code, or botocore's class name when there was no answer. Holds no request data."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def status_of(error: ClientError | BotoCoreError) -> int:
    """The HTTP status, 0 when there was no answer."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


def meaning_of(error: ClientError | BotoCoreError) -> Meaning:
    """Sort a failure; a status of 4xx that is neither a refusal of access nor throttling is our own mistake."""
    code, status = code_of(error), status_of(error)
    if code in THROTTLING_CODES or status in (429, 503):
        return Meaning.THROTTLED
    if code in PASSING_CODES:
        return Meaning.UNAVAILABLE
    if code in DENIED_CODES or status == 403:
        return Meaning.DENIED
    if status == 0 or status >= 500:
        return Meaning.UNAVAILABLE
    return Meaning.REFUSED
