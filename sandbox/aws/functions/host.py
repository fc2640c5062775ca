"""The functions of an account: finds, starts, reuses and ends their instances."""

from __future__ import annotations

import statistics
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from sandbox.aws.functions.api import FunctionSpec, FunctionStats, InvokeResult, TooManyRequests, UnknownFunction
from sandbox.aws.functions.instance import Instance
from sandbox.aws.functions.log import FunctionLog, Report
from sandbox.aws.functions.process import Spawner

DEFAULT_CONCURRENCY = 10
"""Concurrent executions of a new AWS account (design.md 3)."""


@dataclass
class _Function:
    spec: FunctionSpec
    log: FunctionLog
    idle: list[Instance] = field(default_factory=list)
    cold_ms: list[float] = field(default_factory=list)
    warm: int = 0
    errors: int = 0
    peak_mb: float = 0.0


class FunctionHost:
    """Runs functions as processes of ``python`` and writes a log for each into ``log_dir``.

    ``base_environment`` is given to every function (endpoints, PATH, proxies). Invocations beyond ``concurrency``
    are refused as Lambda does. Thread-safe; ``close`` kills every process.
    """

    def __init__(
        self,
        python: Path,
        log_dir: Path,
        base_environment: Mapping[str, str],
        *,
        region: str = "us-east-1",
        concurrency: int = DEFAULT_CONCURRENCY,
    ) -> None:
        self._log_dir = log_dir
        self._base = dict(base_environment)
        self._region = region
        self._concurrency = concurrency
        self._spawner = Spawner(python)
        self._functions: dict[str, _Function] = {}
        self._busy: set[Instance] = set()
        self._active = 0
        self._closed = False
        self._lock = threading.Lock()

    def register(self, spec: FunctionSpec) -> None:
        """Make a function known; replaces one of the same name, whose idle instances end."""
        with self._lock:
            old = self._functions.pop(spec.name, None)
            self._functions[spec.name] = _Function(spec, FunctionLog(self._log_dir, spec.name))
        for instance in old.idle if old else ():
            instance.close()

    def invoke(self, name_or_arn: str, payload: bytes) -> InvokeResult:
        """Invoke synchronously; the function's failures are results, not exceptions.

        Raises ``UnknownFunction``, or ``TooManyRequests`` when the account's concurrency is used up.
        """
        function, instance = self._take(name_or_arn)
        result: InvokeResult | None = None
        try:
            cold = instance is None
            instance = instance or self._start(function)
            result = self._run(function, instance, payload, cold=cold)
        finally:
            self._give_back(function, instance, result)
        return result

    def _take(self, name_or_arn: str) -> tuple[_Function, Instance | None]:
        stale: list[Instance] = []
        with self._lock:
            function = self._find(name_or_arn)
            if self._closed or self._active >= self._concurrency:
                raise TooManyRequests(f"Rate Exceeded: {self._concurrency} concurrent executions are in use")
            self._active += 1
            instance = None
            while function.idle and instance is None:
                candidate = function.idle.pop()
                if candidate.alive:
                    instance = candidate
                    self._busy.add(candidate)
                else:
                    stale.append(candidate)
        for candidate in stale:
            candidate.close()
        return function, instance

    def _find(self, name_or_arn: str) -> _Function:
        for function in self._functions.values():
            if name_or_arn in (function.spec.name, function.spec.arn, f"{function.spec.arn}:$LATEST"):
                return function
        raise UnknownFunction(f"Function not found: {name_or_arn}")

    def _start(self, function: _Function) -> Instance:
        instance = Instance(function.spec, self._spawner, function.log, base=self._base, region=self._region)
        with self._lock:
            self._busy.add(instance)
            closed = self._closed
        if closed:
            instance.close()
        return instance

    def _run(self, function: _Function, instance: Instance, payload: bytes, *, cold: bool) -> InvokeResult:
        request_id = str(uuid.uuid4())
        function.log.start(request_id)
        began = monotonic()
        result = instance.invoke(payload, request_id)
        init = instance.init_ms if cold else None
        duration = (monotonic() - began) * 1000 - (init or 0.0)
        memory = function.spec.memory_mb
        report = Report(duration=max(duration, 0.0), memory_size=memory, used=instance.peak_mb, init=init)
        function.log.end(request_id, report)
        with self._lock:
            if cold:
                function.cold_ms.append(init or duration)
            else:
                function.warm += 1
        return result

    def _give_back(self, function: _Function, instance: Instance | None, result: InvokeResult | None) -> None:
        with self._lock:
            self._active -= 1
            if result is None or result.function_error is not None:
                function.errors += 1
            if instance is None:
                return
            self._busy.discard(instance)
            function.peak_mb = max(function.peak_mb, instance.peak_mb)
            keep = result is not None and instance.alive and not self._closed
            if keep:
                function.idle.append(instance)
        if not keep:
            instance.close()

    def stats(self) -> dict[str, FunctionStats]:
        """Return the counts so far by function name."""
        with self._lock:
            return {name: _stats(function) for name, function in self._functions.items()}

    def pids(self, name: str | None = None) -> list[int]:
        """Return the ids of all processes, or one function's, busy and idle; for tests and fault injection."""
        with self._lock:
            idle = [instance for function in self._functions.values() for instance in function.idle]
            return [instance.pid for instance in (*self._busy, *idle) if name in (None, instance.function_name)]

    def close(self) -> None:
        """Kill all processes and refuse further invocations; those at work end as ``Runtime.ExitError``."""
        with self._lock:
            self._closed = True
            busy = list(self._busy)
            idle = [instance for function in self._functions.values() for instance in function.idle]
            for function in self._functions.values():
                function.idle = []
        for instance in busy:
            instance.kill()
        for instance in idle:
            instance.close()
        self._spawner.close()


def _stats(function: _Function) -> FunctionStats:
    cold_ms = function.cold_ms
    return FunctionStats(
        cold=len(cold_ms),
        warm=function.warm,
        cold_ms_median=statistics.median(cold_ms) if cold_ms else 0.0,
        peak_mb=round(function.peak_mb, 1),
        errors=function.errors,
    )
