"""The throw-away stage: its settings, and the ways to reach what it is made of."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from cloud_sync.settings import Settings
from smoke.checks import SmokeError
from smoke.library import BYTES_PER_FUNCTION, THRESHOLD

STAGE = re.compile(r"smoke-[0-9a-f]{6}")
FUNCTION_SECONDS = 60
"""The shortest life of a function that the settings allow: an interrupted run's functions end by then."""

ARRIVAL_SECONDS, RUN_SECONDS = 300, 900
"""How long an event or a first part, and how long a whole run may take."""


def stack_name(stage: str) -> str:
    """Return CloudFormation's name of a stage."""
    return Settings(stage=stage).stack_name


def settings(stage: str, url: str) -> dict[str, str]:
    """Return the settings of a throw-away stage that copies from the simulator at ``url``.

    One slow worker in a function and short-lived functions, so that a run can be stopped inside a file; STANDARD,
    because the other classes bill for a month or more.
    """
    # Said in full, for cdk.json may hold an owner's settings; a network is kept, for an account may demand it.
    defaults = {
        field.name: str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        for field in fields(Settings)
        if not field.name.startswith("vpc_")
    }
    return defaults | {
        "stage": stage,
        "gopro_api_url": url,
        "allowed_hosts": urlsplit(url).hostname or "",
        "schedule_enabled": "false",
        "archive_storage_class": "STANDARD",
        "noncurrent_expiry_days": "1",
        "runs_expiry_days": "30",
        "log_retention_days": "1",
        "multipart_threshold": str(THRESHOLD),
        "workers": "1",
        "bytes_per_function": str(BYTES_PER_FUNCTION),
        "max_functions_per_medium": "2",
        "function_timeout_seconds": str(FUNCTION_SECONDS),
    }


@dataclass(frozen=True)
class Stage:
    """A deployed stage.

    ``client`` gives a boto3 client by the service's name (and ``s3 without TLS``), ``outputs`` are the stack's.
    ``end_functions`` returns when no function of a stopped execution is at work any more: Step Functions does not end
    them, their time-out does. ``pause`` waits between two looks at something.
    """

    name: str
    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    end_functions: Callable[[], None]
    pause: Callable[[], None] = lambda: time.sleep(1)

    @property
    def archive(self) -> str:
        """The archive bucket's name."""
        return self.outputs["ArchiveBucketName"]

    @property
    def machine(self) -> str:
        """The state machine's ARN."""
        return self.outputs["StateMachineArn"]

    def wait(self, what: str, look: Callable[[], Any], seconds: float) -> Any:
        """Look until there is something and return it; raises ``SmokeError`` if there is nothing after ``seconds``."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found = look()
            if found:
                return found
            self.pause()
        raise SmokeError(f"{what} did not happen within {seconds:.0f} s")
