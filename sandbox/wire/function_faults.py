"""What shall go wrong with one invocation of a function. The functions' host asks at each invocation, and obeys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FunctionFaultKind(StrEnum):
    """The ways in which Lambda itself ends an invocation."""

    TIMEOUT = "timeout"
    """Killed as if its time were over."""
    OUT_OF_MEMORY = "out-of-memory"
    """Killed as if it had exceeded its memory."""
    EXIT = "exit"
    """Killed as if the process had ended by itself."""
    THROTTLE = "throttle"
    """Refused before it begins, as if the account's concurrency were used up."""


@dataclass(frozen=True, slots=True)
class FunctionFault:
    """``kind`` happens ``after_seconds`` of the invocation (0: at once); a throttle knows no later moment."""

    kind: FunctionFaultKind
    after_seconds: float = 0.0


FunctionPlan = Callable[[str], FunctionFault | None]
"""From the function's handler folder to what shall befall this invocation; asked once for each, from any thread."""


def undisturbed_function(_function: str) -> FunctionFault | None:
    """Be the plan of a sandbox without faults."""
    return None
