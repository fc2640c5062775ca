"""What both of opendal's scripts need: copying from its HTTP service to its S3 service.

opendal's TLS trusts what ``SSL_CERT_FILE`` names.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import opendal

from benchmarks.peers import AT_ONCE, MIB, PART, Job


def copy(job: Job, **reading: int) -> None:
    """Copy between two open files; ``reading`` goes to opendal's reader."""
    at = urlsplit(job.url)
    source = opendal.Operator("http", endpoint=f"{at.scheme}://{at.netloc}")
    bucket = opendal.Operator(
        "s3", bucket=job.bucket, endpoint=job.endpoint_url, region=os.environ["AWS_DEFAULT_REGION"]
    )
    with (
        source.open(at.path, "rb", **reading) as reader,
        bucket.open(job.key, "wb", chunk=PART, concurrent=AT_ONCE) as writer,
    ):
        while block := reader.read(MIB):
            writer.write(block)
