"""Starts, stops and remembers executions."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.aws.stepfunctions import states
from sandbox.aws.stepfunctions.cancellation import Cancellation
from sandbox.aws.stepfunctions.execution import Execution, Machine
from sandbox.aws.stepfunctions.records import Clock, ExecutionRecord, History, Recorder, utc_now
from sandbox.aws.stepfunctions.run import run_execution
from sandbox.aws.stepfunctions.services import Invoke, Services
from sandbox.aws.tracing.segments import TraceSink, untraced

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MAX_INVOCATIONS = 256
"""Threads that wait for functions; the function host's own limit is lower."""


class UnknownExecution(KeyError):
    """There is no such execution."""


class Engine:
    """Runs executions in threads. ``retry_scale`` shortens the waits of Retry (1.0 is AWS's pace).

    ``invoke`` calls a function; ``s3`` serves ItemReader and ResultWriter; ``traces`` takes a segment for each attempt
    of a Task. Close it after the functions' host: a state that waits for a function ends when the host kills it.
    """

    def __init__(
        self,
        *,
        region: str,
        invoke: Invoke,
        s3: S3Client,
        retry_scale: float = 1.0,
        clock: Clock = utc_now,
        rng: random.Random | None = None,
        traces: TraceSink = untraced,
    ) -> None:
        states.register()
        self.retry_scale = retry_scale
        self._clock = clock
        self._recorder = Recorder()
        self._pool = ThreadPoolExecutor(max_workers=_MAX_INVOCATIONS, thread_name_prefix="invocation")
        self._services = Services(
            region,
            invoke,
            s3,
            clock,
            rng or random.Random(),  # noqa: S311 - jitter needs no cryptographic chance
            retry_scale,
            self._recorder,
            self._pool,
            traces,
        )
        self._executions: dict[str, Execution] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(
        self,
        machine: Machine,
        *,
        arn: str,
        name: str,
        data: Any,
        started_at: datetime | None = None,
        on_end: Callable[[Execution], None] | None = None,
    ) -> Execution:
        """Start an execution in a thread of its own and return at once."""
        execution = Execution(
            arn=arn,
            name=name,
            machine=machine,
            input=data,
            started_at=started_at or self._clock(),
            history=History(self._clock),
            cancellation=Cancellation(),
            on_end=on_end,
        )
        thread = threading.Thread(target=run_execution, args=(self._services, execution), name=f"execution {name}")
        with self._lock:
            self._executions[arn] = execution
            self._threads.append(thread)
        thread.start()
        return execution

    def find(self, arn: str) -> Execution:
        """Return an execution, parent or child; ``UnknownExecution`` if there is none."""
        with self._lock:
            parents = list(self._executions.values())
        for parent in parents:
            for execution in (parent, *parent.children):
                if execution.arn == arn:
                    return execution
        raise UnknownExecution(arn)

    def stop(self, arn: str) -> None:
        """Stop an execution and its children; returns when it has ended. Functions at work run on, as on AWS."""
        execution = self.find(arn)
        execution.cancellation.cancel()
        execution.done.wait()

    def records(self, arn: str) -> list[ExecutionRecord]:
        """Return the state records of an execution and its children, in the order of entry."""
        execution = self.find(arn)
        return self._recorder.of({arn, *(child.arn for child in execution.children)})

    def cancel_all(self) -> None:
        """Tell every execution to stop; does not wait."""
        with self._lock:
            executions = list(self._executions.values())
        for execution in executions:
            execution.cancellation.cancel()

    def close(self) -> None:
        """Stop everything and join all threads; idempotent."""
        self.cancel_all()
        with self._lock:
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.join()
        self._pool.shutdown(wait=True)
