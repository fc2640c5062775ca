"""One warm or cold instance of a function: a process, its Runtime API, and the limits put on it from outside."""

from __future__ import annotations

import json
import queue
import secrets
import time
from collections.abc import Mapping
from time import monotonic

from sandbox.aws.functions.api import FunctionSpec, InvokeResult
from sandbox.aws.functions.environment import function_environment
from sandbox.aws.functions.log import FunctionLog
from sandbox.aws.functions.process import Spawner
from sandbox.aws.functions.runtime_api import Answer, Invocation, RuntimeApi

INIT_LIMIT = 10.0
"""Seconds that initialisation may take of its own; what it takes beyond is counted against the function's timeout."""
MAX_RESPONSE_BYTES = 6_291_556
"""Lambda's limit of a synchronous response, as its own error message states it."""
_LOOK_EVERY = 0.03
"""Seconds between two looks at memory, time and life of the process."""


class Instance:
    """Serves one invocation at a time; after a kill or an exit it is of no further use (``alive`` is false)."""

    def __init__(
        self, spec: FunctionSpec, spawner: Spawner, log: FunctionLog, *, base: Mapping[str, str], region: str
    ) -> None:
        self._spec = spec
        self._log = log
        self._api = RuntimeApi()
        environment = function_environment(spec, base, region=region, runtime_api=self._api.address)
        self._began = monotonic()
        try:
            self._process = spawner.start(spec.handler, cwd=spec.code_dir, env=environment, log=log.path)
        except OSError:
            self._api.close()
            raise
        self.peak_mb = 0.0
        self.init_ms: float | None = None

    @property
    def function_name(self) -> str:
        """The function that this instance serves."""
        return self._spec.name

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.exit_reason() is None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def invoke(self, payload: bytes, request_id: str) -> InvokeResult:
        """Run the handler once and return its answer, or the error that Lambda would report in its place."""
        limit = float(self._spec.timeout)
        if self.init_ms is None:
            failure = self._initialise(request_id)
            if failure is not None:
                return failure
            limit = max(0.0, limit - max(0.0, monotonic() - self._began - INIT_LIMIT))
        self._api.submit(self._invocation(payload, request_id, limit))
        ends = monotonic() + limit
        while True:
            answer = self._look(request_id, ends)
            if answer is not None:
                return answer

    def _initialise(self, request_id: str) -> InvokeResult | None:
        ends = self._began + INIT_LIMIT + self._spec.timeout
        while not self._api.ready.wait(_LOOK_EVERY):
            answer = self._look(request_id, ends, wait=0)
            if answer is not None:
                self._process.kill()
                return answer
        self.init_ms = (monotonic() - self._began) * 1000
        return None

    def _look(self, request_id: str, ends: float, wait: float = _LOOK_EVERY) -> InvokeResult | None:
        """Return the invocation's result if there is one now: an answer, or the end of the process."""
        answer = self._next_answer(wait)
        used = self._process.resident_mb()
        self.peak_mb = max(self.peak_mb, used)
        if answer is not None:
            return self._result(answer, request_id)
        if used > self._spec.memory_mb:
            return self._killed(request_id, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed")
        reason = self._process.exit_reason()
        if reason is not None:
            return self._exited(request_id, reason)
        if monotonic() > ends:
            message = f"Task timed out after {self._spec.timeout:.2f} seconds"
            return self._killed(request_id, "Sandbox.Timedout", message)
        return None

    def _next_answer(self, wait: float) -> Answer | None:
        try:
            return self._api.answers.get(timeout=wait) if wait else self._api.answers.get_nowait()
        except queue.Empty:
            return None

    def _result(self, answer: Answer, request_id: str) -> InvokeResult:
        if answer.error:
            return InvokeResult(answer.payload, "Unhandled", request_id)
        if len(answer.payload) > MAX_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            return _error(request_id, "Function.ResponseSizeTooLarge", message)
        return InvokeResult(answer.payload, None, request_id)

    def _exited(self, request_id: str, reason: str) -> InvokeResult:
        answer = self._next_answer(0)  # it may have answered right before its end
        if answer is not None:
            return self._result(answer, request_id)
        message = "Runtime exited without providing a reason"
        if reason != "exit status 0":
            message = f"Runtime exited with error: {reason}"
        return self._platform_error(request_id, "Runtime.ExitError", message)

    def _killed(self, request_id: str, kind: str, message: str) -> InvokeResult:
        self._process.kill()
        return self._platform_error(request_id, kind, message)

    def _platform_error(self, request_id: str, kind: str, message: str) -> InvokeResult:
        self._log.platform(request_id, f"{kind}: {message}")
        return _error(request_id, kind, f"RequestId: {request_id} Error: {message}")

    def _invocation(self, payload: bytes, request_id: str, limit: float) -> Invocation:
        now = time.time()
        root = f"1-{int(now):08x}-{secrets.token_hex(12)}"
        trace = f"Root={root};Parent={secrets.token_hex(8)};Sampled=1"
        return Invocation(request_id, payload, int((now + limit) * 1000), self._spec.arn, trace)

    def kill(self) -> None:
        """Kill the process; an invocation at work ends as ``Runtime.ExitError``."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process and stop its Runtime API; idempotent."""
        self._process.kill()
        self._api.close()


def _error(request_id: str, kind: str, message: str) -> InvokeResult:
    document = {"errorType": kind, "errorMessage": message}
    return InvokeResult(json.dumps(document).encode("utf-8"), "Unhandled", request_id)
