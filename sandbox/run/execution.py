"""One execution of the state machine: started, followed to its end, and turned into a result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.run.display import Display
from sandbox.run.phases import Phases
from sandbox.run.progress import Progress
from sandbox.run.results import RunResult
from sandbox.run.stage import Stage
from sandbox.run.watch import StoredDocument, Watcher

POLL_SECONDS = 0.25


def execute(
    stage: Stage, number: int, state_input: Mapping[str, object] | None, display: Display, clock: Callable[[], float]
) -> RunResult:
    """Run the state machine once; its failure is a result, not an exception. ``None``: the schedule starts it."""
    known = frozenset(document.key for document in stage.run_documents())
    progress = Progress(clock)
    phases = Phases(display, clock, f"run {number}: " if number > 1 else "")
    stage.tap.progress = progress
    begin = clock()
    phases.enter("list")
    execution = stage.start(number, state_input)
    watcher = Watcher(
        documents=stage.run_documents,
        records=lambda: stage.account.records(execution),
        known=known,
        progress=progress,
        phases=phases,
        display=display,
        clock=clock,
    )
    outcome = stage.account.wait(execution, watcher.look)
    watcher.look()
    phases.leave()
    written = _written(stage, known)
    return RunResult(
        number=number,
        execution=execution.arn,
        succeeded=outcome.status == "SUCCEEDED",
        seconds=clock() - begin,
        arrived=progress.moved,
        error=_sentence(outcome.error or "", outcome.cause or ""),
        output=outcome.output if isinstance(outcome.output, dict) else {},
        report=_json(written.get("report.json")),
        report_text=_text(written.get("report.md")),
        failed_children=failed_children(execution.arn, stage.account.history(execution)),
    )


def failed_children(arn: str, history: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count the errors of the executions in a history that failed, without the one that ``arn`` names."""
    failed = (event for event in history if event["type"] == "ExecutionFailed" and event["executionArn"] != arn)
    return dict(Counter(event["executionFailedEventDetails"].get("error", "no error name") for event in failed))


def _sentence(error: str, cause: str) -> str:
    """The error's name and its cause, which may begin with that name already."""
    return cause if cause.startswith(error) else ": ".join(text for text in (error, cause) if text)


def _written(stage: Stage, known: frozenset[str]) -> dict[str, StoredDocument]:
    """What this run has put into its own folder of the runs bucket, by file name."""
    return {
        document.key.rpartition("/")[2]: document
        for document in stage.run_documents()
        if document.key not in known and document.key.count("/") == 2
    }


def _json(document: StoredDocument | None) -> dict[str, Any] | None:
    if document is None:
        return None
    value = json.loads(document.path.read_bytes())
    return value if isinstance(value, dict) else None


def _text(document: StoredDocument | None) -> str:
    return "" if document is None else document.path.read_text(encoding="utf-8")
