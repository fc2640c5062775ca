"""awscrt's own S3 client: 16 MiB parts read from an open response, its TLS, bodies not hashed to sign them."""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import urlsplit

import urllib3
from awscrt.auth import AwsCredentialsProvider, AwsSignedBodyValue
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.io import ClientTlsContext, TlsContextOptions
from awscrt.s3 import S3Client, S3RequestType, create_default_s3_signing_config

from benchmarks.peers import PART, Job


def copy(job: Job) -> None:
    """Hand the open response to the client; raises what it reports."""
    trust = TlsContextOptions()
    trust.override_default_trust_store_from_path(None, job.ca_bundle)
    region = os.environ["AWS_DEFAULT_REGION"]
    signing = create_default_s3_signing_config(
        region=region, credential_provider=AwsCredentialsProvider.new_environment()
    )
    signing = signing.replace(signed_body_value=AwsSignedBodyValue.UNSIGNED_PAYLOAD)
    at = urlsplit(job.endpoint_url)
    connection = ClientTlsContext(trust).new_connection_options()
    connection.set_server_name(str(at.hostname))
    client = S3Client(region=region, signing_config=signing, tls_connection_options=connection, part_size=PART)
    with urllib3.PoolManager(ca_certs=job.ca_bundle).request("GET", job.url, preload_content=False) as source:
        headers = HttpHeaders([("Host", at.netloc), ("Content-Length", source.headers["Content-Length"])])
        request = HttpRequest("PUT", f"/{job.bucket}/{job.key}", headers, source)
        _finished(client, request)


def _finished(client: S3Client, request: HttpRequest) -> None:
    ended, failures = threading.Event(), []

    def done(error: BaseException | None, **_: Any) -> None:
        failures.append(error)
        ended.set()

    client.make_request(type=S3RequestType.PUT_OBJECT, request=request, on_done=done)
    ended.wait()
    if failures[0] is not None:
        raise failures[0]


if __name__ == "__main__":
    copy(Job.from_command_line())
