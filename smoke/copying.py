"""The copy: started by the cookies alone, stopped inside a file, started again, and every object looked at."""

from __future__ import annotations

import base64
import json
from typing import Any

from awscrt.checksums import crc64nvme

from smoke.checks import Checks, SmokeError
from smoke.library import FILES, RESUMED, SmokeFile
from smoke.stage import ARRIVAL_SECONDS, RUN_SECONDS, Stage

PREFIX = "gopro-videos/"
TAGS = {"Source": "GoPro", "AutoSync": "True"}


def copy(stage: Stage, credentials: dict[str, str], checks: Checks) -> None:
    """Copy the library in two runs, the first of them stopped. Raises ``SmokeError`` if it cannot go on."""
    first = _first_run(stage, credentials, checks)
    upload = stage.wait("the first part of the large file", lambda: _upload_with_parts(stage, first), ARRIVAL_SECONDS)
    stage.client("stepfunctions").stop_execution(executionArn=first)
    stage.end_functions()
    kept = _parts(stage, upload)
    if sum(part["Size"] for part in kept) in (0, RESUMED.size):
        raise SmokeError("the large file was in S3 before the run could be stopped: serve it more slowly")
    started = stage.client("stepfunctions").start_execution(stateMachineArn=stage.machine, input="{}")
    second = started["executionArn"]
    later: list[dict[str, Any]] = []

    def look() -> dict[str, Any] | None:
        later[:] = _parts(stage, upload) or later
        return _ended(stage, second)

    ended = stage.wait("the end of the second run", look, RUN_SECONDS)
    checks.note("the run after a stopped one succeeds", ended["status"] == "SUCCEEDED", ended["status"])
    report = _report(stage, second)
    completed = {entry["filename"]: entry["status"] for entry in report["media"]}
    unfinished = {status for name, status in completed.items() if status != "COMPLETED"}
    checks.note("its report says COMPLETED", RESUMED.name in completed and not unfinished, completed)
    _look_at_resumption(kept, later, checks)


def look_at_objects(stage: Stage, checks: Checks) -> dict[str, str]:
    """Check each file's object; return the keys by file name. Raises ``SmokeError`` if one is not there."""
    listed = stage.client("s3").list_objects_v2(Bucket=stage.archive, Prefix=PREFIX).get("Contents", [])
    keys = {entry["Key"].rpartition("/")[2]: entry["Key"] for entry in listed}
    checks.note("the archive holds a record of a medium", keys.pop("medium.json", None) is not None, [*keys])
    checks.note("the archive holds the files and nothing else", sorted(keys) == [file.name for file in FILES], [*keys])
    for file in FILES:
        if file.name not in keys:
            raise SmokeError(f"{file.name} is not in the archive")
        _look_at_object(stage, file, keys[file.name], checks)
    return keys


def _first_run(stage: Stage, credentials: dict[str, str], checks: Checks) -> str:
    """Store the cookies and return the run that follows; started by hand where no rule can."""
    machine, secret = stage.machine, stage.outputs["SecretName"]
    states = stage.client("stepfunctions")
    stage.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(credentials))
    sentence = "storing cookies starts a run by itself"
    if not checks.can(sentence, "eventbridge"):
        return str(states.start_execution(stateMachineArn=machine, input="{}")["executionArn"])
    found = stage.wait(
        "a run of its own", lambda: states.list_executions(stateMachineArn=machine)["executions"], ARRIVAL_SECONDS
    )
    checks.note(sentence, True, found[-1]["name"])
    return str(found[-1]["executionArn"])  # newest first: later ones would be double deliveries


def _upload_with_parts(stage: Stage, execution: str) -> dict[str, str] | None:
    """The large file's open upload as soon as it has a part; ``SmokeError`` if the run ends before that."""
    ended = _ended(stage, execution)
    if ended is not None:
        told = ended.get("cause") or ended.get("output")
        raise SmokeError(f"the first run ended {ended['status']} before it could be stopped: {told}")
    uploads = stage.client("s3").list_multipart_uploads(Bucket=stage.archive, Prefix=PREFIX).get("Uploads", [])
    mine = [
        {"Key": each["Key"], "UploadId": each["UploadId"]} for each in uploads if each["Key"].endswith(RESUMED.name)
    ]
    return next((upload for upload in mine if _parts(stage, upload)), None)


def _parts(stage: Stage, upload: dict[str, str]) -> list[dict[str, Any]]:
    """What an upload holds; nothing if it is over."""
    s3 = stage.client("s3")
    try:
        return list(s3.list_parts(Bucket=stage.archive, **upload).get("Parts", []))
    except s3.exceptions.NoSuchUpload:
        return []


def _ended(stage: Stage, execution: str) -> dict[str, Any] | None:
    found: dict[str, Any] = stage.client("stepfunctions").describe_execution(executionArn=execution)
    return None if found["status"] == "RUNNING" else found


def _report(stage: Stage, execution: str) -> dict[str, Any]:
    s3, bucket = stage.client("s3"), stage.outputs["RunsBucketName"]
    wanted = f"-{execution.rpartition(':')[2]}/report.json"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="runs/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", []) if entry["Key"].endswith(wanted)]
    if not keys:
        raise SmokeError("the second run has left no report")
    document: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read())
    return document


def _look_at_resumption(kept: list[dict[str, Any]], later: list[dict[str, Any]], checks: Checks) -> None:
    """Compare what the stopped run had left with the last look at the same upload in the second one.

    Parts are sent in their order, so where there is a later one, the earlier ones have the times they keep.
    """
    stamps = [{part["PartNumber"]: (part["ETag"], part["LastModified"]) for part in parts} for parts in (kept, later)]
    before, after = stamps
    checks.note(
        "parts that the stopped run had sent were kept and not sent again",
        len(after) > len(before) and before.items() <= after.items(),
        f"kept {sorted(before)} of upload parts, later {sorted(after)}, the kept ones unchanged: "
        f"{before.items() <= after.items()}",
    )


def _look_at_object(stage: Stage, file: SmokeFile, key: str, checks: Checks) -> None:
    s3 = stage.client("s3")
    head = s3.head_object(Bucket=stage.archive, Key=key, ChecksumMode="ENABLED")
    body = s3.get_object(Bucket=stage.archive, Key=key)["Body"].read()
    checks.note(f"{file.name} is the source's, byte for byte", body == file.content, f"{len(body):,} bytes")
    wanted = base64.b64encode(crc64nvme(file.content).to_bytes(8, "big")).decode()
    checksum = (head.get("ChecksumType"), head.get("ChecksumCRC64NVME"))
    checks.note(f"{file.name}: S3 keeps the whole object's checksum", checksum == ("FULL_OBJECT", wanted), checksum)
    encryption = (head.get("ServerSideEncryption"), head.get("SSEKMSKeyId"), head.get("BucketKeyEnabled"))
    ours = ("aws:kms", stage.outputs["KeyArn"], True)
    checks.note(f"{file.name}: encrypted with our key and its bucket key", encryption == ours, encryption)
    storage_class = head.get("StorageClass", "STANDARD")
    checks.note(f"{file.name}: storage class", storage_class == "STANDARD", storage_class)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=stage.archive, Key=key)["TagSet"]}
    checks.note(f"{file.name}: tags", tags.items() >= TAGS.items(), tags)
    metadata = head["Metadata"]
    good = f"/{metadata.get('source-media-id')}/" in key and metadata.get("provider") == "gopro"
    checks.note(f"{file.name}: metadata names medium and provider", good, metadata)
