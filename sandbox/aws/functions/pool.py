"""The account's instances: which are idle, which are at work, and how many may be."""

from __future__ import annotations

import threading

from sandbox.aws.functions.api import TooManyRequests
from sandbox.aws.functions.instance import Instance


class Pool:
    """At most ``concurrency`` instances are at work at a time, whatever their functions. Thread-safe."""

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._idle: dict[str, list[Instance]] = {}
        self._busy: set[Instance] = set()
        self._active = 0
        self._closed = False
        self._lock = threading.Lock()

    def know(self, function: str) -> None:
        """Make room for a function; the idle instances of one of the same name end."""
        with self._lock:
            old, self._idle[function] = self._idle.get(function, []), []
        _close(old)

    def take(self, function: str) -> Instance | None:
        """Take up one concurrent execution and an idle instance, if there is one; ``TooManyRequests`` at the limit."""
        stale = []
        with self._lock:
            if self._closed or self._active >= self._concurrency:
                raise self.refusal()
            self._active += 1
            idle, instance = self._idle[function], None
            while idle and instance is None:
                candidate = idle.pop()
                if candidate.alive:
                    instance = candidate
                    self._busy.add(candidate)
                else:
                    stale.append(candidate)
        _close(stale)
        return instance

    def refusal(self) -> TooManyRequests:
        """Return what Lambda says at the limit."""
        return TooManyRequests(f"Rate Exceeded: {self._concurrency} concurrent executions are in use")

    def started(self, instance: Instance) -> None:
        """Note an instance that was started for an execution; in a closed pool it ends at once."""
        with self._lock:
            self._busy.add(instance)
            closed = self._closed
        if closed:
            instance.kill()

    def give_back(self, instance: Instance | None, *, keep: bool) -> None:
        """End an execution; its instance becomes idle if it is to be kept and still lives."""
        with self._lock:
            self._active -= 1
            if instance is None:
                return
            self._busy.discard(instance)
            keep = keep and instance.alive and not self._closed
            if keep:
                self._idle[instance.function_name].append(instance)
        if not keep:
            instance.close()

    def pids(self) -> dict[str, list[int]]:
        """Return the process ids of every function, all of the same moment."""
        with self._lock:
            found: dict[str, list[int]] = {name: [] for name in self._idle}
            idle = [instance for each in self._idle.values() for instance in each]
            for instance in (*self._busy, *idle):
                found[instance.function_name].append(instance.pid)
            return found

    def close(self) -> None:
        """Kill all processes; those who wait for one at work give its instance back as usual."""
        with self._lock:
            self._closed = True
            busy = list(self._busy)
            idle = [instance for each in self._idle.values() for instance in each]
            self._idle = {name: [] for name in self._idle}
        for instance in busy:
            instance.kill()
        _close(idle)


def _close(instances: list[Instance]) -> None:
    for instance in instances:
        instance.close()
