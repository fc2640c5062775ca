"""One warm or cold instance of a function: a process, and the limits put on it from outside."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic

from sandbox.aws.functions.api import FunctionSpec, InvokeResult
from sandbox.aws.functions.limits import LOOK_EVERY, MAX_RESPONSE_BYTES
from sandbox.aws.functions.log import FunctionLog
from sandbox.aws.functions.runtime import Runtime
from sandbox.aws.functions.runtime_api import Answer, Invocation
from sandbox.wire.function_faults import FunctionFault, FunctionFaultKind

TIMED_OUT = "Sandbox.Timedout"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
EXITED = "Runtime.ExitError"
KILLED = "Runtime exited with error: signal: killed"


@dataclass(frozen=True, slots=True)
class _End:
    """The end of a process in the middle of its work, in Lambda's words."""

    kind: str
    message: str


class Instance:
    """Serves one invocation at a time; after a kill or an exit it is of no further use (``alive`` is false).

    ``launch`` starts a process; it is called again when initialisation failed.
    """

    def __init__(self, spec: FunctionSpec, log: FunctionLog, launch: Callable[[], Runtime]) -> None:
        self._spec = spec
        self._log = log
        self._launch = launch
        self._lock = threading.Lock()
        self._ended = False
        self._began = monotonic()
        self._runtime = launch()
        self.peak_mb = 0.0
        self.init_ms: float | None = None
        self.import_ms: float | None = None

    @property
    def function_name(self) -> str:
        """The function that this instance serves."""
        return self._spec.name

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._runtime.process.exit_reason() is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._runtime.process.pid

    def invoke(self, payload: bytes, request_id: str, trace: str, fault: FunctionFault | None = None) -> InvokeResult:
        """Run the handler once and return its answer, or the error that Lambda would report in its place.

        ``trace`` is the tracing header that the handler sees; ``fault`` ends the invocation from outside.
        """
        limit = float(self._spec.timeout)
        if self.init_ms is None:
            failure, limit = self._initialise(limit)
            if failure is not None:
                self._runtime.process.kill()
                return self._result(failure, request_id)
        if fault is not None and fault.after_seconds <= 0:
            return self._result(self._forced(fault.kind), request_id)
        self._runtime.submit(self._invocation(payload, request_id, trace, limit))
        return self._result(self._await_answer(limit, fault), request_id)

    def _initialise(self, timeout: float) -> tuple[Answer | _End | None, float]:
        """Wait until the process is ready and return the seconds left for the handler, or what went wrong.

        What fails or takes longer than ``spec.init_limit`` is done once more, on the function's own timeout.
        """
        failure = self._await_ready(self._began + self._spec.init_limit)
        if failure is not None:
            self._note_failed_init(failure)
            again = monotonic()
            if not self._relaunch():
                return _End(EXITED, KILLED), 0.0
            failure = self._await_ready(again + timeout)
            timeout = max(0.0, again + timeout - monotonic())
        if failure is None:
            self._note_ready()
        return failure, timeout

    def _note_ready(self) -> None:
        self.init_ms = (monotonic() - self._began) * 1000
        self.import_ms = self._runtime.process.import_ms()

    def get_ready(self) -> bool:
        """Wait for initialisation without an event to follow; false when it fails or takes too long."""
        if self._await_ready(self._began + self._spec.init_limit) is not None:
            return False
        self._note_ready()
        return True

    def _await_ready(self, ends: float) -> Answer | _End | None:
        while not self._runtime.wait_ready(LOOK_EVERY):
            found = self._look(ends, wait=0)
            if found is not None:
                return found
        return None

    def _note_failed_init(self, failure: Answer | _End) -> None:
        kind = failure.kind if isinstance(failure, _End) else _error_type(failure.payload)
        status = "timeout" if kind == TIMED_OUT else "error"
        self._log.init_failed((monotonic() - self._began) * 1000, status, kind)

    def _relaunch(self) -> bool:
        """Replace the process by a new one; false when the instance was ended meanwhile."""
        with self._lock:
            if self._ended:
                return False
            self._runtime.close()
            self._runtime = self._launch()
            return True

    def _await_answer(self, limit: float, fault: FunctionFault | None) -> Answer | _End:
        began = monotonic()
        forced_at = inf if fault is None else began + fault.after_seconds
        while True:
            found = self._look(began + limit, wait=min(LOOK_EVERY, max(0.0, forced_at - monotonic())))
            if found is not None:
                return found
            if fault is not None and monotonic() >= forced_at:
                return self._forced(fault.kind)

    def _look(self, ends: float, wait: float) -> Answer | _End | None:
        """Return the invocation's end if there is one now: an answer, or the end of the process."""
        answer = self._runtime.next_answer(wait)
        process = self._runtime.process
        used = process.used_mb()
        self.peak_mb = max(self.peak_mb, used)
        if answer is not None:
            return answer
        if used > self._spec.memory_mb:
            return self._killed(OUT_OF_MEMORY, KILLED)
        reason = process.exit_reason()
        if reason is not None:
            return self._runtime.next_answer(0) or _exited(reason)  # it may have answered right before its end
        if monotonic() > ends:
            return self._killed(TIMED_OUT, self._too_long())
        return None

    def _too_long(self) -> str:
        return f"Task timed out after {self._spec.timeout:.2f} seconds"

    def _forced(self, kind: FunctionFaultKind) -> _End:
        if kind is FunctionFaultKind.TIMEOUT:
            return self._killed(TIMED_OUT, self._too_long())
        if kind is FunctionFaultKind.OUT_OF_MEMORY:
            return self._killed(OUT_OF_MEMORY, KILLED)
        return self._killed(EXITED, "Runtime exited with error: exit status 1")

    def _killed(self, kind: str, message: str) -> _End:
        self._runtime.process.kill()
        return _End(kind, message)

    def _result(self, found: Answer | _End, request_id: str) -> InvokeResult:
        if isinstance(found, _End):
            self._log.platform(request_id, f"{found.kind}: {found.message}")
            return _error(request_id, found.kind, f"RequestId: {request_id} Error: {found.message}")
        if found.error:
            return InvokeResult(found.payload, "Unhandled", request_id, _error_type(found.payload))
        if len(found.payload) > MAX_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            return _error(request_id, "Function.ResponseSizeTooLarge", message)
        return InvokeResult(found.payload, None, request_id)

    def _invocation(self, payload: bytes, request_id: str, trace: str, limit: float) -> Invocation:
        deadline_ms = int((time.time() + limit) * 1000)
        return Invocation(request_id, payload, deadline_ms, self._spec.arn, trace)

    def kill(self) -> None:
        """Kill the process for good; an invocation at work ends as ``Runtime.ExitError``."""
        with self._lock:
            self._ended = True
            self._runtime.process.kill()

    def close(self) -> None:
        """Kill the process and stop its Runtime API; idempotent."""
        self.kill()
        self._runtime.close()


def _exited(reason: str) -> _End:
    if reason == "exit status 0":
        return _End(EXITED, "Runtime exited without providing a reason")
    return _End(EXITED, f"Runtime exited with error: {reason}")


def _error(request_id: str, kind: str, message: str) -> InvokeResult:
    document = {"errorType": kind, "errorMessage": message}
    return InvokeResult(json.dumps(document).encode("utf-8"), "Unhandled", request_id, kind)


def _error_type(payload: bytes) -> str:
    try:
        document = json.loads(payload)
    except ValueError:
        return ""
    kind = document.get("errorType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else ""
