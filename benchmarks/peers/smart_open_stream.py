"""smart_open from a URL to an S3 object, with its defaults: parts of 50 MB, one after the other.

Its HTTP reader is requests, which is told the CA bundle by ``REQUESTS_CA_BUNDLE`` alone.
"""

from __future__ import annotations

import shutil

import boto3
from smart_open import open as smart_open

from benchmarks.peers import MIB, Job


def copy(job: Job) -> None:
    """Copy between two open files."""
    client = boto3.client("s3", endpoint_url=job.endpoint_url, verify=job.ca_bundle)
    # Said at Create, because boto3 sends each part with this checksum and S3 refuses one that was not announced.
    announced = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
    writing = {"client": client, "client_kwargs": {"S3.Client.create_multipart_upload": announced}}
    with (
        smart_open(job.url, "rb", compression="disable") as source,
        smart_open(f"s3://{job.bucket}/{job.key}", "wb", compression="disable", transport_params=writing) as target,
    ):
        shutil.copyfileobj(source, target, MIB)


if __name__ == "__main__":
    copy(Job.from_command_line())
