"""When S3 uses a KMS key on its caller's behalf, and what it answers when KMS refuses.

Which operation needs which permission: the S3 API reference of each operation ("Permissions") and the user guide,
"Multipart upload API and permissions". S3 asks KMS less often where a bucket key is on; the sandbox asks every time,
because the caller needs the permission all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.s3.errors import S3Error
from sandbox.wire.orders import Orders, Refusal

GENERATE_DATA_KEY = "GenerateDataKey"
DECRYPT = "Decrypt"

_USES = {
    "PutObject": GENERATE_DATA_KEY,
    "CreateMultipartUpload": GENERATE_DATA_KEY,
    "UploadPart": DECRYPT,
    "CompleteMultipartUpload": DECRYPT,
    "ListParts": DECRYPT,
    "GetObject": DECRYPT,
    "HeadObject": DECRYPT,
    "GetObjectAttributes": DECRYPT,
}


def key_use(operation: str, parameters: Mapping[str, str]) -> str | None:
    """What KMS is asked for when ``operation`` meets something under SSE-KMS; ``None`` if the key is not used.

    ``parameters`` are those of ``LoggedRequest``: HeadObject and GetObjectAttributes use the key only for a checksum.
    """
    if operation == "HeadObject" and parameters.get("x-amz-checksum-mode", "").upper() != "ENABLED":
        return None
    if operation == "GetObjectAttributes" and "Checksum" not in parameters.get("x-amz-object-attributes", ""):
        return None
    return _USES.get(operation)


def refusal_of(orders: Orders) -> S3Error | None:
    """S3's own answer to what goes wrong between it and KMS; ``None`` if nothing does.

    Throttled: 503 SlowDown, as callers of the service see it (github.com/aws-samples/cql-replicator, issue 92).
    Disabled or otherwise unusable: the code of KMS after ``KMS.`` (RDS user guide, "Failure messages for Amazon S3
    export tasks", names two of them). Denied: AccessDenied. Anything else, and no answer at all: InternalError, which
    no document promises.
    """
    if orders.refusal is None:
        unanswered = orders.cut or orders.lost or not orders.carried_out
        return S3Error("InternalError") if unanswered else None
    return _worded(orders.refusal)


def _worded(refusal: Refusal) -> S3Error:
    code = refusal.code.removeprefix("KMS.")
    if "Throttling" in code or "LimitExceeded" in code or (not code and refusal.status in (429, 503)):
        return S3Error("SlowDown", "Please reduce your request rate for operations involving AWS KMS.")
    if "AccessDenied" in code or (not code and refusal.status == 403):
        return S3Error("AccessDenied", "The caller is not allowed to use the KMS key of this object")
    if code in ("DisabledException", "KMSInvalidStateException", "NotFoundException"):
        return S3Error(f"KMS.{code}")
    return S3Error("InternalError")
