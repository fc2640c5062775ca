"""One execution from its start to its end."""

from __future__ import annotations

from sandbox.aws.stepfunctions.branch import Branch
from sandbox.aws.stepfunctions.errors import ExecutionAborted, StatesError
from sandbox.aws.stepfunctions.execution import Execution, ExecutionStatus
from sandbox.aws.stepfunctions.records import as_text
from sandbox.aws.stepfunctions.services import Services


def run_execution(services: Services, execution: Execution) -> None:
    """Run ``execution`` in this thread; it has ended when this returns, and ``execution`` says how."""
    branch = Branch(execution, services, execution.cancellation)
    started = {**as_text("input", execution.input), "roleArn": execution.machine.role_arn}
    history = execution.history
    # Not the branch's own event: in recorded histories the first state entered follows event 0, as this one does.
    history.append("ExecutionStarted", 0, started)
    try:
        output = branch.run(execution.machine.definition, execution.input)
    except StatesError as error:
        outcome = {"error": error.name, "cause": error.cause}
        history.close("ExecutionFailed", branch.last_event, outcome)
        execution.end(ExecutionStatus.FAILED, services.clock(), **outcome)
    except ExecutionAborted:
        history.close("ExecutionAborted", branch.last_event)
        execution.end(ExecutionStatus.ABORTED, services.clock())
    except BaseException as error:
        # A bug of the sandbox: the execution must not look alive for ever, and the bug must not be hidden.
        execution.end(ExecutionStatus.FAILED, services.clock(), error="Sandbox.Bug", cause=repr(error))
        raise
    else:
        history.close("ExecutionSucceeded", branch.last_event, as_text("output", output))
        execution.end(ExecutionStatus.SUCCEEDED, services.clock(), output=output)
