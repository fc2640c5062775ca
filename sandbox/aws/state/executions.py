"""The list of executions: what ``DescribeExecution`` and ``ListExecutions`` tell of those of former processes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from moto.stepfunctions.models import Execution, StateMachine, stepfunctions_backends

from sandbox.aws.state.store import Store

_TEXTS = ("status", "output", "error", "cause")
_ABORTED = "ABORTED"
_GONE = "the sandbox that ran this execution has ended"


class ExecutionJournal:
    """Writes down when an execution starts and how it ends."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, execution: Execution) -> None:
        """Write down the execution as it is now: called when it has started and when it has ended."""
        document = {
            "machine": execution.state_machine_arn,
            "name": execution.name,
            "input": execution.execution_input,
            "started": execution.start_date.isoformat(),
            "stopped": execution.stop_date.isoformat() if execution.stop_date else None,
            **{name: getattr(execution, name) for name in _TEXTS},
        }
        self._store.write(
            "INSERT INTO executions (arn, document) VALUES (?, ?)"
            " ON CONFLICT (arn) DO UPDATE SET document = excluded.document",
            (execution.execution_arn, json.dumps(document)),
        )


def restore(store: Store, account_id: str, region: str, now: datetime) -> None:
    """Give the state machines their former executions. Those that had not ended are ABORTED: their process has gone."""
    machines = {machine.arn: machine for machine in stepfunctions_backends[account_id][region].state_machines}
    journal = ExecutionJournal(store)
    for _, text in store.read("SELECT number, document FROM executions ORDER BY number"):
        document = json.loads(text)
        machine = machines.get(document["machine"])
        if machine is None:
            continue  # of a stack that is no longer deployed: nobody can ask for it
        execution = _execution(document, machine, account_id, region)
        if execution.stop_date is None:
            execution.status, execution.cause, execution.stop_date = _ABORTED, _GONE, now
            journal.note(execution)
        machine.executions.append(execution)


def _execution(document: dict[str, Any], machine: StateMachine, account_id: str, region: str) -> Execution:
    execution = Execution(region, account_id, machine.name, document["name"], machine.arn, document["input"])
    execution.start_date = datetime.fromisoformat(document["started"])
    execution.stop_date = datetime.fromisoformat(document["stopped"]) if document["stopped"] else None
    for name in _TEXTS:
        setattr(execution, name, document[name])
    return execution
