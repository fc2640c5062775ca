"""The function host's vocabulary; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class UnknownFunction(LookupError):
    """No function of this name or ARN is registered."""


class TooManyRequests(Exception):
    """All of the account's concurrent executions are in use."""


@dataclass(frozen=True)
class FunctionSpec:
    """A function as the template describes it. ``timeout`` in seconds, ``memory_mb`` in MiB of resident memory.

    ``environment`` holds the template's variables and whatever the account adds (endpoints, the role's key); nothing
    of the sandbox's own environment reaches the function but PATH and proxy settings.
    """

    name: str
    arn: str
    handler: str
    code_dir: Path
    layer_dirs: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """A function's answer. ``function_error`` is ``None``, ``Handled`` or ``Unhandled``, as in Lambda's header."""

    payload: bytes
    function_error: str | None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class FunctionStats:
    """Counts of one function's invocations; ``peak_mb`` is the largest resident memory seen, in MiB."""

    cold: int
    warm: int
    cold_ms_median: float
    peak_mb: float
    errors: int
