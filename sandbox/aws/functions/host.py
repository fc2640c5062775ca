"""The functions of an account, and what it takes to invoke one."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from sandbox.aws.functions.api import (
    FunctionSpec,
    FunctionStats,
    Invoked,
    InvokeResult,
    RequestTooLarge,
    TooManyRequests,
    UnknownFunction,
)
from sandbox.aws.functions.instance import Instance
from sandbox.aws.functions.launcher import Launcher
from sandbox.aws.functions.limits import MAX_REQUEST_BYTES
from sandbox.aws.functions.log import FunctionLog, Report
from sandbox.aws.functions.pool import Pool
from sandbox.aws.functions.process import Spawner, SpawnerClosed
from sandbox.aws.functions.tally import Tally
from sandbox.aws.functions.traced import InvocationTrace
from sandbox.aws.tracing.header import TraceHeader
from sandbox.aws.tracing.segments import TraceSink, untraced
from sandbox.wire.function_faults import FunctionFault, FunctionFaultKind, FunctionPlan, undisturbed_function

DEFAULT_CONCURRENCY = 10
"""Concurrent executions of a new AWS account (design.md 3)."""


@dataclass
class _Function:
    spec: FunctionSpec
    log: FunctionLog
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class _Call:
    function: _Function
    payload: bytes
    trace: InvocationTrace
    fault: FunctionFault | None
    began: float = field(default_factory=monotonic)


class FunctionHost:
    """Runs functions as processes of ``python`` and writes a log for each into ``log_dir``.

    ``base_environment`` is given to every function (endpoints, PATH, proxies, AWS_XRAY_DAEMON_ADDRESS where traces are
    collected). Invocations beyond ``concurrency`` are refused as Lambda does. ``function_plan`` is asked once for each
    invocation, with the function's name in AWS. ``traces`` takes Lambda's own segments. Thread-safe; ``close`` kills
    every process.
    """

    def __init__(
        self,
        python: Path,
        log_dir: Path,
        base_environment: Mapping[str, str],
        *,
        region: str = "us-east-1",
        concurrency: int = DEFAULT_CONCURRENCY,
        function_plan: FunctionPlan = undisturbed_function,
        traces: TraceSink = untraced,
    ) -> None:
        self._log_dir = log_dir
        self._plan = function_plan
        self._traces = traces
        self._spawner = Spawner(python)
        self._launcher = Launcher(self._spawner, base_environment, region)
        self._pool = Pool(concurrency)
        self._functions: dict[str, _Function] = {}
        self._invoked: list[Invoked] = []
        self._lock = threading.Lock()

    def register(self, spec: FunctionSpec) -> None:
        """Make a function known; replaces one of the same name, whose idle instances end."""
        with self._lock:
            self._functions[spec.name] = _Function(spec, FunctionLog(self._log_dir, spec.name))
        self._pool.know(spec.name)

    def invoke(self, name_or_arn: str, payload: bytes, trace: TraceHeader | None = None) -> InvokeResult:
        """Invoke synchronously; the function's failures are results, not exceptions.

        ``trace`` is the caller's place in its trace; without one the invocation begins a trace. Raises
        ``UnknownFunction``, ``RequestTooLarge``, or ``TooManyRequests`` when the account's concurrency is used up.
        """
        function = self._find(name_or_arn)
        if len(payload) > MAX_REQUEST_BYTES:
            limit = f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for the InvokeFunction operation"
            raise RequestTooLarge(limit)
        fault = self._plan(function.spec.name)
        call = _Call(function, payload, InvocationTrace(function.spec, trace, self._traces), fault)
        try:
            if fault is not None and fault.kind is FunctionFaultKind.THROTTLE:
                raise self._pool.refusal()
            return self._serve(call, self._pool.take(function.spec.name))
        except TooManyRequests:
            with self._lock:
                function.tally.throttles += 1
            call.trace.throttled()
            raise

    def _find(self, name_or_arn: str) -> _Function:
        with self._lock:
            for function in self._functions.values():
                if name_or_arn in (function.spec.name, function.spec.arn, f"{function.spec.arn}:$LATEST"):
                    return function
        raise UnknownFunction(f"Function not found: {name_or_arn}")

    def _serve(self, call: _Call, instance: Instance | None) -> InvokeResult:
        function, result, cold = call.function, None, instance is None
        try:
            instance = instance or self._start(function)
            result = self._run(call, instance, cold=cold)
        except SpawnerClosed:
            raise self._pool.refusal() from None
        finally:
            with self._lock:
                function.tally.ended(result, instance.peak_mb if instance else 0.0)
                current = self._functions[function.spec.name] is function
            self._pool.give_back(instance, keep=result is not None and current)
        return result

    def _start(self, function: _Function) -> Instance:
        instance = Instance(function.spec, function.log, self._launcher.of(function.spec, function.log))
        self._pool.started(instance)
        return instance

    def _run(self, call: _Call, instance: Instance, *, cold: bool) -> InvokeResult:
        function, request_id = call.function, str(uuid.uuid4())
        function.log.start(request_id)
        result = instance.invoke(call.payload, request_id, call.trace.header, call.fault)
        whole = (monotonic() - call.began) * 1000
        init = instance.init_ms if cold else None
        report = Report(
            duration=max(whole - (init or 0.0), 0.0),
            memory_size=function.spec.memory_mb,
            used=instance.peak_mb,
            init=init,
        )
        function.log.end(request_id, report)
        call.trace.ended(result, init)
        invoked = Invoked(
            function=function.spec.name,
            request_id=request_id,
            segment_id=call.trace.segment_id,
            cold=cold,
            init_ms=init,
            ms=report.duration,
            peak_mb=round(instance.peak_mb, 1),
            error_type=result.error_type,
        )
        with self._lock:
            function.tally.count(cold=cold, ms=whole)
            if init is not None:
                function.tally.ready(init, instance.import_ms)
            self._invoked.append(invoked)
        return result

    def measure_starts(self) -> None:
        """Start each function that nobody has invoked once, without an event, so that its start has numbers as well.

        One that cannot be started has none. Nothing else is counted, and no process stays.
        """
        with self._lock:
            unused = [function for function in self._functions.values() if not function.tally.initialised]
        for function in unused:
            with suppress(TooManyRequests, SpawnerClosed):
                self._measure_start(function)

    def _measure_start(self, function: _Function) -> None:
        instance = self._pool.take(function.spec.name)
        try:
            instance = instance or self._start(function)
            if instance.get_ready():
                with self._lock:
                    function.tally.ready(instance.init_ms or 0.0, instance.import_ms)
        finally:
            self._pool.give_back(instance, keep=False)

    def stats(self) -> dict[str, FunctionStats]:
        """Return the counts so far by function name."""
        with self._lock:
            return {name: function.tally.stats() for name, function in self._functions.items()}

    def invocations(self) -> list[Invoked]:
        """Return every invocation that has ended, in the order of their ends."""
        with self._lock:
            return list(self._invoked)

    def pids(self, name: str | None = None) -> list[int]:
        """Return the ids of all processes, or one function's, busy and idle; for tests and fault injection."""
        found = self._pool.pids()
        return [pid for function, pids in found.items() if name in (None, function) for pid in pids]

    def pids_by_function(self) -> dict[str, list[int]]:
        """Return the process ids of every function, all of the same moment; empty for one that has none."""
        return self._pool.pids()

    def close(self) -> None:
        """Kill all processes and refuse further invocations; those at work end as ``Runtime.ExitError``."""
        self._pool.close()
        self._spawner.close()
