"""boto3's ``upload_fileobj`` as it comes: 8 MiB parts, ten at a time, one connection to the source."""

from __future__ import annotations

from typing import IO, cast

import boto3
import urllib3

from benchmarks.peers import Job


def copy(job: Job) -> None:
    """Hand the open response to boto3, which reads it part by part."""
    client = boto3.client("s3", endpoint_url=job.endpoint_url, verify=job.ca_bundle)
    with urllib3.PoolManager(ca_certs=job.ca_bundle).request("GET", job.url, preload_content=False) as source:
        client.upload_fileobj(cast("IO[bytes]", source), job.bucket, job.key)


if __name__ == "__main__":
    copy(Job.from_command_line())
