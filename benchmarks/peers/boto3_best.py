"""boto3's ``upload_fileobj`` at the best settings known: 16 MiB x 4, no second checksum, no body hashed to sign it.

Both settings are needed: without a checksum to compute, botocore signs the SHA-256 of each part, even over https.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, cast

import boto3
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from benchmarks.peers import AT_ONCE, PART, Job


def copy(job: Job, extra: Mapping[str, str] = MappingProxyType({})) -> None:
    """Hand the open response to boto3, which reads it part by part; ``extra`` are arguments of the upload."""
    config = Config(request_checksum_calculation="when_required", s3={"payload_signing_enabled": False})
    client = boto3.client("s3", endpoint_url=job.endpoint_url, verify=job.ca_bundle, config=config)
    transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=AT_ONCE)
    with urllib3.PoolManager(ca_certs=job.ca_bundle).request("GET", job.url, preload_content=False) as source:
        client.upload_fileobj(cast("IO[bytes]", source), job.bucket, job.key, ExtraArgs=dict(extra), Config=transfer)


if __name__ == "__main__":
    copy(Job.from_command_line())
