"""What both of obstore's scripts need: its two stores, and a way out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from obstore.store import HTTPStore, S3Store

from benchmarks.peers import Job


def source(job: Job) -> tuple[Any, str]:
    """Return the store that the URL is in, and the URL's path there."""
    at = urlsplit(job.url)
    return HTTPStore(f"{at.scheme}://{at.netloc}", client_options=_client(job)), at.path.lstrip("/")


def bucket(job: Job) -> Any:
    """Return the bucket's store; bodies are not hashed to sign them, which is obstore at its best over https."""
    return S3Store(
        job.bucket,
        endpoint=job.endpoint_url,
        unsigned_payload=True,
        virtual_hosted_style_request=False,
        client_options=_client(job),
    )


def run(copy: Callable[[Job], Awaitable[None]]) -> None:
    """Carry out this process's job, then leave without the interpreter's usual end, in which obstore 0.12 aborts."""
    asyncio.run(_awaited(copy, Job.from_command_line()))
    os._exit(0)


async def _awaited(copy: Callable[[Job], Awaitable[None]], job: Job) -> None:
    await copy(job)


def _client(job: Job) -> Any:
    # One request may carry gigabytes, and the default timeout of 30 s is for a whole request.
    return {"root_certificate": Path(job.ca_bundle).read_bytes(), "timeout": "1 hour"}
