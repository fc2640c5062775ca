"""The loop: one state after the other, for an execution or for one iteration of an inline Map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.stepfunctions.cancellation import Cancellation
from sandbox.aws.stepfunctions.errors import StatesError
from sandbox.aws.stepfunctions.execution import Execution
from sandbox.aws.stepfunctions.records import ExecutionRecord, as_text, iso
from sandbox.aws.stepfunctions.services import Services


@dataclass
class Branch:
    """One thread of control: the execution it belongs to, its stop signal, its place in the event history."""

    execution: Execution
    services: Services
    cancellation: Cancellation
    map_item: Mapping[str, Any] | None = None
    """``$$.Map.Item`` within an iteration of an inline Map."""
    iteration: str | None = None
    last_event: int = 0
    inside: str | None = None
    """Type of the state that is being visited."""

    def event(self, kind: str, details: Mapping[str, Any] | None = None) -> int:
        """Append to the execution's history, after this branch's latest event."""
        self.last_event = self.execution.history.append(kind, self.last_event, details)
        return self.last_event

    def note(self, kind: str, details: Mapping[str, Any] | None = None) -> None:
        """Append how something failed if the history has room for it: a full history must not hide the failure."""
        self.last_event = self.execution.history.note(kind, self.last_event, details)

    def run(self, definition: Mapping[str, Any], data: Any) -> Any:
        """Run from ``StartAt`` to an end and return the output; ``StatesError`` or ``ExecutionAborted`` otherwise."""
        name: str | None = definition["StartAt"]
        while name is not None:
            self.cancellation.check()
            data, name = self._visit(name, definition["States"][name], data)
        return data

    def _visit(self, name: str, state: Mapping[str, Any], data: Any) -> tuple[Any, str | None]:
        kind = self.inside = state["Type"]
        entered_at = iso(self.services.clock())
        record = self.services.recorder.add(
            ExecutionRecord(
                self.execution.arn, self.execution.map_run_arn, name, kind, entered_at, data, self.iteration
            )
        )
        self.event(f"{kind}StateEntered", {"name": name, **as_text("input", data)})
        try:
            outcome = HANDLERS[kind](Visit(self, name, state, data, record))
        except StatesError as error:
            record.error, record.cause = error.name, error.cause
            raise
        finally:
            record.exited_at = iso(self.services.clock())
        record.output = outcome[0]
        self.inside = None
        self.event(f"{kind}StateExited", {"name": name, **as_text("output", outcome[0])})
        return outcome


@dataclass
class Visit:
    """One visit of one state."""

    branch: Branch
    name: str
    state: Mapping[str, Any]
    data: Any
    """The state's raw input."""
    record: ExecutionRecord
    retry_count: int = 0

    @property
    def next(self) -> str | None:
        """The state that follows, ``None`` at the end."""
        following = self.state.get("Next")
        return None if following is None else str(following)

    def context(self, map_item: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the context object (``$$``); ``map_item`` is the item that an ItemSelector is filled for."""
        execution = self.branch.execution
        machine = execution.machine
        context: dict[str, Any] = {
            "Execution": {
                "Id": execution.arn,
                "Input": execution.input,
                "Name": execution.name,
                "RoleArn": machine.role_arn,
                "StartTime": iso(execution.started_at),
                "RedriveCount": 0,
            },
            "State": {"EnteredTime": self.record.entered_at, "Name": self.name, "RetryCount": self.retry_count},
            "StateMachine": {"Id": machine.arn, "Name": machine.name},
        }
        item = map_item or self.branch.map_item
        if item is not None:
            context["Map"] = {"Item": dict(item)}
        return context


Handler = Callable[[Visit], tuple[Any, str | None]]
HANDLERS: dict[str, Handler] = {}
"""State type to what a visit of such a state does; filled by ``states`` (a Map's handler runs branches again)."""
