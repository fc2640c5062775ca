"""The story of ``sandbox run``: set the stage, run the pipeline, gather the evidence, judge, tell."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from sandbox.run.comparison import compare
from sandbox.run.display import Display, open_display
from sandbox.run.disturbing import fault_lines
from sandbox.run.earlier import served_or_kept
from sandbox.run.errors import SandboxError
from sandbox.run.evidence import Observed, observe, write_evidence, write_objects
from sandbox.run.execution import execute
from sandbox.run.interrupts import interruptible
from sandbox.run.kept_files import KeptFiles, keep_files
from sandbox.run.leaks import find_leaks
from sandbox.run.memory import own_peak_mb
from sandbox.run.options import RunOptions
from sandbox.run.out_folder import WORK, out_folder
from sandbox.run.phases import Phases
from sandbox.run.preflight import check_platform, check_reachable, check_settings
from sandbox.run.recollection import Recollection
from sandbox.run.results import RunResult, reported_completed
from sandbox.run.stage import Stage, open_stage
from sandbox.run.state_folder import FILES, state_folder
from sandbox.run.summary import Summary, json_document
from sandbox.run.verdict import failed_media, problems, sentence, unlisted
from sandbox.run.work_folder import remove_stale, work_folder


def run_session(options: RunOptions, stream: TextIO = sys.stdout, clock: Callable[[], float] = time.monotonic) -> int:
    """Run the pipeline as asked and return 0; raises ``SandboxError`` with the sentence for every other end.

    Whatever happens, Ctrl-C included, no process, port or temporary file is left.
    """
    check_platform()
    check_settings(options.settings)
    if options.remote is not None:
        check_reachable(options.remote.url)
        if options.state is None and options.out is None:
            stream.write("Nothing of this copy will be kept: give --state DIR (or --out DIR) to have its files\n")
    with (
        interruptible() as interrupts,
        _kept(options.state),
        _folders(options.out) as (work, evidence),
        closing(open_display(stream, clock, live=not options.as_json)) as display,
        open_stage(options, work, Phases(display, clock), interrupts.defer) as stage,
    ):
        found = _run_and_tell(options, stage, evidence, display, Summary(stream), clock)
    if found:
        raise SandboxError(sentence(found))
    return 0


def _run_and_tell(
    options: RunOptions, stage: Stage, evidence: Path, display: Display, summary: Summary, clock: Callable[[], float]
) -> list[str]:
    """The run itself, up to the last line of output; what is wrong with it comes back."""
    earlier = stage.archive()
    runs, files = _executed(options, stage, display, clock)
    rows = stage.account.tracker_rows()
    served = served_or_kept(stage.source.served, earlier)
    recollection = Recollection(stage.state.compared if stage.state else None)
    with Phases(display, clock).of("compare"):
        comparison = compare(stage.archive(), rows, reported_completed(runs), served, recollection)
    display.close()
    stage.account.measure_starts()
    observed = observe(stage, runs)
    write_evidence(evidence, stage, runs, rows, observed)
    leaks = find_leaks(evidence, cookies=stage.source.cookies, tokens=stage.source.tokens)
    if options.out is not None:
        write_objects(evidence, stage)
    _tell(summary, stage, runs, observed, options.seed)
    summary.comparison(comparison, failed=runs[-1].counts["failed"])
    summary.files(files)
    if options.as_json:
        facts = {**_facts(stage, observed), "files": str(files.folder) if files else None}
        summary.json(json_document(runs, comparison, stage.function_stats(), facts))
    return [
        *_disk_trouble(stage, options),
        *problems(runs, comparison, leaks, stage.source.violations()),
        *(str(each) for each in observed.permissions.ungranted),
        *failed_media(
            runs, disturbed=stage.source.served is None or stage.faults is not None, served=stage.source.served
        ),
        *unlisted(runs, stage.source.library_size(), options.input),
    ]


def _executed(
    options: RunOptions, stage: Stage, display: Display, clock: Callable[[], float]
) -> tuple[list[RunResult], KeptFiles | None]:
    """All runs; what they have archived becomes files of ``--state``, also when they are interrupted."""
    first, state_input = len(stage.account.executions()) + 1, None if options.scheduled else options.input
    try:
        numbers = range(first, first + options.runs)
        runs = [execute(stage, number, state_input, display, clock) for number in numbers]
    except BaseException:
        _files(options, stage)
        raise
    return runs, _files(options, stage)


def _files(options: RunOptions, stage: Stage) -> KeptFiles | None:
    return keep_files(options.state / FILES, stage.archive()) if options.state else None


def _tell(summary: Summary, stage: Stage, runs: list[RunResult], observed: Observed, seed: int | None) -> None:
    summary.runs(runs)
    summary.bucket(stage.archive())
    summary.functions(stage.function_stats(), own_peak_mb())
    summary.traces(runs[-1].number, observed.traces[-1].lines)
    summary.permissions(observed.permissions)
    summary.faults(fault_lines(stage.faults, seed))
    summary.not_emulated(stage.deployment.not_emulated)


def _disk_trouble(stage: Stage, options: RunOptions) -> list[str]:
    """What is not a medium's fault and passes as soon as there is room."""
    if stage.s3.disk_trouble is None:
        return []
    again = "nothing is lost; make room, and give the same command again" if options.state else "make room"
    return [f"the disk could not take everything ({stage.s3.disk_trouble}): {again}"]


def _facts(stage: Stage, observed: Observed) -> dict[str, Any]:
    """What ``--json`` tells of the sandbox itself."""
    return {
        "not_emulated": len(stage.deployment.not_emulated),
        "ungranted": [str(each) for each in observed.permissions.ungranted],
        "faults": len(stage.faults.record.fired) if stage.faults else 0,
        "sandbox_peak_mb": round(own_peak_mb(), 1),
    }


@contextmanager
def _folders(out: Path | None) -> Iterator[tuple[Path, Path]]:
    """A folder to work in, removed at the end, and the one for the evidence, which ``--out`` keeps.

    The work is done inside of ``--out``, so that its objects become links instead of copies.
    """
    remove_stale()
    if out is None:
        with work_folder() as folder:
            (folder / "evidence").mkdir()
            yield folder, folder / "evidence"
        return
    with out_folder(out) as evidence:
        work = evidence / WORK
        work.mkdir()
        try:
            yield work, evidence
        finally:
            shutil.rmtree(work)


def _kept(state: Path | None) -> AbstractContextManager[Path | None]:
    """The folder of ``--state``, ours for the time of the run."""
    return nullcontext() if state is None else state_folder(state)
