"""Starts the processes of all functions, each with its environment."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from sandbox.aws.functions.api import FunctionSpec
from sandbox.aws.functions.environment import function_environment
from sandbox.aws.functions.log import FunctionLog
from sandbox.aws.functions.process import Spawner
from sandbox.aws.functions.runtime import Runtime


class Launcher:
    """``base`` is given to every function."""

    def __init__(self, spawner: Spawner, base: Mapping[str, str], region: str) -> None:
        self._spawner = spawner
        self._base = dict(base)
        self._region = region

    def of(self, spec: FunctionSpec, log: FunctionLog) -> Callable[[], Runtime]:
        """Return what starts a process of ``spec``; every process has a log stream's name of its own."""
        return partial(self._launch, spec, log)

    def _launch(self, spec: FunctionSpec, log: FunctionLog) -> Runtime:
        def environment(runtime_api: str) -> dict[str, str]:
            return function_environment(
                spec,
                self._base,
                region=self._region,
                runtime_api=runtime_api,
                log_stream=f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}",
            )

        return Runtime(spec, self._spawner, log, environment)
