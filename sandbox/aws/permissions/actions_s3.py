"""What an S3 call needs.

Sources: S3 API reference, "Permissions" of each operation; S3 user guide, "Multipart upload API and permissions" and
"How to prevent object overwrites with conditional writes" and "Enforce conditional writes on Amazon S3 buckets";
service authorization reference for S3, for the condition keys. Which operation uses the KMS key is
``sandbox.s3.kms``'s knowledge.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from sandbox.aws.permissions.model import Need, PermissionsError
from sandbox.aws.permissions.stack import Stack
from sandbox.s3.kms import key_use
from sandbox.s3.log import LoggedRequest

_ON_OBJECTS: Mapping[str, tuple[str, ...]] = {
    "PutObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "UploadPart": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "ListParts": ("ListMultipartUploadParts",),
    "GetObject": ("GetObject",),
    "HeadObject": ("GetObject",),
    "GetObjectTagging": ("GetObjectTagging",),
    "GetObjectAttributes": ("GetObject", "GetObjectAttributes"),
    "DeleteObject": ("DeleteObject",),
}
_ON_BUCKETS = {
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
}
_WITH_VERSION = {
    "GetObject": "GetObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "DeleteObject": "DeleteObjectVersion",
}
_CONDITION_KEYS = {
    "PutObject": (
        "if-none-match",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-storage-class",
    ),
    "ListBucket": ("prefix", "delimiter", "max-keys"),
}
"""Parameters of a request that become condition keys, by the action that has them."""

_CREATES_AN_OBJECT = {
    "PutObject": "true",
    "CreateMultipartUpload": "false",
    "UploadPart": "false",
    "CompleteMultipartUpload": "true",
}
"""``s3:ObjectCreationOperation`` of the operations that ask for s3:PutObject: false where no object comes of it."""

_LOWEST_TLS = "1.2"
"""The sandbox's server speaks nothing older; which version a connection has, it does not tell."""


def s3_needs(call: LoggedRequest, stack: Stack) -> list[Need]:
    """Return the requests for permission that a call amounts to; ``PermissionsError`` for one that no rule knows."""
    bucket = stack.bucket_arn(call.bucket)
    actions = _actions(call)
    scopes = {
        action: (bucket if action in _ON_BUCKETS.values() else f"{bucket}/{call.key or '*'}") for action in actions
    }
    needs = [Need(f"s3:{action}", (scopes[action],), _context(call, action), (bucket,)) for action in actions]
    if call.operation == "ListBuckets":
        needs.append(Need("s3:ListAllMyBuckets", ("*",), _context(call, "")))
    if not needs:
        raise PermissionsError(f"which permissions the S3 call {call.operation} needs is not known to the sandbox")
    return [*needs, *_key_needs(call, stack)]


def _actions(call: LoggedRequest) -> list[str]:
    if call.operation in _ON_BUCKETS:
        return [_ON_BUCKETS[call.operation]]
    if call.operation == "DeleteObjects":
        return ["DeleteObject"]
    actions = list(_ON_OBJECTS.get(call.operation, ()))
    if call.parameters.get("versionId"):
        actions = [_WITH_VERSION.get(action, action) for action in actions]
    if "PutObject" in actions and "x-amz-tagging" in call.parameters:
        actions.append("PutObjectTagging")
    if "PutObject" in actions and "if-match" in call.parameters:
        actions.append("GetObject")
    if call.status == HTTPStatus.NOT_FOUND and call.error == "NoSuchKey":
        # Who may not list is told 403 instead: HeadObject and GetObject, "Permissions".
        actions.append("ListBucket")
    return actions


def _context(call: LoggedRequest, action: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {"aws:securetransport": (str(call.secure).lower(),)}
    if call.secure:
        found["s3:tlsversion"] = (_LOWEST_TLS,)
    for name in _CONDITION_KEYS.get(action, ()):
        if name in call.parameters:
            found[f"s3:{name}"] = (call.parameters[name],)
    if action == "PutObject":
        found["s3:objectcreationoperation"] = (_CREATES_AN_OBJECT[call.operation],)
    return found


def _key_needs(call: LoggedRequest, stack: Stack) -> list[Need]:
    """Return what S3 asks KMS for on the caller's behalf; a key of AWS's own is open to everyone in the account."""
    use = key_use(call.operation, call.parameters)
    if use is None or call.kms_key is None or ":alias/aws/" in call.kms_key:
        return []
    bucket = stack.bucket_arn(call.bucket)
    context = {
        "aws:securetransport": ("true",),
        "kms:viaservice": (f"s3.{stack.region}.amazonaws.com",),
        "kms:calleraccount": (stack.account,),
        # S3 user guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys".
        "kms:encryptioncontext:aws:s3:arn": (bucket if stack.uses_bucket_key(call.bucket) else f"{bucket}/{call.key}",),
    }
    return [Need(f"kms:{use}", (call.kms_key,), context, (call.kms_key,))]
