"""What the interpreter needs from outside: functions, S3, time, chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.aws.functions.api import InvokeResult
from sandbox.aws.stepfunctions.records import Clock, Recorder
from sandbox.aws.tracing.header import TraceHeader
from sandbox.aws.tracing.segments import TraceSink, untraced

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Invoke = Callable[[str, bytes, TraceHeader], InvokeResult]
"""Function name or ARN, event and the state's place in its trace to result.

May raise ``TooManyRequests``, ``RequestTooLarge`` or ``UnknownFunction``.
"""


@dataclass(frozen=True)
class Services:
    """Shared by all executions of an engine."""

    region: str
    invoke: Invoke
    s3: S3Client
    clock: Clock
    rng: random.Random
    retry_scale: float
    recorder: Recorder
    invocations: ThreadPoolExecutor
    """Where functions are awaited, so that a state can time out or be stopped while its function still runs."""
    traces: TraceSink = untraced
    """Takes a segment for each attempt of a Task."""
