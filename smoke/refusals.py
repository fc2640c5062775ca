"""What S3 must refuse: each promise that the archive's safety rests on, tried against the service itself.

Sources: the S3 user guide's pages conditional-writes, conditional-writes-enforce and checking-object-integrity-upload
(2026); the bucket policy is the stack's own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from smoke.checks import Checks
from smoke.stage import Stage, stack_name

SCRATCH = "smoke/"
"""Objects under it are not the pipeline's; there are some only if something was accepted that should not be."""

_BODY = b"smoke"
_WRONG_CRC64NVME = "AAAAAAAAAAE="


def look_at_refusals(stage: Stage, key: str, checks: Checks) -> None:
    """Try what must be refused. ``key`` is that of an archived object."""
    s3, bucket = stage.client("s3"), stage.archive
    checks.refused(
        "PutObject with If-None-Match does not overwrite",
        (412, "PreconditionFailed"),
        lambda: s3.put_object(Bucket=bucket, Key=key, Body=_BODY, IfNoneMatch="*"),
    )
    checks.refused(
        "CompleteMultipartUpload with If-None-Match does not overwrite",
        (412, "PreconditionFailed"),
        lambda: _complete(s3, bucket, key, IfNoneMatch="*"),
    )
    checks.refused(
        "CompleteMultipartUpload with another size than the parts' is refused",
        (400, ""),
        lambda: _complete(s3, bucket, f"{SCRATCH}size", MpuObjectSize=len(_BODY) + 1),
    )
    checks.refused(
        "a body that differs from its trailing checksum is refused",
        (400, "BadDigest"),
        lambda: _put_with_wrong_trailer(s3, bucket),
    )
    _look_at_bucket_policy(stage, key, checks)
    _look_at_role(stage, key, checks)


def _complete(s3: Any, bucket: str, key: str, **conditions: Any) -> None:
    """Upload one part and complete it under these conditions; whatever comes, no upload stays open."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="CRC64NVME")["UploadId"]
    try:
        sent = s3.upload_part(**upload, PartNumber=1, Body=_BODY, ChecksumAlgorithm="CRC64NVME")
        parts = [{"PartNumber": 1, "ETag": sent["ETag"], "ChecksumCRC64NVME": sent["ChecksumCRC64NVME"]}]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **conditions)
    except s3.exceptions.ClientError:
        s3.abort_multipart_upload(**upload)
        raise


def _put_with_wrong_trailer(s3: Any, bucket: str) -> None:
    """Send a body whose checksum comes behind it, as the pipeline's do, and is not the body's."""
    chunked = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc64nvme:%b\r\n\r\n" % (len(_BODY), _BODY, _WRONG_CRC64NVME.encode())

    def exchange(request: Any, **_: Any) -> None:
        request.data = io.BytesIO(chunked)

    with _hook(s3, "before-sign.s3.PutObject", exchange):
        s3.put_object(Bucket=bucket, Key=f"{SCRATCH}trailer", Body=io.BytesIO(_BODY), ChecksumAlgorithm="CRC64NVME")


@contextmanager
def _hook(client: Any, event: str, function: Callable[..., None]) -> Iterator[None]:
    client.meta.events.register(event, function)
    try:
        yield
    finally:
        client.meta.events.unregister(event, function)


def _look_at_bucket_policy(stage: Stage, key: str, checks: Checks) -> None:
    s3, bucket, denied = stage.client("s3"), stage.archive, (403, "AccessDenied")
    other = {"Bucket": bucket, "Key": f"{SCRATCH}other", "Body": _BODY}
    version = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    policy = "bucket policy"
    checks.refused(
        "an upload that names another KMS key is denied",
        denied,
        lambda: s3.put_object(**other, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/aws/s3"),
        policy,
    )
    checks.refused(
        "an upload that asks for SSE-S3 is denied",
        denied,
        lambda: s3.put_object(**other, ServerSideEncryption="AES256"),
        policy,
    )
    checks.refused(
        "an upload with a key of its own (SSE-C) is denied",
        denied,
        lambda: s3.put_object(**other, SSECustomerAlgorithm="AES256", SSECustomerKey="0" * 32),
        policy,
    )
    checks.refused(
        "a request without TLS is denied",
        denied,
        lambda: stage.client("s3 without TLS").get_object(Bucket=bucket, Key=key),
        policy,
    )
    checks.refused(
        "deleting a version is denied",
        denied,
        lambda: s3.delete_object(Bucket=bucket, Key=key, VersionId=version),
        policy,
    )


def _look_at_role(stage: Stage, key: str, checks: Checks) -> None:
    """Ask IAM itself what the downloader's role may do; nothing is done with the role."""
    sentence = "the functions' role may write where nothing is, and only there"
    if not checks.can(sentence, "IAM policy simulator"):
        return
    pages = (
        stage.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name(stage.name))
    )
    names = [resource for page in pages for resource in page["StackResourceSummaries"]]
    [role] = [
        each["PhysicalResourceId"]
        for each in names
        if each["ResourceType"] == "AWS::IAM::Role" and "VideoDownloaderRole" in each["LogicalResourceId"]
    ]
    arn = stage.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    question = {
        "PolicySourceArn": arn,
        "ActionNames": ["s3:PutObject"],
        "ResourceArns": [f"arn:aws:s3:::{stage.archive}/{key}"],
    }
    created = {
        "ContextKeyName": "s3:ObjectCreationOperation",
        "ContextKeyValues": ["true"],
        "ContextKeyType": "boolean",
    }
    condition = {"ContextKeyName": "s3:if-none-match", "ContextKeyValues": ["*"], "ContextKeyType": "string"}
    decisions = [
        stage.client("iam").simulate_principal_policy(**question, ContextEntries=entries)["EvaluationResults"][0][
            "EvalDecision"
        ]
        for entries in ([created, condition], [created])
    ]
    checks.note(
        sentence, decisions == ["allowed", "implicitDeny"], f"with If-None-Match, without: {', '.join(decisions)}"
    )
