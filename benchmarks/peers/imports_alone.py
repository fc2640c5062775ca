"""What ours is before its first byte: its modules, a client of S3, and the CA bundle read. Nothing is copied."""

from __future__ import annotations

import ssl

import boto3

import benchmarks.copy  # noqa: F401 - for what it imports
from benchmarks.peers import Job


def prepare(job: Job) -> None:
    """Make what a function makes once, when it starts."""
    boto3.client("s3", endpoint_url=job.endpoint_url, verify=job.ca_bundle)
    ssl.create_default_context(cafile=job.ca_bundle)


if __name__ == "__main__":
    prepare(Job.from_command_line())
