"""Step Functions does not execute, or executes wrongly.

Wrong, measured on 5.2.5: by default an execution stays RUNNING for ever with an invented history. The executing backend
never fails a Distributed Map for its children, writes an empty result manifest, refuses integer tolerances, and answers
500 to DescribeExecution once ``$$.Execution.StartTime`` is in an output.
Repaired: moto keeps state machines, names and their rules; ``sandbox.aws.stepfunctions`` executes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.exceptions import ExecutionDoesNotExist, InvalidExecutionInput
from moto.stepfunctions.models import Execution as MotoExecution
from moto.stepfunctions.models import StateMachine, StepFunctionBackend

from sandbox.aws.asl_gate import admit
from sandbox.aws.repairs.patching import replaced
from sandbox.aws.stepfunctions.engine import Engine, UnknownExecution
from sandbox.aws.stepfunctions.execution import Execution, Machine
from sandbox.aws.stepfunctions.templates import MAX_STATE_BYTES, to_json

Note = Callable[[MotoExecution], None]


class _NoHistory(JsonRESTError):
    """Of an execution of a former process the end is known, and not how it got there."""

    def __init__(self) -> None:
        super().__init__("NotImplemented", "The sandbox keeps no history of executions of its former processes")


def _unnoted(_execution: MotoExecution) -> None:
    """Be the journal of an account that is forgotten."""


@contextmanager
def installed(engine: Engine, note: Note = _unnoted) -> Iterator[None]:
    """Let ``engine`` execute what is started through the API within the block.

    ``note`` learns of every execution twice: before it runs, and when it has ended.
    """
    with ExitStack() as stack:
        stack.enter_context(replaced(StateMachine, "start_execution", _starter(engine, note)))
        stack.enter_context(replaced(StateMachine, "stop_execution", _stopper(engine)))
        stack.enter_context(replaced(MotoExecution, "get_execution_history", _historian(engine)))
        stack.enter_context(replaced(StepFunctionBackend, "describe_execution", _describer(engine)))
        for name in ("describe_map_run", "list_map_runs", "update_map_run"):
            stack.enter_context(replaced(StepFunctionBackend, name, _refusal(name)))
        yield


def _starter(engine: Engine, note: Note) -> Any:
    original = StateMachine.start_execution

    def start_execution(self: StateMachine, **request: Any) -> MotoExecution:
        if len(request["execution_input"].encode("utf-8")) > MAX_STATE_BYTES:
            raise InvalidExecutionInput(f"The execution's input is larger than {MAX_STATE_BYTES} bytes")
        known = len(self.executions)
        shown = original(self, **request)
        if len(self.executions) == known:
            return shown  # the same name and input while it runs: the start is idempotent
        definition = json.loads(self.definition)
        admit(definition)
        note(shown)
        engine.start(
            Machine(self.arn, self.name, self.roleArn, definition),
            arn=shown.execution_arn,
            name=shown.name,
            data=json.loads(shown.execution_input),
            on_end=lambda ended: _end(ended, shown, note),
        )
        return shown

    return start_execution


def _end(ended: Execution, shown: MotoExecution, note: Note) -> None:
    _show(ended, shown)
    note(shown)


def _show(ended: Execution, shown: MotoExecution) -> None:
    """Copy how an execution ended to moto's row, the status last: it is what pollers look at."""
    shown.stop_date = ended.stopped_at
    shown.error = ended.error
    shown.cause = ended.cause
    shown.output = to_json(ended.output) if ended.status == "SUCCEEDED" else None
    shown.status = ended.status.value


def _stopper(engine: Engine) -> Any:
    def stop_execution(self: StateMachine, execution_arn: str) -> MotoExecution:
        for shown in self.executions:
            if shown.execution_arn == execution_arn:
                with suppress(UnknownExecution):  # a former process's: it has ended
                    engine.stop(execution_arn)
                return shown
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{execution_arn}'")

    return stop_execution


def _historian(engine: Engine) -> Any:
    def get_execution_history(self: MotoExecution, roleArn: str) -> list[dict[str, Any]]:  # noqa: N803
        try:
            return engine.find(self.execution_arn).history.events()
        except UnknownExecution:
            raise _NoHistory from None

    return get_execution_history


def _describer(engine: Engine) -> Any:
    """Children are executions too; moto does not know them."""
    original = StepFunctionBackend.describe_execution

    def describe_execution(self: StepFunctionBackend, execution_arn: str) -> MotoExecution:
        try:
            execution = engine.find(execution_arn)
        except UnknownExecution:
            return original(self, execution_arn)
        return original(self, execution_arn) if execution.map_run_arn is None else _child(self, execution)

    return describe_execution


def _child(backend: StepFunctionBackend, execution: Execution) -> MotoExecution:
    shown = MotoExecution(
        backend.region_name,
        execution.arn.split(":")[4],
        execution.machine.name,
        execution.name,
        execution.machine.arn,
        to_json(execution.input),
    )
    shown.start_date = execution.started_at
    if execution.stopped_at is not None:
        _show(execution, shown)
    return shown


def _refusal(name: str) -> Any:
    def refuse(self: StepFunctionBackend, *_args: Any, **_kwargs: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__}.{name} is not emulated; read the Map Run's manifest instead")

    return refuse
