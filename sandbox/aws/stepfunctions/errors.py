"""Errors as a state machine sees them: a name, a cause, and the two names that nothing may catch."""

from __future__ import annotations

from collections.abc import Iterable

ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
RUNTIME = "States.Runtime"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
ITEM_READER_FAILED = "States.ItemReaderFailed"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"
EXCEED_TOLERATED_FAILURE_THRESHOLD = "States.ExceedToleratedFailureThreshold"

TERMINAL = frozenset({RUNTIME, DATA_LIMIT_EXCEEDED})
"""AWS documents both as out of reach of ``States.ALL``; the gate refuses definitions that name them.

Developer guide, "Handling errors in Step Functions workflows". A history that LocalStack's tests recorded against AWS
in 2024 shows a ``States.DataLimitExceeded`` that ``States.ALL`` did catch. Nobody can rely on that: here it ends the
execution, the stricter of the two.
"""


class StatesError(Exception):
    """A state failed; ``name`` and ``cause`` are what Retry, Catch and the execution's result show."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


class ExecutionAborted(Exception):
    """The execution was stopped, or its Map was; unwinds the interpreter and is never visible to a definition."""


def runtime_error(cause: str) -> StatesError:
    """Return the error of a path or a value that the definition cannot work with; it ends the execution."""
    return StatesError(RUNTIME, cause)


def matches(error: str, error_equals: Iterable[str]) -> bool:
    """Tell whether an ``ErrorEquals`` list names ``error``: literal names only, there is no inheritance."""
    if error in TERMINAL:
        return False
    names = frozenset(error_equals)
    if error in names or ALL in names:
        return True
    return TASK_FAILED in names and error != TIMEOUT
