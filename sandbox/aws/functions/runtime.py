"""A function's process and the Runtime API that it talks to: started, asked and ended together."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from time import monotonic

from sandbox.aws.functions.api import FunctionSpec
from sandbox.aws.functions.log import FunctionLog
from sandbox.aws.functions.process import Spawner
from sandbox.aws.functions.runtime_api import Answer, Invocation, RuntimeApi

EnvironmentOf = Callable[[str], Mapping[str, str]]
"""From the address of the Runtime API to the process's whole environment."""


class Runtime:
    """Starts when made. ``SpawnerClosed`` when the sandbox is ending."""

    def __init__(self, spec: FunctionSpec, spawner: Spawner, log: FunctionLog, environment: EnvironmentOf) -> None:
        self.began = monotonic()
        self._api = RuntimeApi()
        try:
            environ = environment(self._api.address)
            self.process = spawner.start(spec.handler, cwd=spec.code_dir, env=environ, log=log.path)
        except BaseException:
            self._api.close()
            raise

    def wait_ready(self, seconds: float) -> bool:
        """Wait until initialisation is over: the process asks for its first event."""
        return self._api.ready.wait(seconds)

    def submit(self, invocation: Invocation) -> None:
        """Hand an event to the process."""
        self._api.submit(invocation)

    def next_answer(self, seconds: float) -> Answer | None:
        """Return what the process has answered, waiting for it if need be."""
        try:
            return self._api.answers.get(timeout=seconds) if seconds > 0 else self._api.answers.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """Kill the process and stop its Runtime API; idempotent."""
        self.process.kill()
        self._api.close()
