"""AWS clients as this project wants them. All share boto3's default session, which reads botocore's data once."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from cloud_sync_common.edges.whole_answers import refuse_cut_answer

CONNECT_TIMEOUT, READ_TIMEOUT = 10, 60
"""Seconds; a stalled call must not eat the invocation."""


def retrying_client(service: Any) -> Any:
    """A client with botocore's standard retries, which jitter."""
    return make_client(service, Config(retries={"mode": "standard", "total_max_attempts": 5}))


def make_client(service: Any, config: Config) -> Any:
    """A client with our time-outs, where ``config`` has none, that refuses answers which were cut short."""
    timeouts = Config(connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    client: Any = boto3.client(service, config=timeouts.merge(config))
    client.meta.events.register("before-parse", refuse_cut_answer)
    return client
