"""Everything that a run leaves behind, written to a folder: what ``--out`` shows and the canary check reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.run.documents import object_document, plain, tracker_document, write_json
from sandbox.run.out_folder import place
from sandbox.run.results import RunResult
from sandbox.run.stage import Stage

if TYPE_CHECKING:
    from sandbox.aws.permissions import PermissionReport
    from sandbox.aws.tracing.tree import Tree

_STATE_FIELDS = {"execution_arn": "execution", "state_name": "state", "state_type": "type"}


@dataclass(frozen=True, slots=True)
class Observed:
    """What the sandbox saw of its runs beside their results. ``traces`` are in the order of the runs."""

    permissions: PermissionReport
    traces: Sequence[Tree]


def observe(stage: Stage, runs: Sequence[RunResult]) -> Observed:
    """Judge permissions and join traces; raises ``SandboxError`` if a call cannot be judged."""
    executions = [run.execution for run in runs]
    return Observed(stage.permissions(executions), [stage.traces(execution) for execution in executions])


def write_evidence(
    folder: Path,
    stage: Stage,
    runs: Sequence[RunResult],
    rows: Sequence[Mapping[str, Any]],
    observed: Observed,
) -> None:
    """Write every document of ``--out`` but the objects themselves. ``rows`` are the tracker's."""
    last = runs[-1]
    write_json(folder / "objects.json", [object_document(each) for each in stage.archive()])
    write_json(folder / "tracker.json", tracker_document(rows))
    write_json(folder / "report.json", last.report or last.as_json())
    (folder / "report.md").write_text(last.report_text, encoding="utf-8")
    write_json(folder / "state.json", [entry for run in runs for entry in _states(stage, run)])
    write_json(folder / "history.json", [_history(stage, run) for run in runs])
    write_json(folder / "not_emulated.json", list(stage.deployment.not_emulated))
    write_json(folder / "notifications.json", stage.account.notifications())
    write_json(folder / "permissions.json", observed.permissions.as_dict())
    write_json(folder / "faults.json", stage.faults.record.as_json() if stage.faults else [])
    write_json(folder / "traces.json", [{"run": run.number, **tree.as_json()} for run, tree in _traced(runs, observed)])
    lines = [line for run, tree in _traced(runs, observed) for line in (f"run {run.number}", *tree.lines(), "")]
    (folder / "traces.txt").write_text("\n".join(lines), encoding="utf-8")
    shutil.copyfile(stage.account.segments_file, folder / "segments.jsonl")
    _copy_logs(stage, folder / "logs")


def write_objects(folder: Path, stage: Stage) -> None:
    """Write ``bucket/<key>`` for every object; raises ``SandboxError`` for a key that no file can have."""
    bucket = folder / "bucket"
    bucket.mkdir()
    for each in stage.archive():
        place(each.path, bucket, each.key)


def _traced(runs: Sequence[RunResult], observed: Observed) -> Iterator[tuple[RunResult, Tree]]:
    return zip(runs, observed.traces, strict=True)


def _states(stage: Stage, run: RunResult) -> list[dict[str, Any]]:
    """Every visited state of one run, children included, in the order of entry."""
    return [
        {"run": run.number, **{_STATE_FIELDS.get(name, name): value for name, value in plain(record).items()}}
        for record in stage.account.records_of(run.execution)
    ]


def _history(stage: Stage, run: RunResult) -> dict[str, Any]:
    return {"run": run.number, "execution": run.execution, "events": stage.account.history_of(run.execution)}


def _copy_logs(stage: Stage, target: Path) -> None:
    """One file per function; an empty one for a function that was not needed."""
    target.mkdir()
    for function, name in stage.function_names().items():
        log, copy = stage.account.log_dir / f"{function}.log", target / f"{name}.log"
        if log.exists():
            shutil.copyfile(log, copy)
        else:
            copy.touch()
