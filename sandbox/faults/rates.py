"""The odds of ``--seed``: what may happen to which call, how often, and how often at most.

Everything here passes by itself. The bounds are made for a pipeline that tries a call three times and an invocation
four times:

* a key (service, operation, resource) that belongs to one medium is disturbed once, so that no call fails three times;
* what is shared by all media (the table, the secret, a topic, the listing) is disturbed as often as AWS's own clients
  try again: fewer times than they try in all;
* what costs a whole invocation (``costly``) happens to each function ``COSTLY_PER_FUNCTION`` times in a run.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.faults.services import FUNCTIONS
from sandbox.gopro.operations import API_SERVICE, CDN_SERVICE

COSTLY_PER_FUNCTION = 2
MOST_IN_ALL = 60

STALL_SECONDS = 2.0
"""Shorter than any sensible read time-out."""
RETRY_AFTER_SECONDS = 1
LATEST_CUT = 256 * 1024
"""Answers and requests are cut somewhere within so many bytes, or not at all if they are shorter."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``chance`` (of 1) that ``kind`` happens to a call of ``service``; to these ``operations`` only, if any are named.

    ``status`` and ``code`` are for refusals.
    """

    service: str
    kind: str
    chance: float
    operations: frozenset[str] = frozenset()
    status: int = 0
    code: str = ""
    costly: bool = False


_READS = frozenset({"HeadObject", "GetObject", "ListParts", "ListObjectsV2", "ListMultipartUploads"})
_BODIES = frozenset({"PutObject", "UploadPart"})
_EFFECTS = _BODIES | {"CompleteMultipartUpload"}
"""Creating an upload is left out: lost or doubled, it leaves an upload behind that only the lifecycle rule ends."""

RATES = (
    Rate(API_SERVICE, "refusal", 0.015, status=503),
    Rate(API_SERVICE, "refusal", 0.015, status=429),
    Rate(API_SERVICE, "reset", 0.010),
    Rate(API_SERVICE, "truncation", 0.010),
    Rate(CDN_SERVICE, "refusal", 0.020, status=503),
    Rate(CDN_SERVICE, "reset", 0.030),
    Rate(CDN_SERVICE, "truncation", 0.030),
    Rate(CDN_SERVICE, "stall", 0.010),
    Rate("s3", "refusal", 0.020, status=503, code="SlowDown"),
    Rate("s3", "refusal", 0.010, status=500, code="InternalError"),
    Rate("s3", "reset", 0.010, _READS),
    Rate("s3", "upload reset", 0.020, _BODIES),
    Rate("s3", "lost answer", 0.020, _EFFECTS),
    Rate("s3", "duplicate", 0.010, _EFFECTS),
    Rate("dynamodb", "refusal", 0.010, status=400, code="ProvisionedThroughputExceededException"),
    Rate("dynamodb", "refusal", 0.010, status=500, code="InternalServerError"),
    Rate("dynamodb", "lost answer", 0.005, costly=True),
    Rate("secretsmanager", "refusal", 0.020, status=500, code="InternalServiceError"),
    Rate("sns", "refusal", 0.020, status=500, code="InternalError"),
    Rate("states", "refusal", 0.020, status=400, code="ThrottlingException"),
    Rate(FUNCTIONS, "throttle", 0.030, costly=True),
)
KILL_CHANCE = 0.006
"""That the caller of any call to a server is killed, at one of the three moments; costly."""

MOST_PER_KEY = {"dynamodb": 4, "secretsmanager": 4, "sns": 2, "states": 4, FUNCTIONS: COSTLY_PER_FUNCTION}
"""By service; 1 for the others."""
