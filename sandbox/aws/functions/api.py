"""The function host's vocabulary; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.aws.functions.limits import INIT_LIMIT


class UnknownFunction(LookupError):
    """No function of this name or ARN is registered."""


class TooManyRequests(Exception):
    """All of the account's concurrent executions are in use."""


class RequestTooLarge(Exception):
    """The event is larger than a synchronous invocation may carry (``RequestEntityTooLargeException``, HTTP 413)."""


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
    init_limit: float = INIT_LIMIT
    """Seconds; Lambda's own, which a template cannot change. Here for tests, which cannot wait that long."""


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """A function's answer.

    ``function_error`` is ``None``, ``Handled`` or ``Unhandled``, as in Lambda's header; ``error_type`` is then the
    ``errorType`` of the payload.
    """

    payload: bytes
    function_error: str | None
    request_id: str = ""
    error_type: str = ""


@dataclass(frozen=True, slots=True)
class Invoked:
    """What is remembered of one invocation. ``segment_id`` is the trace segment that its subsegments hang under.

    ``ms`` is the duration without initialisation, ``init_ms`` that of initialisation (``None`` when warm, or when it
    failed); ``peak_mb`` is the process's largest resident memory so far, in MiB.
    """

    function: str
    request_id: str
    segment_id: str
    cold: bool
    init_ms: float | None
    ms: float
    peak_mb: float
    error_type: str


@dataclass(frozen=True, slots=True)
class FunctionStats:
    """Numbers of one function's invocations; medians and maxima are 0.0 where there was none.

    ``cold_ms`` are whole cold invocations (start of the process, initialisation, handler), ``warm_ms`` whole warm ones,
    ``init_ms`` the initialisations that succeeded, ``import_ms`` the import of the handler's module within them.
    ``warm_ms_least`` is the quickest warm invocation: no more than that is what an invocation costs beside its work.
    ``peak_mb`` is the largest resident memory seen, in MiB. ``errors``
    are all invocations that ended with an error, of them ``timeouts`` (Sandbox.Timedout) and ``kills`` (out of memory,
    or killed from outside); ``throttles`` were refused and are in no other number.
    """

    cold: int
    warm: int
    cold_ms_median: float
    peak_mb: float
    errors: int
    cold_ms_max: float = 0.0
    warm_ms_median: float = 0.0
    warm_ms_least: float = 0.0
    init_ms_median: float = 0.0
    import_ms_median: float = 0.0
    timeouts: int = 0
    kills: int = 0
    throttles: int = 0
