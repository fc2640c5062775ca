"""The mission's first design: parts of 100 MiB, each held whole, fetched and sent one after the other.

requests and boto3 with their default settings; what is smaller than a part goes in one PutObject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import requests

from benchmarks.peers import MIB, Job

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

HELD = 100 * MIB


def copy(job: Job) -> None:
    """Fetch a part, send it, and only then fetch the next."""
    client = boto3.client("s3", endpoint_url=job.endpoint_url, verify=job.ca_bundle)
    with requests.get(job.url, stream=True, verify=job.ca_bundle, timeout=60) as source:
        source.raise_for_status()
        if int(source.headers["Content-Length"]) < HELD:
            client.put_object(Bucket=job.bucket, Key=job.key, Body=source.content)
            return
        # Said at Create, because boto3 sends each part with this checksum and S3 refuses one that was not announced.
        created = client.create_multipart_upload(
            Bucket=job.bucket, Key=job.key, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
        )
        upload = created["UploadId"]
        parts: list[CompletedPartTypeDef] = []
        for number, held in enumerate(source.iter_content(HELD), start=1):
            sent = client.upload_part(Bucket=job.bucket, Key=job.key, UploadId=upload, PartNumber=number, Body=held)
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        client.complete_multipart_upload(
            Bucket=job.bucket, Key=job.key, UploadId=upload, MultipartUpload={"Parts": parts}
        )


if __name__ == "__main__":
    copy(Job.from_command_line())
